"""`nccli sweep`: sweeps that are written in a file."""

from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nccli.cli import options as option
from nccli.cli.hands import PANEL, Detach, ExecutorName, Jobs, Slurm
from nccli.cli.notes import note, placed, warn
from nccli.errors import InputError, SomeRunsFailedError

if TYPE_CHECKING:
    from nccli.cli.sweep_file import SweepCommand

_AT_ONCE = (option.OutputFormat.json, option.OutputFormat.csv)
"""Formats that have a beginning and an end: the records of all commands are one array, one table."""


def run_file(
    file: Annotated[Path, typer.Argument(metavar="FILE.toml", help="The file.", show_default=False)],
    print_lines: Annotated[
        bool, typer.Option("--print", help="Print the commands, one a line as a shell takes it, and do nothing.")
    ] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(
            "--only",
            metavar="NAME|'GLOB'",
            help="Only the entries of this name, or of names such as fig*; repeated, of these.",
            show_default=False,
        ),
    ] = None,
    jobs: Jobs = None,
    executor: Annotated[
        ExecutorName | None,
        typer.Option("--executor", help="This machine, or a Slurm cluster.", show_default=False, rich_help_panel=PANEL),
    ] = None,
    slurm: Slurm = None,
    detach: Detach = False,
    store: option.StoreLocation = None,
    format: option.Format = None,
    force: option.Force = False,
    dry_run: option.DryRun = False,
    quiet: option.Quiet = False,
) -> None:
    """Carry out the sweeps of a file.

    An [[entry]] has a command (train-dufm, train-e2e, construct, search), its options as on the command line
    (wd_h1 = 1e-3, seed = "0..9", K = [6, 10], polish = true), and perhaps a name and several [[entry.grid]], which add
    to its options or replace them. Options above the first entry are shared by all commands that have them. Paths are
    as on the command line. Everything is checked before the first run begins. A cluster gets all of it at once.

    Example: nccli sweep run examples/paper.toml --only fig2 | nccli compare -
    """
    from nccli.cli.output import collected, emit, write
    from nccli.cli.sweep_file import read_sweeps

    given = {"store": store, "force": force or None, "jobs": jobs, "executor": executor, "detach": detach or None}
    chosen = _chosen(file, read_sweeps(file), only or ())
    commands = [each.with_options(given).with_settings(slurm or ()) for each in chosen]
    if (slurm or detach) and not any(each.is_elsewhere for each in commands):
        raise InputError(f"{'--slurm' if slurm else '--detach'} is for --executor slurm")
    if print_lines:
        write("".join(f"{each.line}\n" for each in commands))
        return
    note(f"{len(commands)} commands are checked before the first begins", quiet or len(commands) == 1)
    _check(commands)
    if not dry_run:
        _create_stores(commands)
        _submit(commands, quiet)
    asked = {"dry-run": dry_run, "quiet": quiet, "format": format}
    if format not in _AT_ONCE:
        _carry_out(commands, asked, quiet)
        return
    try:
        with collected() as records:
            _carry_out(commands, asked, quiet)
    finally:
        emit(records, format, format, ())


def _chosen(file: Path, commands: "Sequence[SweepCommand]", only: Sequence[str]) -> "Sequence[SweepCommand]":
    """All commands, or those of the entries that have one of these names.

    Raises:
        InputError: no entry has such a name.
    """
    from nccli.cli.arguments import nearest

    names = dict.fromkeys(each.entry for each in commands if each.entry is not None)
    for wanted in only:
        if not any(fnmatchcase(name, wanted) for name in names):
            raise InputError(f"--only {wanted}: no entry of {file} has that name{nearest(wanted, names)}")
    return [each for each in commands if not only or any(fnmatchcase(each.entry or "", wanted) for wanted in only)]


def _check(commands: "Sequence[SweepCommand]") -> None:
    """Try all commands, up to where the first run would begin.

    Raises:
        NccliError: as the first that cannot be carried out ends, with its place.
    """
    from nccli.cli.invoke import invoke
    from nccli.cli.output import unprinted

    for each in commands:
        with placed(each.label), unprinted():
            invoke(each.with_options({"dry-run": True, "quiet": True}).arguments)


def _create_stores(commands: "Sequence[SweepCommand]") -> None:
    """Open every store, so that none is found unusable half-way.

    Raises:
        StoreError: there is one, with the place of the first command that wants it.
    """
    from nccli.store import Store, store_location

    for place, label in {store_location(each.options.get("store")): each.label for each in reversed(commands)}.items():
        with placed(label):
            Store.create(place)


def _submit(commands: "Sequence[SweepCommand]", quiet: bool) -> None:
    """Let a cluster have all that it carries out, so that no command waits for the end of another one.

    Raises:
        NccliError: as the first that cannot be submitted ends, with its place.
    """
    from nccli.cli.invoke import invoke
    from nccli.cli.output import unprinted

    elsewhere = [each for each in commands if each.is_elsewhere and not each.options.get("detach")]
    if len(elsewhere) < 2 or any(each.options.get("force") for each in elsewhere):  # to be made again is said only once
        return
    for each in elsewhere:
        with placed(each.label), unprinted():
            invoke(each.with_options({"detach": True, "quiet": True}).arguments)
    note(f"the cluster has all of {len(elsewhere)} commands", quiet)


def _carry_out(commands: "Sequence[SweepCommand]", asked: Mapping[str, Any], quiet: bool) -> None:
    """Carry out commands one after the other.

    Args:
        commands: of the file.
        asked: options of all of them.
        quiet: no notes.

    Raises:
        SomeRunsFailedError: runs of some did not end well; all commands were carried out.
        NccliError: as the first that stops all the others ends, with its place.
    """
    from nccli.cli.invoke import invoke

    failed = 0
    for number, each in enumerate(commands, 1):
        note(f"command {number} of {len(commands)}, {each.label}: {each.line}", quiet)
        try:
            with placed(each.label):
                invoke(each.with_options(asked).arguments)
        except SomeRunsFailedError as error:
            warn(str(error))
            failed += 1
    if failed:
        raise SomeRunsFailedError(f"{failed} of {len(commands)} commands had runs that did not end well")


COMMANDS: dict[str, Callable[..., None]] = {"run": run_file}

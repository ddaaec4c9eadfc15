"""A file of sweeps: shared options, entries and their grids in TOML, as the commands that they stand for."""

import shlex
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from nccli.cli.arguments import arguments, commands, nearest, parameters, written
from nccli.cli.notes import placed
from nccli.errors import InputError

_ENTRIES, _COMMAND, _NAME, _GRIDS = "entry", "command", "name", "grid"
_OF_ENTRY = (_COMMAND, _NAME, _GRIDS)

_OF_THE_WHOLE = ("dry-run", "format", "quiet")
"""Options of `nccli sweep run`, for there is one stdout."""

_OF_A_CLUSTER = ("slurm", "name", "detach")
"""Options that a file may have for when it is carried out in one, and that are not given elsewhere."""

_MOST_BYTES = 2**24
"""A bound: of a file; a million runs are a line of it."""


@dataclass(frozen=True)
class SweepCommand:
    """A command that a file asks for.

    Attributes:
        label: where it stands: "paper.toml: entry 3 (fig2), grid 2".
        entry: the name of its entry; None if it has none.
        command: its name.
        options: by name as the command line has them, without dashes.
    """

    label: str
    entry: str | None
    command: str
    options: Mapping[str, Any]

    @property
    def is_elsewhere(self) -> bool:
        """Whether a cluster carries it out."""
        return self.options.get("executor") == "slurm"

    @property
    def arguments(self) -> list[str]:
        """What follows `nccli`.

        Raises:
            InputError: a value that the command does not take, with the label.
        """
        given = {name: each for name, each in self.options.items() if self.is_elsewhere or name not in _OF_A_CLUSTER}
        with placed(self.label):
            return arguments(self.command, given)

    @property
    def line(self) -> str:
        """For a shell."""
        return shlex.join(["nccli", *self.arguments])

    def with_options(self, given: Mapping[str, Any]) -> "SweepCommand":
        """The same with other values for options, as far as the command has them; None is not given."""
        known = parameters(self.command)
        taken = {name: value for name, value in given.items() if value is not None and name in known}
        return replace(self, options={**self.options, **taken})

    def with_settings(self, slurm: Sequence[str]) -> "SweepCommand":
        """The same with further settings of a cluster, which come after its own and before them where they differ."""
        own = self.options.get("slurm", [])
        return self.with_options({"slurm": [*(own if isinstance(own, list) else [own]), *slurm] or None})


def read_sweeps(path: Path) -> list[SweepCommand]:
    """The commands of a file, an entry's grids one after the other.

    Raises:
        InputError: what cannot be read, is no TOML, or names what there is not, with the place.
    """
    table = _read(path)
    entries = table.pop(_ENTRIES, None)
    if not isinstance(entries, list) or not all(isinstance(each, dict) for each in entries) or not entries:
        others = f"; it has {', '.join(table)}" if table else ""
        raise InputError(f"{path}: it has no [[{_ENTRIES}]], a table for each command{others}")
    labels = [f"{path}: {_entry_words(number, each)}" for number, each in enumerate(entries, 1)]
    _check_names(path, entries, labels)
    names = [_command_of(label, each) for label, each in zip(labels, entries, strict=True)]
    shared = _shared(path, table, names)
    sweeps = list[SweepCommand]()
    for label, command, entry in zip(labels, names, entries, strict=True):
        own = {name: value for name, value in entry.items() if name not in _OF_ENTRY}
        known = parameters(command)
        options = {name: value for name, value in shared.items() if name in known} | _options(label, command, own)
        for number, (where, grid) in enumerate(grids := list(_grids(label, entry)), 1):
            if _NAME in entry and _NAME in known:
                options[_NAME] = f"{entry[_NAME]}-{number}" if len(grids) > 1 else entry[_NAME]
            sweeps.append(SweepCommand(where, entry.get(_NAME), command, options | _options(where, command, grid)))
    for each in sweeps:
        _ = each.arguments
    return sweeps


def _read(path: Path) -> dict[str, Any]:
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise InputError(f"{path}: not a regular file")
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise InputError(f"{path}: larger than {_MOST_BYTES // 2**20} MiB, and no file of sweeps")
        return tomllib.loads(path.read_bytes().decode())
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not TOML, for it is not UTF-8 (byte {error.start})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not TOML: {error}") from error


def _entry_words(number: int, entry: Mapping[str, Any]) -> str:
    name = entry.get(_NAME)
    return f"{_ENTRIES} {number}" + (f" ({name})" if isinstance(name, str) else "")


def _check_names(path: Path, entries: Sequence[Mapping[str, Any]], labels: Sequence[str]) -> None:
    seen: dict[str, int] = {}
    for number, (entry, label) in enumerate(zip(entries, labels, strict=True), 1):
        name = entry.get(_NAME)
        if name is None:
            continue
        if not isinstance(name, str) or not name.strip() or not name.isprintable():
            raise InputError(f"{label}: {_NAME} = {name!r} must be a text that can be printed")
        if name in seen:
            raise InputError(f"{path}: entries {seen[name]} and {number} are both named '{name}'")
        seen[name] = number


def _command_of(label: str, entry: Mapping[str, Any]) -> str:
    """The command of an entry: one of those that make runs, which are those that name them and can be tried without."""
    takers = [name for name in commands() if {"dry-run", "tag"} <= parameters(name).keys()]
    wanted = entry.get(_COMMAND)
    if wanted is None:
        raise InputError(f"{label}: it has no {_COMMAND}, one of {', '.join(takers)}")
    name = str(wanted).replace("_", "-")
    if name not in takers:
        near, found, _ = nearest(name, takers).partition("?")
        way_out = near + found if found else f": {', '.join(takers)} do"
        raise InputError(f"{label}: {_COMMAND} '{wanted}' makes no runs{way_out}")
    return name


def _shared(path: Path, table: Mapping[str, Any], names: Sequence[str]) -> dict[str, Any]:
    """Options above the entries, each of which one command at least takes."""
    known = {name: command for command in dict.fromkeys(names) for name in parameters(command)}
    found: dict[str, Any] = {}
    for name, value in table.items():
        command = known.get(name.replace("_", "-").strip("-"))
        if command is None:
            what = "no entry's command has an option"
            raise InputError(f"{path}: {what} '{name}'{nearest(name, [*known, _ENTRIES]).partition(';')[0]}")
        found |= _options(str(path), command, {name: value}, found)
    return found


def _options(
    label: str, command: str, given: Mapping[str, Any], before: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Options by the names that the command writes."""
    found: dict[str, Any] = {}
    with placed(label):
        for name, value in given.items():
            option, own = written(command, name, value)
            if option in _OF_THE_WHOLE:
                raise InputError(f"'{name}' is not of one command: give it to nccli sweep run")
            if option in found or option in (before or ()):
                raise InputError(f"--{option} is given twice")
            found[option] = own
    return found


def _grids(label: str, entry: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The grids of an entry with their labels; one that adds nothing where none is named."""
    grids = entry.get(_GRIDS, [{}])
    if not isinstance(grids, list) or not all(isinstance(each, dict) for each in grids) or not grids:
        raise InputError(f"{label}: {_GRIDS} must be tables, each [[{_ENTRIES}.{_GRIDS}]]")
    for number, grid in enumerate(grids, 1):
        yield (f"{label}, {_GRIDS} {number}" if len(grids) > 1 else label), grid

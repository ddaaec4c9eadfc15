"""`nccli plot`."""

import errno
import os
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nccli.cli import _options as option
from nccli.cli._completion import complete_figures
from nccli.cli._notes import note
from nccli.errors import InputError, NothingFoundError

if TYPE_CHECKING:
    from nccli.figures import Drawn, StoreFigure


class FigureFormat(StrEnum):
    """File format of a figure."""

    pdf = "pdf"
    svg = "svg"
    png = "png"


def plot(
    name: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME]", help="The figure; --list shows them.", show_default=False, autocompletion=complete_figures
        ),
    ] = None,
    runs: option.RunIds = None,
    where: option.Where = None,
    output: Annotated[
        str | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="File, or - for stdout. [default: NAME.pdf]", show_default=False
        ),
    ] = None,
    format: Annotated[
        FigureFormat | None,
        typer.Option("--format", help="File format. [default: from the suffix of FILE, else pdf]", show_default=False),
    ] = None,
    width: Annotated[
        str, typer.Option("--width", metavar="neurips|icml|INCHES", help="Width: 5.5 in, 3.25 in, or as said.")
    ] = "neurips",
    data: Annotated[
        str | None,
        typer.Option(
            "--data", metavar="FILE.csv|json", help="Write the numbers drawn, with run ids.", show_default=False
        ),
    ] = None,
    K: option.OptionalK = None,
    L: option.OptionalL = None,
    n: Annotated[
        int | None, typer.Option("--n", help="loss-ratio: samples a class. [default: 1]", show_default=False)
    ] = None,
    wd: Annotated[
        float | None, typer.Option("--wd", help="loss-ratio: weight decay. [default: 5e-4]", show_default=False)
    ] = None,
    rank_rtol: option.RankRtol = 1e-2,
    list_figures: Annotated[bool, typer.Option("--list", help="List the figures and exit.")] = False,
    store: option.StoreLocation = None,
    quiet: option.Quiet = False,
) -> None:
    """Draw a figure from stored runs; nothing is trained.

    Without RUN or --where: all trained runs that ended well. Prints the name of the file.

    Example: nccli plot rank-vs-wd -o rank.svg --data rank.csv
    """
    from nccli.cli._output import rendered, write, write_bytes
    from nccli.figures import LOSS_RATIO, STORE_FIGURES, draw_loss_ratio, parse_width, render, style

    if list_figures:
        _list_figures()
        return
    if name not in (LOSS_RATIO, *STORE_FIGURES):
        problem = "no figure named" if name is None else f"there is no figure '{name}'"
        raise InputError(f"{problem}: choose one of {', '.join((LOSS_RATIO, *STORE_FIGURES))} (nccli plot --list)")
    inches = parse_width(width)
    target, kind = _target(name, output, format)
    table = None if data is None else _data_format(data)
    for option_name, path in (("-o", target), ("--data", None if data is None else Path(data))):
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            reason = errno.EISDIR if path.is_dir() else errno.ENOENT
            raise InputError(f"{option_name} '{path}': cannot be written: {os.strerror(reason)}")
    if name == LOSS_RATIO:
        drawn = _collect_loss_ratio(K, L, n, wd, runs, where, store, quiet)
    else:
        for flag, value in (("--K", K), ("--L", L), ("--n", n), ("--wd", wd)):
            if value is not None:
                raise InputError(f"{flag} belongs to {LOSS_RATIO}; narrow runs with --where, such as --where K=10")
        drawn = _collect(STORE_FIGURES[name], runs, where, store, rank_rtol, quiet)
    for text in drawn.notes:
        note(text, quiet)
    with style():
        figure = (draw_loss_ratio if name == LOSS_RATIO else STORE_FIGURES[name].draw)(drawn, inches)
        content = render(figure, kind)
    if data is not None and table is not None:
        _write_file(Path(data), rendered(drawn.rows, table).encode(), "--data")
    if target is None:
        write_bytes(content)
        return
    _write_file(target, content, "-o")
    write(f"{target}\n")


def _list_figures() -> None:
    from nccli.cli._output import Column, emit, plain
    from nccli.figures import LOSS_RATIO, LOSS_RATIO_SUMMARY, STORE_FIGURES

    records = [{"name": LOSS_RATIO, "shows": LOSS_RATIO_SUMMARY}]
    records += [{"name": figure.name, "shows": figure.summary} for figure in STORE_FIGURES.values()]
    columns = [Column(key, plain(key), left=True) for key in ("name", "shows")]
    emit(records, None, option.OutputFormat.jsonl, columns)


def _target(name: str, output: str | None, format: FigureFormat | None) -> tuple[Path | None, str]:
    """Where the figure goes (None: stdout) and in which format."""
    if output == "-":
        if sys.stdout.isatty():
            raise InputError("-o -: stdout is a terminal, and a figure is binary: redirect it, or name a file")
        return None, (format or FigureFormat.pdf).value
    if output is None:
        kind = (format or FigureFormat.pdf).value
        return Path(f"{name}.{kind}"), kind
    path = Path(output)
    suffix = path.suffix.removeprefix(".").lower()
    if format is not None and suffix in ("", format.value):
        return path, format.value
    if format is not None and suffix in tuple(FigureFormat):
        raise InputError(f"-o '{output}' says {suffix} and --format says {format.value}: drop one of them")
    if format is None and suffix not in tuple(FigureFormat):
        raise InputError(f"-o '{output}': the suffix must be .{', .'.join(FigureFormat)}, or give --format")
    return path, suffix if format is None else format.value


def _data_format(data: str) -> option.OutputFormat:
    suffix = Path(data).suffix.removeprefix(".").lower()
    if suffix not in ("csv", "json", "jsonl"):
        raise InputError(f"--data '{data}': the suffix must be .csv, .json or .jsonl")
    return option.OutputFormat(suffix)


def _collect(
    figure: "StoreFigure", runs: list[str] | None, where: str | None, store: str | None, rtol: float, quiet: bool
) -> "Drawn":
    from nccli.cli._selection import selected_or_trained

    try:
        with selected_or_trained(store, runs, where, quiet) as (connection, chosen):
            return figure.collect(connection, chosen, rtol)
    except NothingFoundError as error:
        if runs:
            raise
        raise NothingFoundError(
            f"{str(error).split(':')[0]}; for {figure.name}, make runs with\n  {_command(figure, where, store)}"
        ) from error


def _command(figure: "StoreFigure", where: str | None, store: str | None) -> str:
    """The command that makes the runs a figure lacks: its recipe, with what --where fixes."""
    import shlex

    from nccli.store import parse_where

    options = dict(figure.recipe)
    for comparison in parse_where(where) if where is not None else ():
        if comparison.operator == "=" and comparison.column in ("K", "L", "n", "width", "wd", "lr", "seed", "steps"):
            options[comparison.column] = f"{comparison.value}"
    place = "" if store is None else f" --store {shlex.quote(store)}"
    return "nccli train-dufm " + " ".join(f"--{key} {value}" for key, value in options.items()) + place


def _collect_loss_ratio(
    K: str | None,
    L: str | None,
    n: int | None,
    wd: float | None,
    runs: list[str] | None,
    where: str | None,
    store: str | None,
    quiet: bool,
) -> "Drawn":
    """Closed forms over a grid; runs of the store, where there is one, are drawn where they are about the same."""
    from nccli.cli._selection import selected_or_trained
    from nccli.figures import collect_loss_ratio
    from nccli.sweep import ProblemGrid, parse_integers

    grid = ProblemGrid(
        K=parse_integers("6..60" if K is None else K, "--K"),
        L=parse_integers("3..5" if L is None else L, "--L"),
        n=(1 if n is None else n,),
        wd=(5e-4 if wd is None else wd,),
    )
    problems = grid.problems()
    try:
        with selected_or_trained(store, runs, where, quiet) as (_, chosen):
            trained = chosen
    except NothingFoundError:
        if runs or where is not None:
            raise
        trained = []
    drawn = collect_loss_ratio(problems, trained)
    if not drawn.of("theory"):
        raise InputError(
            "loss-ratio: no problem of the grid has an SRG solution (K >= 4) better than the trivial point"
        )
    return drawn


def _write_file(path: Path, content: bytes, name: str) -> None:
    from nccli.atomic import atomic_write

    try:
        with atomic_write(path) as file:
            file.write(content)
    except OSError as error:
        raise InputError(f"{name} '{path}': cannot be written: {error.strerror}") from error

"""`nccli plot`."""

import difflib
import errno
import gc
import os
import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nccli.cli import options as option
from nccli.cli.completion import complete_figures
from nccli.cli.figure_file import FigureFormat, data_format, figure_target, open_in_viewer, write_file
from nccli.cli.notes import note
from nccli.errors import InputError, NothingFoundError

if TYPE_CHECKING:
    from nccli.figures import Drawn, Options, PaperFigure, StoreFigure

_OBJECTS = 200_000
"""New ones between two searches for cycles, which would take a tenth of the time: the process ends with the figure."""


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
    raw: Annotated[
        bool, typer.Option("--raw", help="Heat maps with classes and rows in the order of the store.")
    ] = False,
    no_caption: Annotated[
        bool, typer.Option("--no-caption", help="Without the line of settings and runs below.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Open the figure in the viewer of this desktop too.")] = False,
    list_figures: Annotated[bool, typer.Option("--list", help="List the figures and exit.")] = False,
    store: option.StoreLocation = None,
    quiet: option.Quiet = False,
) -> None:
    """Draw a figure from stored runs; nothing is trained.

    Without RUN or --where: all trained runs that ended well. Prints the name of the file.

    Example: nccli plot rank-vs-wd -o rank.svg --data rank.csv
    """
    gc.set_threshold(_OBJECTS)
    from nccli.cli.output import rendered, write, write_bytes
    from nccli.figures import PAPER_FIGURES, Options, parse_width, render, style

    if list_figures:
        _list_figures()
        return
    names = _names()
    if name not in names:
        near = difflib.get_close_matches(name or "", names, n=1)
        hint = f" (did you mean '{near[0]}'?)" if near else ""
        problem = "no figure named" if name is None else f"there is no figure '{name}'{hint}"
        raise InputError(f"{problem}: choose one of {', '.join(names)} (nccli plot --list)")
    inches = parse_width(width)
    target, kind = figure_target(name, output, format)
    if show and target is None:
        raise InputError("--show opens a file: name one with -o, or drop -o -")
    table = None if data is None else data_format(data)
    for option_name, path in (("-o", target), ("--data", None if data is None else Path(data))):
        if path is not None and (path.is_dir() or not path.parent.is_dir()):
            reason = errno.EISDIR if path.is_dir() else errno.ENOENT
            raise InputError(f"{option_name} '{path}': cannot be written: {os.strerror(reason)}")
    _refuse_options(name, {"--K": K, "--L": L, "--n": n, "--wd": wd})
    asked = _Asked(runs, where, store, quiet, Options(rank_rtol, raw))
    _refuse_unheeded(name, asked.options)
    if name in PAPER_FIGURES:
        draw, rows, notes = _paper(PAPER_FIGURES[name], asked)
    else:
        draw, rows, notes = _single(name, asked, (K, L, n, wd))
    for text in notes:
        note(text, quiet)
    with style():
        content = render(draw(inches, not no_caption), kind)
    if data is not None and table is not None:
        write_file(Path(data), rendered(rows, table).encode(), "--data")
    if target is None:
        write_bytes(content)
        return
    write_file(target, content, "-o")
    write(f"{target}\n")
    if show:
        open_in_viewer(target, quiet)


@dataclass(frozen=True)
class _Asked:
    """What a figure is asked to show."""

    runs: list[str] | None
    where: str | None
    store: str | None
    quiet: bool
    options: "Options"


_Ready = tuple[Callable[[float, bool], Any], list[dict[str, Any]], Sequence[str]]


def _names() -> tuple[str, ...]:
    from nccli.figures import LOSS_RATIO, PAPER_FIGURES, STORE_FIGURES

    return (LOSS_RATIO, *STORE_FIGURES, *PAPER_FIGURES)


def _refuse_options(name: str, given: dict[str, Any]) -> None:
    from nccli.figures import LOSS_RATIO

    for flag, value in given.items():
        if value is not None and name != LOSS_RATIO:
            raise InputError(f"{flag} belongs to {LOSS_RATIO}; narrow runs with --where, such as --where K=10")


def _refuse_unheeded(name: str, options: "Options") -> None:
    from nccli.figures import PAPER_FIGURES, STORE_FIGURES, Options

    figures: dict[str, StoreFigure | PaperFigure] = {**STORE_FIGURES, **PAPER_FIGURES}
    for option_name, flag in (("raw", "--raw"), ("rank_rtol", "--rank-rtol")):
        changed = getattr(options, option_name) != getattr(Options(), option_name)
        if changed and (name not in figures or option_name not in figures[name].heeds):
            heeding = [each for each, figure in figures.items() if option_name in figure.heeds]
            raise InputError(f"{flag} changes nothing in {name}: it is for {', '.join(heeding)}")


def _single(name: str, asked: _Asked, grid: tuple[str | None, str | None, int | None, float | None]) -> _Ready:
    """A figure by query, or the closed forms."""
    from nccli.figures import LOSS_RATIO, STORE_FIGURES, draw_loss_ratio

    if name == LOSS_RATIO:
        drawn = _collect_loss_ratio(grid, asked)
        return partial(draw_loss_ratio, drawn), drawn.rows, drawn.notes
    figure = STORE_FIGURES[name]
    drawn = _collect(figure, asked)
    return partial(figure.draw, drawn), drawn.rows, drawn.notes


def _paper(figure: "PaperFigure", asked: _Asked) -> _Ready:
    """A figure of the paper; parts without runs are left out with the commands that make them."""
    from nccli.cli.selection import selection
    from nccli.store import Selection

    place = "" if asked.store is None else f" --store {shlex.quote(asked.store)}"
    try:
        with selection(asked.store, asked.runs, asked.where, quiet=True, any_kind=True) as (connection, chosen):
            found, missing = figure.collect(connection, chosen, asked.options)
    except NothingFoundError:
        if asked.runs:
            raise
        found, missing = figure.collect(None, Selection(), asked.options)
    listed = "".join(f"\n  {command}{place}" for command in dict.fromkeys(each.part.command for each in missing))
    others = [each for each in missing if each.others]
    if not found and others:
        reasons = "; ".join(dict.fromkeys(each.why for each in others))
        raise NothingFoundError(f"{figure.name}: {reasons}; more seeds or another --wd may find some:{listed}")
    if not found:
        raise NothingFoundError(f"the store has no runs for {figure.name}; make them with{listed}")
    several = len(found) > 1
    notes = [f"{part.title}: {text}" if several else text for part, drawn in found for text in drawn.notes]
    if missing:
        titles = "; ".join(each.part.title + (f" ({each.why})" if each.why else "") for each in missing)
        notes.append(f"left out for want of runs: {titles}; make them with{listed}")
    rows = [{"part": part.title, **row} for part, drawn in found for row in drawn.rows]
    return partial(figure.draw, found), rows, notes


def _list_figures() -> None:
    from nccli.cli.output import Column, emit, plain
    from nccli.figures import LOSS_RATIO, LOSS_RATIO_SUMMARY, PAPER_FIGURES, STORE_FIGURES

    records = [{"name": LOSS_RATIO, "shows": LOSS_RATIO_SUMMARY}]
    records += [{"name": figure.name, "shows": figure.summary} for figure in STORE_FIGURES.values()]
    records += [{"name": figure.name, "shows": figure.summary} for figure in PAPER_FIGURES.values()]
    columns = [Column(key, plain(key), left=True) for key in ("name", "shows")]
    emit(records, None, option.OutputFormat.jsonl, columns)


def _collect(figure: "StoreFigure", asked: _Asked) -> "Drawn":
    from nccli.cli.selection import selection

    try:
        with selection(asked.store, asked.runs, asked.where, asked.quiet) as (connection, chosen):
            return figure.collect(connection, chosen, asked.options)
    except NothingFoundError as error:
        if asked.runs:
            raise
        raise NothingFoundError(
            f"{str(error).split(':')[0]}; for {figure.name}, make runs with\n"
            f"  {_command(figure, asked.where, asked.store)}"
        ) from error


def _command(figure: "StoreFigure", where: str | None, store: str | None) -> str:
    """The command that makes the runs a figure lacks: its recipe, with what --where fixes."""
    from nccli.store import Comparison, parse_where

    options = dict(figure.recipe)
    for comparison in parse_where(where) if where is not None else ():
        if not isinstance(comparison, Comparison) or comparison.operator != "=":
            continue
        if comparison.column in ("K", "L", "n", "width", "wd", "lr", "seed", "steps"):
            options[comparison.column] = f"{comparison.value}"
    place = "" if store is None else f" --store {shlex.quote(store)}"
    return "nccli train-dufm " + " ".join(f"--{key} {value}" for key, value in options.items()) + place


def _collect_loss_ratio(given: tuple[str | None, str | None, int | None, float | None], asked: _Asked) -> "Drawn":
    """Closed forms over a grid; runs of the store, where there is one, are drawn where they are about the same."""
    from nccli.cli.selection import selection
    from nccli.figures import collect_loss_ratio
    from nccli.store import select_settings
    from nccli.sweep import ProblemGrid, parse_integers

    K, L, n, wd = given
    grid = ProblemGrid(
        K=parse_integers("6..60" if K is None else K, "--K"),
        L=parse_integers("3..5" if L is None else L, "--L"),
        n=(1 if n is None else n,),
        wd=(5e-4 if wd is None else wd,),
    )
    problems = grid.problems()
    try:
        with selection(asked.store, asked.runs, asked.where, asked.quiet) as (connection, chosen):
            trained = select_settings(connection, chosen, ("loss",))
    except NothingFoundError:
        if asked.runs or asked.where is not None:
            raise
        trained = []
    drawn = collect_loss_ratio(problems, trained)
    if not drawn.of("theory"):
        raise InputError(
            "loss-ratio: no problem of the grid has an SRG solution (K >= 4) better than the trivial point"
        )
    return drawn

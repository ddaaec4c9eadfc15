"""`nccli plot`."""

import difflib
import shlex
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nccli.catalogue.figures import FIGURES, PhaseColor
from nccli.catalogue.options import ObjectiveName
from nccli.catalogue.widths import VENUES
from nccli.cli import options as option
from nccli.cli.completion import complete_axes, complete_figures
from nccli.cli.figure_file import FigureFormat, caption_place, data_format, figure_target, open_in_viewer
from nccli.cli.notes import note
from nccli.cli.on_screen import OnScreen
from nccli.errors import InputError, NothingFoundError
from nccli.outputs import Output, require_outputs

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nccli.figures import Drawn, Options, Plot
    from nccli.store import Selection
    from nccli.theory import Problem

_COLUMNS = ("K", "L", "n", "wd")
"""Options that are columns of runs too."""


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
        str,
        typer.Option(
            "--width",
            metavar="VENUE|INCHES|Ncm",
            help=f"Width: of {', '.join(VENUES)}, or a length.",
            autocompletion=lambda: list(VENUES),
        ),
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
    loss: Annotated[
        ObjectiveName | None,
        typer.Option("--loss", help="loss-ratio: squared error or cross-entropy. [default: mse]", show_default=False),
    ] = None,
    x: Annotated[
        str | None,
        typer.Option(
            "--x",
            metavar="SETTING",
            help="phase: horizontal axis, any setting that is a number. [default: width]",
            show_default=False,
            autocompletion=complete_axes,
        ),
    ] = None,
    y: Annotated[
        str | None,
        typer.Option(
            "--y",
            metavar="SETTING",
            help="phase: vertical axis. [default: wd]",
            show_default=False,
            autocompletion=complete_axes,
        ),
    ] = None,
    color: Annotated[
        PhaseColor | None,
        typer.Option(
            "--color",
            help="phase: mean hidden rank, share of DNC or SRG, commonest outcome. [default: rank]",
            show_default=False,
        ),
    ] = None,
    rank_rtol: option.RankRtol = 1e-2,
    raw: Annotated[
        bool, typer.Option("--raw", help="Heat maps with classes and rows in the order of the store.")
    ] = False,
    all_runs: option.AllRuns = False,
    caption: Annotated[
        str | None,
        typer.Option(
            "--caption",
            metavar="on|off|FILE.tex",
            help="Settings and runs below the figure, or as LaTeX in a file. [default: on in png, else off]",
            show_default=False,
        ),
    ] = None,
    no_caption: Annotated[bool, typer.Option("--no-caption", hidden=True)] = False,
    text: Annotated[
        bool, typer.Option("--text", help="Draw it in characters, as wide as the terminal, and write no file.")
    ] = False,
    inline: Annotated[
        bool, typer.Option("--inline", help="Show it in the terminal (kitty, iTerm2), and write no file.")
    ] = False,
    show: Annotated[bool, typer.Option("--show", help="Open the figure in the viewer of this desktop too.")] = False,
    list_figures: Annotated[bool, typer.Option("--list", help="List the figures and exit.")] = False,
    store: option.StoreLocation = None,
    quiet: option.Quiet = False,
) -> None:
    """Draw a figure from stored runs; nothing is trained.

    Without RUN or --where: all trained runs that ended well. Ends that were polished or refined are drawn where RUN or
    --where names them, as series of their own. Prints the name of the file.

    Example: nccli plot rank-vs-wd -o rank.svg --data rank.csv
    """
    if list_figures:
        _list_figures()
        return
    name = _known(name)
    on_screen = OnScreen.asked(text, inline, output or (format and format.value) or (show and "--show") or None)
    from nccli.cli.output import rendered, write, write_bytes
    from nccli.figures import FIGURES as PLOTS
    from nccli.figures import Options, latex_caption, parse_width, render, style
    from nccli.store import store_file

    inches = parse_width(width)
    target, kind = (None, "") if on_screen else figure_target(name, output, format)
    if no_caption:
        if caption is not None:
            raise InputError("--caption and --no-caption: name one of them")
        note("--no-caption is --caption off", quiet)
    words = caption_place("off" if no_caption else caption, "png" if on_screen else kind)
    if show and target is None:
        raise InputError("--show opens a file: name one with -o, or drop -o -")
    table = None if data is None else data_format(data)
    place = store_file(store)
    picture = None if target is None else Output("-o", target, place)
    numbers = None if data is None else Output("--data", Path(data), place)
    small_print = None if words.file is None else Output("--caption", words.file, place)
    require_outputs([picture, numbers, small_print])
    own = {"K": K, "L": L, "n": n, "wd": wd, "loss": loss}
    named = "" if store is None else f" --store {shlex.quote(store)}"
    options = Options(rank_rtol, raw, all_runs, x=x or "", y=y or "", color=color or "", store=named)
    figure = PLOTS[name].adapted(options)
    tolerance = None if rank_rtol == Options.rank_rtol else rank_rtol
    given = {**own, "x": x, "y": y, "color": color}
    _refuse_unheeded(figure, {**given, "raw": raw or None, "all_runs": all_runs or None, "rank_rtol": tolerance})
    options = replace(options, problems=_problems(figure, K, L, n, wd, loss or ObjectiveName.MSE))
    drawn = _collect(figure, _Asked(runs, where, store, quiet), options)
    for remark in drawn.notes:
        note(remark, quiet)
    with style():
        page = figure.draw(drawn, inches, words.drawn and not text)
        content = on_screen.content(page) if on_screen else render(page, kind)
    if numbers is not None and table is not None:
        numbers.write(rendered([*drawn.rows, *drawn.counted], table))
    if small_print is not None:
        small_print.write(latex_caption(drawn).encode())
    if picture is None:
        write_bytes(content)
        return
    picture.write(content)
    write(f"{picture.path}\n")
    if show:
        open_in_viewer(picture.path, quiet)


def _known(name: str | None) -> str:
    """The name of a figure that there is."""
    if name in FIGURES:
        return name
    near = difflib.get_close_matches(name or "", FIGURES, n=1)
    hint = f" (did you mean '{near[0]}'?)" if near else ""
    problem = "no figure named" if name is None else f"there is no figure '{name}'{hint}"
    raise InputError(f"{problem}: choose one of {', '.join(FIGURES)} (nccli plot --list)")


def _list_figures() -> None:
    from nccli.cli.output import Column, emit, plain

    records = [{"name": name, "shows": summary} for name, summary in FIGURES.items()]
    columns = [Column(key, plain(key), left=True) for key in ("name", "shows")]
    emit(records, None, option.OutputFormat.jsonl, columns)


def _refuse_unheeded(figure: "Plot", given: Mapping[str, object]) -> None:
    """Refuse options that are given and change nothing in a figure."""
    from nccli.figures import FIGURES as PLOTS

    for option_name, value in given.items():
        if value is None or option_name in figure.heeds:
            continue
        flag = "--all" if option_name == "all_runs" else f"--{option_name.replace('_', '-')}"
        others = (each for each, other in PLOTS.items() if option_name in other.heeds and each != figure.name)
        heeding = ", ".join(others)
        if option_name in _COLUMNS:
            raise InputError(f"{flag} belongs to {heeding}; narrow runs with --where, such as --where K=10")
        raise InputError(f"{flag} changes nothing in {figure.name}: it is for {heeding}")


def _problems(
    figure: "Plot", K: str | None, L: str | None, n: int | None, wd: float | None, loss: ObjectiveName
) -> "tuple[Problem, ...]":
    """The problems that a figure shows in closed form: its own, but for what the user names."""
    if figure.grid is None:
        return ()
    from nccli.cli.problems import require_patience
    from nccli.sweep import ProblemGrid, parse_integers
    from nccli.theory import solve_dnc, solve_srg

    grid = ProblemGrid(
        K=figure.grid.K if K is None else parse_integers(K, "--K"),
        L=figure.grid.L if L is None else parse_integers(L, "--L"),
        n=(figure.grid.n if n is None else n,),
        wd=(figure.grid.wd if wd is None else wd,),
        objective=(loss.value,),
    )
    require_patience(grid, lambda problems: [(solve_dnc(problem), solve_srg(problem)) for problem in problems])
    return tuple(grid.problems())


@dataclass(frozen=True)
class _Asked:
    """Which runs a figure is asked to show."""

    runs: list[str] | None
    where: str | None
    store: str | None
    quiet: bool


def _collect(figure: "Plot", asked: _Asked, options: "Options") -> "Drawn":
    """What the figure draws; where it lacks runs that the user has not named, the error tells how to make them."""
    from nccli.store import parse_where

    try:
        with _runs(figure, asked, options) as (connection, chosen):
            return figure.collect(connection, chosen, options)
    except NothingFoundError as error:
        command = figure.command(parse_where(asked.where) if asked.where is not None else (), options)
        if asked.runs or not command:
            raise
        reason = str(error).split(":")[0]
        raise NothingFoundError(f"{reason}; for {figure.name}, make runs with\n  {command}") from error


@contextmanager
def _runs(figure: "Plot", asked: _Asked, options: "Options") -> "Iterator[tuple[Connection | None, Selection]]":
    """The runs asked about; no connection where there are none, for a figure that can do without."""
    from nccli.cli.selection import selection
    from nccli.store import Selection

    with ExitStack() as stack:
        found: tuple[Connection | None, Selection] = (None, Selection())
        quiet = asked.quiet or figure.any_kind
        try:
            asked_about = (asked.store, asked.runs, asked.where)
            tables, columns = figure.reads(options)
            chosen = selection(*asked_about, quiet, figure.any_kind, tables, plain=True, columns=columns)
            found = stack.enter_context(chosen)
        except NothingFoundError:
            if asked.runs or not figure.can_do_without(narrowed=asked.where is not None):
                raise
        yield found

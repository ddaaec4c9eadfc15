"""`nccli report`."""

import shlex
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nccli.cli import options as option
from nccli.outputs import STDOUT, Output

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nccli.figures import Plot
    from nccli.report import Contents, Run
    from nccli.store import Comparison, Selection

_FEW = 20
"""Runs that a command names one by one: a taste."""

_MOST, _LEAST = 2_700_000, 1_000_000
"""Characters of a report, below 3 MB with 500 runs, and what its figures have in any case: bounds."""

_MARKS = 8
"""A measurement: characters around a text, in the table and in JSON."""

_IDS = "runs.txt"
_TOLERANCE = 1e-2
"""Of ranks, where nothing else is said."""


def report(
    runs: option.RunIds = None,
    where: option.Where = None,
    output: Annotated[
        str,
        typer.Option("-o", "--output", metavar="FILE.html", help="File, or - for stdout."),
    ] = "report.html",
    title: Annotated[
        str | None,
        typer.Option("--title", help="Of the page. [default: nccli report]", show_default=False),
    ] = None,
    rank_rtol: option.RankRtol = 1e-2,
    store: option.StoreLocation = None,
    quiet: option.Quiet = False,
) -> None:
    """Write runs as one HTML file to send to a co-author.

    It holds what became of the runs, their settings, the figures that they make, every run with its layers on a click,
    and the commands that make it all again. It works offline, in light and dark. Without RUN or --where: all runs.
    Prints the name of the file.

    Example: nccli report --where "K=10 and L=4" -o collapse.html
    """
    from nccli.cli.output import encoded, write, write_bytes
    from nccli.cli.selection import selection
    from nccli.report import report_page
    from nccli.store import WHOLE, store_file

    target = None if output in STDOUT else Output("-o", Path(output), store_file(store), (".html", ".htm"))
    if target is not None:
        target.require()
    asked = _Asked(where, output, title, rank_rtol)
    with selection(store, runs, where, quiet, any_kind=True, tables=WHOLE) as (connection, chosen):
        page = encoded(report_page(asked.contents(connection, chosen)))
    if target is None:
        write_bytes(page)
        return
    target.write(page)
    write(f"{target.path}\n")


@dataclass(frozen=True)
class _Asked:
    """What the command line says."""

    where: str | None
    output: str
    title: str | None
    rank_rtol: float

    def contents(self, connection: "Connection", chosen: "Selection") -> "Contents":
        """All that the page says."""
        from nccli import __version__
        from nccli.cli.report_contents import making, outcome_table, run_lines, settings_table
        from nccli.report import Contents, draw_pictures, pictures_of
        from nccli.store import having_trajectory, run_records, select_selected

        rows = select_selected(connection, chosen)
        records = run_records(connection, rows, self.rank_rtol)
        columns, layer_columns, lines = run_lines(records, having_trajectory(connection, [row["id"] for row in rows]))
        pictures, undrawn = pictures_of(
            draw_pictures(connection, chosen, self.rank_rtol, self._drawing(chosen), _room_beside(lines))
        )
        count = "1 run" if len(records) == 1 else f"{len(records)} runs"
        narrowed = f" with {self.where}" if self.where else ""
        return Contents(
            title=self.title or "nccli report",
            about=(f"{count}{narrowed}, told by nccli {__version__}.",),
            outcomes=outcome_table(connection, chosen, records),
            settings=settings_table(records),
            pictures=pictures,
            undrawn=undrawn,
            columns=columns,
            layer_columns=layer_columns,
            runs=lines,
            commands=[*making(lines, [record["kind"] for record in records]), *self._ids(chosen), self._report(chosen)],
        )

    def _again(self, command: str, chosen: "Selection", more: Sequence[str] = ()) -> str:
        """A command about the same runs."""
        ids = chosen.ids or ()
        named = ["-"] if len(ids) > _FEW else list(ids)
        where = [] if self.where is None else ["--where", self.where]
        line = shlex.join(["nccli", *command.split(), *named, *where, *more])
        return f"{line} < {_IDS}" if len(ids) > _FEW else line

    @property
    def _tolerance(self) -> list[str]:
        return [] if self.rank_rtol == _TOLERANCE else ["--rank-rtol", f"{self.rank_rtol:g}"]

    def _drawing(self, chosen: "Selection") -> "Callable[[Plot, Sequence[Comparison]], str]":
        def command(figure: "Plot", narrowed: "Sequence[Comparison]") -> str:
            tolerance = self._tolerance if "rank_rtol" in figure.heeds else []
            conditions = [f"({self.where})"] if self.where and narrowed else [self.where] if self.where else []
            conditions += [f"{each.column}={each.value}" for each in narrowed]
            asked = replace(self, where=" and ".join(conditions) or None)
            return asked._again(f"plot {figure.name}", chosen, tolerance)

        return command

    def _report(self, chosen: "Selection") -> str:
        title = [] if self.title is None else ["--title", self.title]
        return self._again("report", chosen, [*title, *self._tolerance, "-o", Path(self.output).name])

    def _ids(self, chosen: "Selection") -> list[str]:
        """The file that commands read ids from, where they are many."""
        ids = chosen.ids or ()
        return [f"cat > {_IDS} <<END", *ids, "END"] if len(ids) > _FEW else []


def _room_beside(lines: "Sequence[Run]") -> int:
    """Characters that figures may take beside the runs, whose texts stand between some marks each."""
    rows = (row for run in lines for row in (run.cells, (run.command, *run.settings.values()), *run.layers))
    texts = (text for row in rows for text in row)
    return max(_LEAST, _MOST - sum(len(text) + _MARKS for text in texts))

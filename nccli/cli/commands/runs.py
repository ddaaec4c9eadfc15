"""`nccli runs`: what the store has."""

from collections.abc import Callable
from typing import Annotated

import typer

from nccli.cli import options as option
from nccli.cli.commands.tag import tag_stored
from nccli.cli.commands.transfer import export, import_runs, remove
from nccli.cli.notes import note

_ON_A_SCREEN = 20
"""A taste: runs that a terminal shows, the newest."""


def list_runs(
    runs: option.RunIds = None,
    where: option.Where = None,
    limit: Annotated[
        int | None,
        typer.Option(
            "--limit",
            min=0,
            max=10**9,
            help=f"At most so many, 0 for all. [default: {_ON_A_SCREEN} on a terminal, all in a pipe]",
            show_default=False,
        ),
    ] = None,
    store: option.StoreLocation = None,
    format: option.Format = None,
    rank_rtol: option.RankRtol = 1e-2,
    quiet: option.Quiet = False,
) -> None:
    """List stored runs, the newest first."""
    import sys

    if limit is None:
        limit = _ON_A_SCREEN if sys.stdout.isatty() else 0
    _print_runs(runs, where, limit or None, store, format, rank_rtol, quiet=quiet)


def show_runs(
    runs: option.RunIds = None,
    where: option.Where = None,
    store: option.StoreLocation = None,
    format: option.Format = None,
    rank_rtol: option.RankRtol = 1e-2,
) -> None:
    """Show runs in full, layer by layer."""
    from nccli.errors import InputError

    if not runs and where is None:
        raise InputError("runs show: name a run, - for ids on stdin, or --where")
    _print_runs(runs, where, None, store, format, rank_rtol, layers=True)


def _print_runs(
    runs: list[str] | None,
    where: str | None,
    limit: int | None,
    store: str | None,
    format: option.OutputFormat | None,
    rank_rtol: float,
    layers: bool = False,
    quiet: bool = False,
) -> None:
    import sys

    from nccli.cli.output import emit, emit_texts, write
    from nccli.cli.run_pages import PageReader, read_pages, rows_of
    from nccli.cli.run_table import LAYER_COLUMNS, RUN_COLUMNS, run_columns
    from nccli.cli.selection import readable_ids, selected_ids
    from nccli.store import record_keys, silent_runs, store_location

    chosen = format or (option.OutputFormat.table if sys.stdout.isatty() else option.OutputFormat.jsonl)
    opened, ids = selected_ids(store, runs, where, limit and limit + 1)
    if limit and len(ids) > limit:
        note(f"there are more than the {limit} newest runs: --limit 0 lists all", quiet)
        ids = ids[:limit]
    with opened.read() as connection:
        silent = silent_runs(connection)
        if chosen is option.OutputFormat.ids:
            ids = readable_ids(connection, ids, ())
    quietly = [silent[key] for key in ids if key in silent]
    if quietly:
        what = f"{len(quietly)} of these runs are running, as far as is known ({quietly[0]})"
        note(f"{what}: the command that makes them takes them over, nccli runs rm deletes them", quiet)
    if chosen is option.OutputFormat.ids:
        emit(({"id": key} for key in ids), chosen, chosen, RUN_COLUMNS)
        return
    keys = tuple(record_keys(opened, ids)) if chosen is option.OutputFormat.csv else ()
    found = read_pages(PageReader(str(opened.copy or store_location(store)), rank_rtol, chosen, keys), ids)
    if chosen is not option.OutputFormat.table:
        emit_texts(found, keys, chosen)
    elif not layers:
        emit(found, chosen, chosen, run_columns(rows_of(opened, ids)))
    else:
        for record in found:
            emit([record], chosen, chosen, RUN_COLUMNS)
            write("\n")
            emit(record["layers"], chosen, chosen, LAYER_COLUMNS)
            write("\n")


COMMANDS: dict[str, Callable[..., None]] = {
    "list": list_runs,
    "show": show_runs,
    "tag": tag_stored,
    "rm": remove,
    "export": export,
    "import": import_runs,
}

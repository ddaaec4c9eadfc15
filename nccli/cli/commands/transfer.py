"""`nccli runs rm|export|import`: runs out of the store, and into it from files."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from nccli.catalogue.runs import RUNNING
from nccli.cli import options as option
from nccli.cli.export_target import ExportFormat, ExportTarget
from nccli.cli.notes import note
from nccli.errors import InputError, NothingFoundError
from nccli.outputs import STDOUT, Output

if TYPE_CHECKING:
    from nccli.store import RunContent


def remove(
    runs: option.RunIds = None,
    where: option.Where = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    store: option.StoreLocation = None,
    quiet: option.Quiet = False,
) -> None:
    """Delete runs; asks on a terminal, scripts say --yes.

    Prints the ids of the runs deleted.

    Example: nccli runs rm --where "status=diverged" --yes
    """
    from nccli.cli.output import write
    from nccli.cli.selection import selected_ids
    from nccli.store import remove_runs

    if not runs and where is None:
        raise InputError("runs rm: name a run, - for ids on stdin, or --where")
    opened, ids = selected_ids(store, runs, where)
    what = f"run {ids[0]}" if len(ids) == 1 else f"{len(ids)} runs ({', '.join(ids[:3])}{', …' * (len(ids) > 3)})"
    if not yes:
        if not (sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()):
            raise InputError(f"runs rm would delete {what}: say --yes, for there is nobody to ask")
        print(f"Delete {what} for good? [y/N] ", end="", file=sys.stderr, flush=True)
        if sys.stdin.readline().strip().lower() not in ("y", "yes"):
            note("nothing was deleted", quiet)
            return
    remove_runs(opened, ids)
    write("".join(f"{key}\n" for key in ids))


def export(
    runs: option.RunIds = None,
    where: option.Where = None,
    output: Annotated[
        str,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE.jsonl|FILE.parquet|FOLDER",
            help="A file of JSON lines or of Parquet, or a folder with a file a table.",
        ),
    ] = "-",
    format: Annotated[
        ExportFormat | None,
        typer.Option("--format", help="Of a FOLDER: csv or parquet. [default: csv]", show_default=False),
    ] = None,
    matrices: Annotated[
        bool,
        typer.Option("--matrices", help="Write weights and class means instead: a FILE.npz, or RUN.npz in a FOLDER."),
    ] = False,
    store: option.StoreLocation = None,
    quiet: option.Quiet = False,
) -> None:
    """Write runs, whole, as JSON lines, CSV or Parquet.

    Of CSV and Parquet it is a folder, a file a table. Nothing is lost: nccli runs import reads JSON lines and CSV.
    FILE.parquet has a row a run, layers and singular values as lists in it, and neither histories nor matrices.
    Without RUN or --where: all runs. --matrices writes what nccli construct --export does, as far as the store has it.

    Example: nccli runs export -o runs.parquet && python -c 'import pandas; print(pandas.read_parquet("runs.parquet"))'
    """
    from nccli.cli.output import write_bytes
    from nccli.cli.selection import readable_ids, selected_ids
    from nccli.store import WHOLE, existing_statuses, store_file

    if matrices:
        if format is not None:
            raise InputError(f"--format {format}: --matrices writes .npz files")
        _export_matrices(runs, where, output, store, quiet)
        return
    for name in (name for name in runs or () if Path(name).suffix):
        raise InputError(f"'{name}' is no run id: -o {name} writes into a file")
    target = ExportTarget.of(output, store_file(store), format)
    opened, chosen = selected_ids(store, runs, where)
    with opened.read() as connection:
        chosen = chosen if target.by_columns else readable_ids(connection, chosen, WHOLE)
        statuses = existing_statuses(connection, chosen)
        ids = [key for key in chosen if statuses.get(key, RUNNING) != RUNNING]
        if len(ids) < len(chosen):
            note(f"{len(chosen) - len(ids)} runs left out: running", quiet)
        with target.opened() as add:
            add(connection, ids)
    if not target.stdout:
        write_bytes(f"{target.output.path}\n".encode("utf-8", "surrogateescape"))


def _export_matrices(runs: list[str] | None, where: str | None, output: str, location: str | None, quiet: bool) -> None:
    """Write matrices of runs, a file each."""
    from nccli.cli.output import write_bytes
    from nccli.cli.selection import readable_ids, selected_ids
    from nccli.store import WHOLE, lacking, store_file
    from nccli.sweep import export_run

    target = Output("-o", Path(output), store_file(location))
    if output in STDOUT or target.path.suffix not in ("", ".npz"):
        raise InputError(f"{target}: with --matrices it must be a FILE.npz for one run, or the name of a folder")
    if target.path.suffix:
        target.require()
    else:
        target.require_folder([])
    opened, chosen = selected_ids(location, runs, where)
    with opened.read() as connection:
        ids = readable_ids(connection, chosen, WHOLE)
    gone = lacking(opened, ids, ("matrices", "weights"))
    ids = [key for key in ids if key not in set(gone["matrices"])]
    if gone["matrices"]:
        note(f"{len(gone['matrices'])} runs left out: they have no matrices", quiet)
    if not ids:
        raise NothingFoundError("no run with matrices is chosen")
    if alone := set(gone["weights"]) & set(ids):
        note(f"{len(alone)} runs have class means alone: their weights are not kept", quiet)
    if target.path.suffix:
        if len(ids) != 1:
            raise InputError(f"{target}: a file takes one run and {len(ids)} are chosen: name a folder")
        files = [target]
    else:
        files = target.make_folder([f"{key}.npz" for key in ids])
    for key, each in zip(ids, files, strict=True):
        with each.open() as file:
            export_run(file, opened, key)
    write_bytes(f"{target.path}\n".encode("utf-8", "surrogateescape"))


def import_runs(
    source: Annotated[
        str, typer.Argument(metavar="FILE.jsonl|FOLDER|-", help="What nccli runs export wrote, or - for stdin.")
    ],
    store: option.StoreLocation = None,
    format: option.Format = None,
    quiet: option.Quiet = False,
) -> None:
    """Store the runs of an export.

    Runs that are there already are treated as by nccli store merge. Every run is checked first, and all are stored
    in one transaction: a file with a fault changes nothing.

    Example: nccli runs import runs.jsonl
    """
    from nccli.cli.commands.store import report_merge
    from nccli.store import MergeReport, Store, merge_contents, pages, store_location

    if source == "-" and (sys.stdin is None or sys.stdin.isatty()):
        raise InputError("'-' reads an export from stdin, which is a terminal: pipe one into it, or name a file")
    report, place = MergeReport(), "stdin" if source == "-" else source
    with ExitStack() as files:
        first, again = _twice(source, files)
        for _ in first:
            pass
        target = Store.create(store_location(store))
        with target.write() as connection:
            for part in pages(again):
                merge_contents([(content, place) for content in part], connection, report)
    report_merge(report, target.location, format, quiet)


def _twice(source: str, files: ExitStack) -> "tuple[Iterator[RunContent], Iterator[RunContent]]":
    """The runs of an export, to be read one after the other two times."""
    import tempfile

    from nccli.cli.input_pipe import opened
    from nccli.store import from_folder, from_lines

    path = Path(source)
    try:
        if source != "-" and path.is_dir():
            return from_folder(path), from_folder(path)
        stream = sys.stdin.buffer if source == "-" else files.enter_context(opened(path))
        if source != "-" and path.is_file():
            return from_lines(stream, source), _from_start(stream, source)
        copy = files.enter_context(tempfile.TemporaryFile())  # noqa: SIM115  (the stack closes it)
    except (OSError, ValueError) as error:
        raise InputError(f"'{source}': cannot be read: {getattr(error, 'strerror', error)}") from error
    return from_lines(_Copied(stream, copy), source), _from_start(copy, source)


def _from_start(file: BinaryIO, source: str) -> "Iterator[RunContent]":
    from nccli.store import from_lines

    file.seek(0)
    yield from from_lines(file, source)


@dataclass(frozen=True)
class _Copied:
    """The lines of a stream, each written into a file as it is read.

    Attributes:
        stream, file: from and to.
    """

    stream: BinaryIO
    file: BinaryIO

    def readline(self, limit: int = -1, /) -> bytes:
        """The next line, or as much of it as is asked for."""
        line = self.stream.readline(limit)
        self.file.write(line)
        return line

"""Where `nccli runs export` writes runs, and in which form."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from nccli.errors import InputError, StoreError
from nccli.outputs import STDOUT, Output

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nccli.store import ParquetRuns, RunContent

_LINES, _ROWS = ".jsonl", ".parquet"


class ExportFormat(StrEnum):
    """Forms of an export."""

    jsonl = "jsonl"
    csv = "csv"
    parquet = "parquet"


@dataclass(frozen=True)
class ExportTarget:
    """A file of JSON lines or of Parquet, a folder of CSV or Parquet files, or stdout, which takes JSON lines.

    Attributes:
        output: the file or folder.
        format: of what is written.
        stdout: whether it is stdout.
        folder: whether it is a folder, with a file a table.
    """

    output: Output
    format: ExportFormat
    stdout: bool
    folder: bool

    @classmethod
    def of(cls, output: str, store: Path | None, wanted: ExportFormat | None) -> "ExportTarget":
        """What -o and --format name.

        Args:
            output: as it was named.
            store: file of the store in use.
            wanted: the form; None for the one that the name tells.

        Raises:
            InputError: the name of another form, or a place that may not be written to.
        """
        target = Output("-o", Path(output), store)
        suffix = target.path.suffix
        others: tuple[ExportFormat, ...] = ()
        if output in STDOUT or target.is_stream:
            told = ExportFormat.jsonl
        elif suffix in (_LINES, _ROWS):
            told = ExportFormat(suffix[1:])
        elif suffix:
            raise InputError(f"{target}: must end in {_LINES} or {_ROWS}, be the name of a folder, or - for stdout")
        else:
            told, others = ExportFormat.csv, (ExportFormat.parquet,)
        if wanted not in (None, told, *others):
            takes = " or ".join((told, *others))
            raise InputError(
                f"--format {wanted}: {target} takes {takes}; name a FILE{_LINES}, a FILE{_ROWS} or a FOLDER"
            )
        found = cls(target, wanted or told, output in STDOUT, bool(others))
        found._require()
        return found

    def _require(self) -> None:
        from nccli.store import require_pyarrow

        if self.stdout:
            return
        if self.folder:
            self.output.require_folder(self._files().values())
        else:
            self.output.require()
        if self.format is ExportFormat.parquet:
            require_pyarrow(self.output)

    def _files(self) -> dict[str, str]:
        """Names of files in the folder, by table."""
        from nccli.store import TABLES

        return {name: f"{name}.{self.format}" for name in TABLES}

    @property
    def by_columns(self) -> bool:
        """Whether runs are written as they are read, column by column, and checked then."""
        return self.format is ExportFormat.parquet and not self.folder

    @contextmanager
    def opened(self) -> "Iterator[Callable[[Connection, Sequence[str]], None]]":
        """What takes ids of runs, those that can be read; files are there at the end, or stay as they were.

        Raises:
            InputError, BrokenPipeError: as `Output.open`.
        """
        from nccli.cli.output import write
        from nccli.store import CsvWriter, ParquetRuns, ParquetWriter, as_line

        with ExitStack() as files:
            if self.stdout:
                yield _each(lambda content: write(as_line(content)))
                return
            if not self.folder:
                file = files.enter_context(self.output.open())
                if self.by_columns:
                    yield partial(_add_columns, files.enter_context(ParquetRuns(file)))
                else:
                    yield _each(lambda content: file.write(as_line(content).encode()))
                return
            names = self._files()
            each = zip(names, self.output.make_folder(names.values()), strict=True)
            tables = {name: files.enter_context(output.open()) for name, output in each}
            if self.format is ExportFormat.csv:
                yield _each(CsvWriter(tables).add)
            else:
                yield _each(files.enter_context(ParquetWriter(tables)).add)


def _each(add: "Callable[[RunContent], object]") -> "Callable[[Connection, Sequence[str]], None]":
    """What takes ids, made of what takes runs one by one."""

    def add_all(connection: "Connection", ids: Sequence[str]) -> None:
        from nccli.store import read_contents

        for content in read_contents(connection, ids):
            add(content)

    return add_all


def _add_columns(runs: "ParquetRuns", connection: "Connection", ids: Sequence[str]) -> None:
    """Write runs; those that cannot be read are named, and left out.

    Raises:
        SomeRunsFailedError: none of them can be read.
        StoreError: the store is damaged otherwise.
    """
    from nccli.cli.selection import READ, LeftOut
    from nccli.store import portions, unreadable_runs

    with LeftOut(len(ids)) as left_out:
        for part in portions(connection, ids):
            if runs.add(connection, part):
                continue
            bad = unreadable_runs(connection, part, READ)
            left_out.name(bad)
            if not runs.add(connection, [key for key in part if key not in bad], checked=True):
                raise StoreError("the store cannot be read as it is: nccli store check says what is damaged")

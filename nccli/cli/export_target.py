"""Where `nccli runs export` writes runs, and in which form."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

from nccli.errors import InputError
from nccli.outputs import STDOUT, Output

if TYPE_CHECKING:
    from nccli.store import RunContent

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

    @contextmanager
    def opened(self) -> "Iterator[Callable[[RunContent], object]]":
        """What takes runs one by one; files are there when all are written, or stay as they were.

        Raises:
            InputError, BrokenPipeError: as `Output.open`.
        """
        from nccli.cli.output import write
        from nccli.store import CsvWriter, ParquetWriter, as_line

        with ExitStack() as files:
            if self.stdout:
                yield lambda content: write(as_line(content))
                return
            if not self.folder:
                file = files.enter_context(self.output.open())
                if self.format is ExportFormat.jsonl:
                    yield lambda content: file.write(as_line(content).encode())
                else:
                    yield files.enter_context(ParquetWriter(file)).add
                return
            names = self._files()
            each = zip(names, self.output.make_folder(names.values()), strict=True)
            tables = {name: files.enter_context(output.open()) for name, output in each}
            if self.format is ExportFormat.csv:
                yield CsvWriter(tables).add
            else:
                yield files.enter_context(ParquetWriter(tables)).add

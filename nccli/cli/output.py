"""Printing records: the one place where data reaches stdout."""

import csv
import io
import os
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from nccli import strict_json
from nccli.cli.options import OutputFormat
from nccli.errors import InputError, NccliError

Record = Mapping[str, Any]

_FEW_RANKS = 14
"""Characters of ranks that are told one by one: those of six layers of ten classes."""

_WIDTH = 100
"""Characters that a table may take: a taste, between the 80 of old terminals and what laptops show."""


@dataclass(frozen=True)
class Column:
    """A column of a table on the terminal.

    Attributes:
        header: its title.
        value: what to show of a record, as text; "" for nothing.
        left: whether text is aligned left, as words are.
    """

    header: str
    value: Callable[[Record], str]
    left: bool = False


def emit(
    records: Sequence[Record], wanted: OutputFormat | None, piped: OutputFormat, columns: Sequence[Column]
) -> None:
    """Print records on stdout.

    Args:
        records: JSON-ready mappings; those printed as ids need a key "id".
        wanted: what the user asked for; None for a table on a terminal and `piped` elsewhere.
        piped: the format for pipes.
        columns: of the table.
    """
    chosen = wanted or (OutputFormat.table if sys.stdout.isatty() else piped)
    if chosen is OutputFormat.table:
        _print_table(records, columns)
        return
    write(rendered(records, chosen))


def rendered(records: Sequence[Record], format: OutputFormat) -> str:
    """Records as the text of a format other than table.

    Raises:
        InputError: ids of records that have none.
    """
    if format is OutputFormat.ids and any("id" not in record for record in records):
        raise InputError("--format ids: these records are not runs and have no ids; choose json, jsonl, csv or table")
    return _RENDERERS[format](records)


def write(text: str) -> None:
    """Write text to stdout as UTF-8, whatever the locale."""
    write_bytes(text.encode("utf-8", "surrogateescape"))


def write_bytes(data: bytes) -> None:
    """Write bytes to stdout, all of them: without Python's buffer a write may take only a part.

    Raises:
        BrokenPipeError: nobody reads them.
        NccliError: they cannot be written, as on a full disk.
    """
    try:
        sys.stdout.flush()
        left = memoryview(data)
        while left:
            left = left[sys.stdout.buffer.write(left) :]
        sys.stdout.buffer.flush()
    except BrokenPipeError:
        raise
    except OSError as error:
        raise NccliError(f"cannot write to stdout: {error.strerror}") from error


def _as_csv(records: Sequence[Record]) -> str:
    """One header over the union of keys; lists and mappings as JSON text, absent values empty."""
    names = list(dict.fromkeys(name for record in records for name in record))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    for record in records:
        writer.writerow([_csv_cell(record.get(name)) for name in names])
    return out.getvalue()


def _csv_cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, (list, dict, bool)):
        return strict_json.dumps(value)
    return strict_json.encodable(value)


_RENDERERS: dict[OutputFormat, Callable[[Sequence[Record]], str]] = {
    OutputFormat.json: lambda records: strict_json.dumps(list(records), indent=2) + "\n",
    OutputFormat.jsonl: lambda records: "".join(strict_json.dumps(record) + "\n" for record in records),
    OutputFormat.csv: _as_csv,
    OutputFormat.ids: lambda records: "".join(f"{record['id']}\n" for record in records),
}


def _print_table(records: Sequence[Record], columns: Sequence[Column]) -> None:
    from rich import box
    from rich.console import Console
    from rich.table import Table

    terminal = sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")
    rows = _texts(records, columns)
    kept = [i for i in range(len(columns)) if any(row[i] for row in rows)]
    shown = [[row[i] for i in kept] for row in ([column.header for column in columns], *rows)]
    gap = 2 if _wide(shown, gap=2) <= _WIDTH else 1
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, padding=(0, gap - 1, 0, 0))
    for i in kept:
        column = columns[i]
        table.add_column(column.header, justify="left" if column.left else "right", no_wrap=True)
    for row in shown[1:]:
        table.add_row(*row)
    capture = io.StringIO()
    console = Console(
        file=capture,
        force_terminal=terminal,
        color_system="auto" if terminal else None,
        no_color=not terminal or None,
        width=max(_wide(shown, gap=2) + 4, 40),
        highlight=False,
        markup=False,
        legacy_windows=False,
    )
    console.print(table)
    write("\n".join(line.rstrip() for line in capture.getvalue().splitlines()) + "\n")


def _texts(records: Sequence[Record], columns: Sequence[Column]) -> list[list[str]]:
    return [[column.value(record) for column in columns] for record in records]


def _wide(rows: Sequence[Sequence[str]], gap: int) -> int:
    """Characters that a table of these rows takes."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return sum(widths) + gap * max(0, len(widths) - 1)


def number(key: str, digits: int = 4) -> Callable[[Record], str]:
    """Show a number with so many significant digits; "" if absent."""

    def show(record: Record) -> str:
        value = record.get(key)
        return "" if value is None else f"{float(value):.{digits}g}"

    return show


def ratio(key: str) -> Callable[[Record], str]:
    """Show a ratio with three decimals, a large one with three digits; "" if absent."""

    def show(record: Record) -> str:
        value = record.get(key)
        return "" if value is None else f"{float(value):.3f}" if value < 10 else f"{float(value):.3g}"

    return show


def plain(key: str) -> Callable[[Record], str]:
    """Show a value as it is; "" if absent."""

    def show(record: Record) -> str:
        value = record.get(key)
        return "" if value is None else str(value)

    return show


def ranks_text(ranks: Iterable[int]) -> str:
    """Ranks by layer: "6 6 6 10", and of many layers "6×9 10"."""
    shown = [str(rank) for rank in ranks]
    text = " ".join(shown)
    if len(text) <= _FEW_RANKS:
        return text
    counted = [(rank, len(list(same))) for rank, same in groupby(shown)]
    return " ".join(rank if count == 1 else f"{rank}×{count}" for rank, count in counted)


def room_for(records: Sequence[Record], columns: Sequence[Column], least: int) -> int:
    """Characters that a table which fits a terminal has left for one more column, and no fewer than the `least`."""
    shown = [[column.header for column in columns], *_texts(records, columns)]
    rooms = (_WIDTH - _wide(shown, gap) - gap for gap in (2, 1))
    return next((room for room in rooms if room >= least), least)

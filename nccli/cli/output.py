"""Printing records: the one place where data reaches stdout."""

import csv
import io
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from nccli import strict_json
from nccli.cli.options import OutputFormat
from nccli.cli.short_ids import short_ids
from nccli.cli.text_table import room_beside, text_table
from nccli.errors import InputError, NccliError

Record = Mapping[str, Any]

_FEW_RANKS = 14
"""Characters of ranks that are told one by one: those of six layers of ten classes."""

_UNESCAPED = re.compile("[\x7f-\x9f]")
"""Control characters that JSON may leave as they are, and some terminals obey."""

_AT_ONCE = 2**19
"""Bytes written at once: a taste."""


_TAKEN: ContextVar[Callable[[Iterable[Record]], None] | None] = ContextVar("taken", default=None)


@contextmanager
def collected() -> Iterator[list[Record]]:
    """Gather the records that `emit` is given inside, which prints none of them."""
    found: list[Record] = []
    with _in_place_of_printing(found.extend):
        yield found


def unprinted() -> AbstractContextManager[None]:
    """Let `emit` print nothing inside, nor ask a generator for its records."""
    return _in_place_of_printing(lambda records: None)


@contextmanager
def _in_place_of_printing(take: Callable[[Iterable[Record]], None]) -> Iterator[None]:
    token = _TAKEN.set(take)
    try:
        yield
    finally:
        _TAKEN.reset(token)


@dataclass(frozen=True)
class Column:
    """A column of a table on the terminal.

    Attributes:
        header: its title.
        value: what to show of a record, as text; "" for nothing.
        left: whether text is aligned left, as words are.
        importance: on a terminal that is too narrow for all columns, where the smallest are left out first.
    """

    header: str
    value: Callable[[Record], str]
    left: bool = False
    importance: int = 0


def emit(
    records: Iterable[Record],
    wanted: OutputFormat | None,
    piped: OutputFormat,
    columns: Sequence[Column],
    keys: Sequence[str] | None = None,
) -> None:
    """Print records on stdout, as they come: of a generator few are in memory at a time. Inside `collected`, none.

    Args:
        records: JSON-ready mappings; those printed as ids need a key "id".
        wanted: what the user asked for; None for a table on a terminal and `piped` elsewhere.
        piped: the format for pipes.
        columns: of the table.
        keys: that one record or another has, where they are known; else CSV reads all records for its header.

    Raises:
        InputError: ids of records that have none.
    """
    take = _TAKEN.get()
    if take is not None:
        take(records)
        return
    chosen = wanted or (OutputFormat.table if sys.stdout.isatty() else piped)
    if chosen is not OutputFormat.table:
        texts, known = _texts(records, chosen, keys)
        emit_texts(map(encoded, texts), known, chosen)
        return
    headers, left = zip(*((column.header, column.left) for column in columns), strict=True)
    cells = ([column.value(record) for column in columns] for record in records)
    importance = [column.importance for column in columns]
    _write_all(map(encoded, text_table(headers, left, cells, importance, short_ids)))


def emit_texts(texts: Iterable[bytes], keys: Sequence[str], format: OutputFormat) -> None:
    """Print what `record_text` made of records, as they come.

    Args:
        texts: of records, `encoded`; in the format jsonl also of several, by `lines_text`.
        keys: of CSV's header.
        format: of the texts.
    """
    _write_all(_framed(texts, keys, format))


def record_text(record: Record, keys: Sequence[str], format: OutputFormat) -> str:
    """The text of one record in a format other than table.

    Args:
        record: JSON-ready.
        keys: of its cells, in CSV.
        format: other than table.

    Raises:
        InputError: the id of a record that has none.
    """
    return _escaped(_TEXTS[format](record, keys))


def lines_text(lines: Iterable[str]) -> str:
    """What `record_text` makes of records in the format jsonl, given the JSON text of each."""
    return _escaped("".join([f"{line}\n" for line in lines]))


def _escaped(text: str) -> str:
    if text.isascii() and "\x7f" not in text:  # measured: a tenth of the search's time
        return text
    return _UNESCAPED.sub(lambda c: f"\\u{ord(c[0]):04x}", text)


def rendered(records: Iterable[Record], format: OutputFormat) -> bytes:
    """Records in a format other than table, as stdout gets them.

    Raises:
        InputError: ids of records that have none.
    """
    texts, keys = _texts(records, format, None)
    return b"".join(_framed(map(encoded, texts), keys, format))


def write(text: str) -> None:
    """Write text to stdout as UTF-8, whatever the locale."""
    write_bytes(encoded(text))


def encoded(text: str) -> bytes:
    """Text as stdout gets it: UTF-8, whatever the locale."""
    return text.encode("utf-8", "surrogateescape")


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


def _write_all(texts: Iterable[bytes]) -> None:
    few: list[bytes] = []
    size = 0
    for text in texts:
        few.append(text)
        size += len(text)
        if size >= _AT_ONCE:
            write_bytes(b"".join(few))
            few, size = [], 0
    if few:
        write_bytes(b"".join(few))


def _texts(
    records: Iterable[Record], format: OutputFormat, keys: Sequence[str] | None
) -> tuple[Iterator[str], Sequence[str]]:
    """Texts of records, and the keys of a header over all of them."""
    if keys is None and format is OutputFormat.csv:
        records = list(records)
        keys = list(dict.fromkeys(name for record in records for name in record))
    known = keys or ()
    return (record_text(record, known, format) for record in records), known


def _framed(texts: Iterable[bytes], keys: Sequence[str], format: OutputFormat) -> Iterator[bytes]:
    """What stands before, between and after the texts of records."""
    if format is OutputFormat.csv:
        yield encoded(_csv_line(keys))
    if format is not OutputFormat.json:
        yield from texts
        return
    before = b"["
    for text in texts:
        yield before + b"\n  " + text
        before = b","
    yield b"[]\n" if before == b"[" else b"\n]\n"


def _json_text(record: Record, _: Sequence[str]) -> str:
    return strict_json.dumps(record, indent=2).replace("\n", "\n  ")


def _json_line(record: Record, _: Sequence[str]) -> str:
    return strict_json.dumps(record) + "\n"


def _id_line(record: Record, _: Sequence[str]) -> str:
    if "id" not in record:
        raise InputError("--format ids: these records are not runs and have no ids; choose json, jsonl, csv or table")
    return f"{record['id']}\n"


def _csv_row(record: Record, keys: Sequence[str]) -> str:
    """Lists and mappings as JSON text, absent values empty."""
    return _csv_line([_csv_cell(record.get(name)) for name in keys])


def _csv_line(cells: Sequence[Any]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerow(cells)
    return out.getvalue()


def _csv_cell(value: Any) -> Any:
    if value is None:
        return ""
    if isinstance(value, (list, dict, bool)):
        return strict_json.dumps(value)
    return strict_json.encodable(value)


_TEXTS: dict[OutputFormat, Callable[[Record, Sequence[str]], str]] = {
    OutputFormat.json: _json_text,
    OutputFormat.jsonl: _json_line,
    OutputFormat.csv: _csv_row,
    OutputFormat.ids: _id_line,
}


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
    """Ranks by layer: "6·6·6·10", and of many layers "6×9·10"."""
    shown = [str(rank) for rank in ranks]
    text = "·".join(shown)
    if len(text) <= _FEW_RANKS:
        return text
    counted = [(rank, len(list(same))) for rank, same in groupby(shown)]
    return "·".join(rank if count == 1 else f"{rank}×{count}" for rank, count in counted)


def room_for(records: Sequence[Record], columns: Sequence[Column], least: int) -> int:
    """Characters that a table which fits a terminal has left for one more column, and no fewer than the `least`."""
    return room_beside([max(map(len, (column.header, *map(column.value, records)))) for column in columns], least)

"""Runs read and put into text a page at a time, by several processes where there are many."""

import gc
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from nccli.cli.options import OutputFormat
from nccli.cli.output import Record, encoded, lines_text, record_text
from nccli.cli.selection import READ, LeftOut
from nccli.cli.side_by_side import in_order
from nccli.store import (
    Row,
    Store,
    page_records,
    pages,
    record_lines,
    run_pages,
    run_records,
    select_runs,
    unreadable_runs,
)
from nccli.training.threads import cores

_AT_ONCE = 1000
"""Runs of a page: measured, more save no time; they take some 20 MB."""

_MANY = 40_000
"""A measurement: so many runs take one process 3 s, and two new ones half of that and 0.5 s to begin."""

_OBJECTS = 100_000
"""Between searches for cycles, of which records have none: measured, a sixth of the time of a long list."""


@dataclass(frozen=True)
class PageReader:
    """What a process needs to know to read a page of runs.

    Attributes:
        store: as `Store.at` takes it, at the newest schema.
        rank_rtol: tolerance of the ranks.
        format: of the texts; for a table, records are left as they are.
        keys: of CSV's cells.
    """

    store: str
    rank_rtol: float
    format: OutputFormat
    keys: tuple[str, ...] = ()

    def __call__(self, ids: Sequence[str]) -> tuple[list[Any], dict[str, str]]:
        """What is to be printed of runs, in few parts, and why others cannot be read, by id.

        A run that is deleted meanwhile is left out.
        """
        gc.set_threshold(_OBJECTS)
        found: list[Any] = []
        bad: dict[str, str] = {}
        with Store.at(self.store).read() as connection:
            for part, page in run_pages(connection, ids, self.rank_rtol):
                if page is None:
                    bad |= unreadable_runs(connection, part, READ)
                    runs = select_runs(connection, [key for key in part if key not in bad])
                    found += self._texts(run_records(connection, runs, self.rank_rtol))
                elif self.format is OutputFormat.jsonl:
                    found.append(encoded(lines_text(record_lines(page))))
                else:
                    found += self._texts(page_records(page))
        return found, bad

    def _texts(self, records: Sequence[Record]) -> Sequence[Any]:
        if self.format is OutputFormat.table:
            return records
        return [encoded(record_text(record, self.keys, self.format)) for record in records]


def read_pages(reader: PageReader, ids: Sequence[str]) -> Iterator[Any]:
    """What the reader makes of runs, in their order; those that cannot be read are named.

    Few are in memory at a time, and no transaction is open while they are used: whoever takes them slowly keeps nobody
    from writing.

    Raises:
        SomeRunsFailedError: none of the runs can be read.
    """
    with LeftOut(len(ids)) as left_out:
        for texts, bad in in_order(reader, pages(ids, _AT_ONCE), 1 if len(ids) < _MANY else cores()):
            left_out.name(bad)
            yield from texts


def rows_of(store: Store, ids: Sequence[str]) -> Iterator[Row]:
    """Rows of runs, those of table `run` alone, a page at a time; runs that cannot be read are left to `read_pages`."""
    for page in pages(ids, _AT_ONCE):
        with store.read() as connection:
            bad = unreadable_runs(connection, page, ())
            rows = select_runs(connection, [key for key in page if key not in bad])
        yield from rows

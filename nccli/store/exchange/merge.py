"""Merging runs from elsewhere: idempotent, in any order, and nothing is overwritten silently."""

from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection, select

from nccli.catalogue.runs import RUNNING
from nccli.errors import InputError
from nccli.store.connection.backup import copy_file
from nccli.store.connection.store import Store
from nccli.store.runs.content import RunContent, read_contents, write_content
from nccli.store.runs.pages import pages
from nccli.store.schema.tables import RUN


@dataclass(frozen=True)
class Conflict:
    """A run that two places have with different results.

    Attributes:
        id: the run.
        kept, other: loss of the run in the store, and of the one left where it was.
        where: the place of the other one.
        source: where the one in the store was merged from just now; None if it was there before.
    """

    id: str
    kept: float
    other: float
    where: str
    source: str | None = None


@dataclass
class MergeReport:
    """What a merge did.

    Attributes:
        added: runs that the store did not have.
        finished: runs that the store had unfinished, and has finished now.
        same: runs that the store had already.
        skipped: runs in training elsewhere, which have no result yet.
        conflicts: runs with other results.
        sources: of the runs that were written, by run.
    """

    added: int = 0
    finished: int = 0
    same: int = 0
    skipped: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)


def merge_stores(sources: list[str], target: Store) -> MergeReport:
    """Merge stores into another; the sources stay as they are, an older schema included.

    Whatever the order of the sources, the target ends the same: of copies of one result the one made first is kept, of
    different results of one run what the target has, else the one made first.

    Raises:
        InputError: a source is the target.
        NothingFoundError, StoreError: as `Store.open`.
    """
    report = MergeReport()
    with ExitStack() as open_sources:
        opened = {name: open_sources.enter_context(_untouched(name, target)) for name in dict.fromkeys(sources)}
        places: dict[str, list[str]] = {}
        for name, connection in opened.items():
            for key in connection.scalars(select(RUN.c.id)):
                places.setdefault(key, []).append(name)
        ids = sorted(places)
        for chunk in pages(ids):
            offers = [
                (content, name)
                for name, connection in opened.items()
                for content in read_contents(connection, [key for key in chunk if name in places[key]])
            ]
            merge_contents(offers, target, report)
    return report


def merge_contents(offers: Iterable[tuple[RunContent, str]], target: Store, report: MergeReport) -> None:
    """Merge some runs, each with the place that it comes from; all offers of one run have to come together.

    One transaction: what has been merged stays merged if a later part fails.
    """
    by_id: dict[str, list[tuple[RunContent, str]]] = {}
    for content, place in offers:
        by_id.setdefault(content.id, []).append((content, place))
    with target.write() as connection:
        there = {content.id: content for content in read_contents(connection, list(by_id))}
        for key, candidates in sorted(by_id.items()):
            ready = [offer for offer in candidates if offer[0].run["status"] != RUNNING]
            report.skipped += len(candidates) - len(ready)
            if ready:
                _merge_run(connection, there.get(key), ready, report)


def _merge_run(
    connection: Connection, stored: RunContent | None, offers: list[tuple[RunContent, str]], report: MergeReport
) -> None:
    in_training = stored is not None and stored.run["status"] == RUNNING
    copies = [*([] if stored is None or in_training else [stored]), *(content for content, _ in offers)]
    if stored is not None and stored.finished:
        copies = [content for content in copies if content.result == stored.result]
    kept = min(copies, key=_rank)
    if stored is None:
        report.added += 1
    elif kept.finished and not stored.finished:
        report.finished += 1
    else:
        report.same += 1
    if kept is not stored and (kept.finished or not in_training):
        write_content(connection, kept)
        report.sources[kept.id] = next(place for content, place in offers if content is kept)
    report.conflicts += [
        Conflict(kept.id, kept.run["loss"], content.run["loss"], place, report.sources.get(kept.id))
        for content, place in offers
        if content.finished and kept.finished and content.result != kept.result
    ]


def _rank(content: RunContent) -> tuple[bool, int, str, str]:
    """Which of several copies is kept: a finished one, one that went further, the one made first."""
    steps = 0 if content.finished else -int(content.run["steps"])
    return (not content.finished, steps, content.run["created"], content.whole)


@contextmanager
def _untouched(name: str, target: Store) -> Iterator[Connection]:
    """A source to read from; one with an older schema is upgraded in a copy."""
    source = Store.peek(name)
    same_file = source.path is not None and target.path is not None and source.path.resolve() == target.path.resolve()
    if same_file or source.location == target.location:
        raise InputError(f"{name} is the store to merge into: name other stores before --into")
    with TemporaryDirectory() as folder:
        if source.path is not None and not source.is_current:
            copy = Path(folder) / "copy.db"
            copy_file(source.path, copy)
            source = Store.open(str(copy))
        with source.read() as connection:
            yield connection

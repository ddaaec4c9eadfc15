"""Merging runs from elsewhere: idempotent, in any order, and nothing is overwritten silently."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from sqlalchemy import Connection

from nccli.catalogue.runs import RUNNING
from nccli.errors import InputError, StoreError
from nccli.printable import printable
from nccli.store.connection.among import pages
from nccli.store.connection.backup import copy_file
from nccli.store.connection.store import Store
from nccli.store.runs.content import RunContent, read_contents, write_contents
from nccli.store.runs.sound import faults
from nccli.store.schema.checksum import run_ids
from nccli.store_files import same_file


@dataclass(frozen=True)
class Conflict:
    """A run that two places have with different results.

    Attributes:
        id: the run.
        kept, other: loss of the run in the store, and of the one that is not.
        where: the place of the other one; None for the store itself, where it did not fit its checksum.
        source: where the one in the store was merged from just now; None if it was there before.
    """

    id: str
    kept: float
    other: float
    where: str | None
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
        doubtful: runs whose checksum does not fit, and the places that they came from; they keep it.
        sources: of the runs that were written, by run.
    """

    added: int = 0
    finished: int = 0
    same: int = 0
    skipped: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    doubtful: list[tuple[str, str]] = field(default_factory=list)
    sources: dict[str, str] = field(default_factory=dict)


def merge_stores(
    sources: list[str], target: Store, without: Collection[str] = (), replace: bool = False
) -> MergeReport:
    """Merge stores into another; the sources stay as they are, an older schema included.

    Whatever the order of the sources, the target ends the same: of copies of one result the one of which most is kept,
    then the one made first; of different results of one run what the target has, else the one made first. A run that
    was changed outside nccli, by its checksum, is kept only where there is no other, and its checksum does not fit
    afterwards either.

    Every run of every source is checked, and all is written in one transaction: a damaged one undoes it.

    Args:
        sources: paths or URLs.
        target: where runs go.
        without: what is left out of them, of `nccli.store.runs.content.LEFT_OUT`.
        replace: whether finished runs take the place of those that the target has, as runs do that are made again.

    Raises:
        InputError: a source is the target, or has a damaged run.
        NothingFoundError, StoreError: as `Store.open`.
    """
    report = MergeReport()
    with ExitStack() as open_sources:
        opened = {name: open_sources.enter_context(_untouched(name, target)) for name in dict.fromkeys(sources)}
        places: dict[str, list[str]] = {}
        for name, connection in opened.items():
            for key in run_ids(connection):
                places.setdefault(key, []).append(name)
        with target.write() as into:
            for chunk in _together(places):
                offers = [
                    (content.without(without) if without else content, name)
                    for name in dict.fromkeys(name for key in chunk for name in places[key])
                    for content in read_contents(opened[name], [key for key in chunk if name in places[key]])
                ]
                for content, name in offers:
                    require_usable(content, name)
                merge_contents(offers, into, report, replace)
    report.conflicts.sort(key=lambda conflict: conflict.id)
    report.doubtful.sort()
    return report


def _together(places: Mapping[str, Sequence[str]]) -> Iterator[list[str]]:
    """Runs a few at a time: those that several places have, then place by place what it alone has.

    A few of all places at once would mean a few queries a run: measured with 64 places, ten times the time.
    """
    alone: dict[str, list[str]] = {}
    shared = []
    for key, names in sorted(places.items()):
        if len(names) > 1:
            shared.append(key)
        else:
            alone.setdefault(names[0], []).append(key)
    for keys in (shared, *alone.values()):
        yield from pages(keys)


def require_usable(content: RunContent, place: str) -> None:
    """Refuse a damaged run of a store.

    Raises:
        InputError: what is wrong with it, and the way out.
    """
    fault = _fault(content)
    if fault is not None:
        raise InputError(
            f"{place}: run {printable(str(content.id))}: {fault}; nothing was merged\n"
            f"nccli store check --repair --store {place} sets aside what is damaged"
        )


def _fault(content: RunContent) -> str | None:
    """What is wrong with a run; one in training has no result yet that could be."""
    return None if content.run.get("status") == RUNNING else next(faults(content), None)


def merge_contents(
    offers: Iterable[tuple[RunContent, str]], into: Connection, report: MergeReport, replace: bool = False
) -> None:
    """Merge some sound runs, each with the place that it comes from; all offers of one run have to come together.

    Args:
        offers: runs and places.
        into: the store, in a transaction of the caller.
        report: added to.
        replace: as `merge_stores`.

    Raises:
        StoreError: the store has one of these runs, damaged.
    """
    by_id: dict[str, list[tuple[RunContent, str]]] = {}
    for content, place in offers:
        by_id.setdefault(content.id, []).append((content, place))
    there = {content.id: content for content in read_contents(into, list(by_id))}
    for content in there.values():
        fault = _fault(content)
        if fault is not None:
            raise StoreError(
                f"run {content.id} of the store to merge into: {fault}; nothing was merged\n"
                "nccli store check --repair sets aside what is damaged"
            )
    kept: list[RunContent] = []
    for key, candidates in sorted(by_id.items()):
        ready = [offer for offer in candidates if offer[0].run["status"] != RUNNING]
        report.skipped += len(candidates) - len(ready)
        stored = there.get(key)
        if replace and any(content.finished for content, _ in ready):
            stored = None
        if ready:
            kept += _merge_run(stored, ready, report)
    if kept:
        write_contents(into, kept)


def _merge_run(
    stored: RunContent | None, offers: list[tuple[RunContent, str]], report: MergeReport
) -> list[RunContent]:
    """What is to be written of a run: a copy of it, or nothing."""
    in_training = stored is not None and stored.run["status"] == RUNNING
    copies = [*([] if stored is None or in_training else [stored]), *(content for content, _ in offers)]
    kept = min(copies, key=_rank) if len(copies) > 1 else copies[0]
    if stored is not None and stored.finished and (stored.intact or not kept.intact):
        kept = min((content for content in copies if content.result == stored.result), key=_rank)
    if stored is None:
        report.added += 1
    elif kept.finished and not stored.finished:
        report.finished += 1
    else:
        report.same += 1
    written = kept is not stored and (kept.finished or not in_training)
    if written:
        report.sources[kept.id] = next(place for content, place in offers if content is kept)
    report.doubtful += [(kept.id, place) for content, place in offers if content is kept and not kept.intact]
    there: list[tuple[RunContent, str | None]] = [] if stored is None else [(stored, None)]
    report.conflicts += [
        Conflict(kept.id, kept.run["loss"], content.run["loss"], place, report.sources.get(kept.id))
        for content, place in (*offers, *there)
        if content is not kept and content.finished and kept.finished and content.result != kept.result
    ]
    return [kept] if written else []


def _rank(content: RunContent) -> tuple[bool, bool, int, int, bool, str, str]:
    """Which of several copies is kept: finished, fits its checksum, went further, more parts, judged, made first."""
    steps = 0 if content.finished else -int(content.run["steps"])
    made = (content.run["created"], content.checksum)
    return (not content.finished, not content.intact, steps, -len(content.parts), content.run["verdict"] is None, *made)


@contextmanager
def _untouched(name: str, target: Store) -> Iterator[Connection]:
    """A source to read from; one with an older schema is upgraded in a copy."""
    source = Store.peek(name)
    one_file = source.path is not None and target.path is not None and same_file(source.path, target.path)
    if one_file or source.location == target.location:
        raise InputError(f"{name} is the store to merge into: name other stores before --into")
    with TemporaryDirectory() as folder:
        if source.path is not None and not source.is_current:
            copy = Path(folder) / "copy.db"
            copy_file(source.path, copy)
            source = Store.open(str(copy))
        with source.read() as connection:
            yield connection

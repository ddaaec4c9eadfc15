"""Claims: of all processes that are asked for a run, one trains it and shows that it lives; the others know."""

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import TracebackType
from typing import Any, Self

from sqlalchemy import Connection, delete, insert, select, update

from nccli.catalogue.columns import RUN_COLUMNS, Type
from nccli.catalogue.runs import FINISHED, RUNNING
from nccli.errors import StoreError
from nccli.store.connection.among import one_of
from nccli.store.connection.store import Store
from nccli.store.runs.worker import lives, name_of, now, this_process
from nccli.store.schema.tables import CLAIM, RUN, WORKER

BEAT_SECONDS = 15.0
WATCH_SECONDS = 90.0
"""Clocks of machines differ, so whoever wants a run of a worker that cannot be seen from here watches it: one whose
sign of life does not change for WATCH_SECONDS by our own clock is taken for dead."""

_RUN, _CLAIM, _WORKER = RUN.c, CLAIM.c, WORKER.c


@dataclass(frozen=True)
class Taken:
    """How an attempt to claim runs ended.

    Attributes:
        ours: runs that this process is to make.
        stored: status of the runs that need not be made.
        busy: for the runs that others are making, who does: "host, process 123".
    """

    ours: tuple[str, ...]
    stored: Mapping[str, str]
    busy: Mapping[str, str]


class LateError(Exception):
    """A result comes too late: its run is another process's by now.

    Attributes:
        unfinished: whether the other is still making it.
    """

    def __init__(self, text: str, unfinished: bool) -> None:
        """With a text that says of the run what became of it."""
        super().__init__(text)
        self.unfinished = unfinished


def release_all(store: Store) -> None:
    """Free every run of a store that nobody but this process uses: whoever claimed some is gone.

    Raises:
        StoreError: it cannot be written.
    """
    with store.write() as connection:
        connection.execute(delete(RUN).where(_RUN.status == RUNNING))
        connection.execute(delete(CLAIM))
        connection.execute(delete(WORKER))


class Claims:
    """The runs that this process makes. A context manager: what was claimed and not stored is free again at its end.

    A run that was not in the store has status "running" while it is claimed; one that was keeps its content until the
    new one is stored. One row a process, not one a run, carries the sign of life.
    """

    def __init__(
        self, store: Store, on_trouble: Callable[[str], None], force: bool = False, marking: bool = True
    ) -> None:
        """Nothing is claimed yet.

        Args:
            store: where the runs go.
            on_trouble: called with a line when the sign of life cannot be given.
            force: whether finished runs are made again, unless another process has done so since.
            marking: whether runs are marked as ours; else those who will make them do that themselves.
        """
        self._store, self._on_trouble, self._force = store, on_trouble, force
        self._marking = marking
        self._identity = this_process()
        self._seen: dict[str, tuple[str, float]] = {}
        self._created: dict[str, str | None] = {}
        self._end = threading.Event()
        self._heart: threading.Thread | None = None

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give back what is not stored."""
        if self._heart is None:
            return
        self._end.set()
        self._heart.join()
        mine = select(_CLAIM.run_id).where(_CLAIM.worker_id == self._identity.id)
        try:
            with self._store.write() as connection:
                connection.execute(delete(RUN).where(_RUN.status == RUNNING, _RUN.id.in_(mine)))
                connection.execute(delete(WORKER).where(_WORKER.id == self._identity.id))
        except StoreError as trouble:
            self._on_trouble(f"{trouble}; runs not made stay marked as running until another command looks at them")

    def look(self, wanted: Sequence[str]) -> None:
        """Note when runs were stored last: with force, what another process stores after this is not made again."""
        if self._force:
            with self._store.read() as connection:
                self._assess(connection, wanted)

    def take(self, wanted: Sequence[str], columns: Callable[[str], Mapping[str, Any]]) -> Taken:
        """Claim those of the runs that nobody has made or is making.

        Args:
            wanted: run ids.
            columns: of `run`, for an id, as far as they are known before the run is made.

        Raises:
            StoreError: the store is busy or cannot be written; nothing was claimed.
        """
        with self._store.read() as connection:
            seen = self._assess(connection, wanted)
        if not seen.ours or not self._marking:
            return seen
        with self._store.write() as connection:
            taken = self._assess(connection, wanted)
            self._register(connection)
            ours = one_of(_RUN.id, taken.ours, connection)
            connection.execute(delete(CLAIM).where(one_of(_CLAIM.run_id, taken.ours, connection)))
            connection.execute(delete(RUN).where(ours, _RUN.status == RUNNING))
            there = set(connection.scalars(select(_RUN.id).where(ours)))
            rows = [_running(key, columns(key)) for key in taken.ours if key not in there]
            if rows:
                connection.execute(insert(RUN), rows)
            claimed = [{"run_id": key, "worker_id": self._identity.id} for key in taken.ours]
            if claimed:
                connection.execute(insert(CLAIM), claimed)
            idle = _WORKER.id.not_in(select(_CLAIM.worker_id))  # one that lives is there again with its next sign
            connection.execute(delete(WORKER).where(idle, _WORKER.id != self._identity.id))
        if self._heart is None:
            self._heart = threading.Thread(target=self._beat, name="nccli sign of life", daemon=True)
            self._heart.start()
        return taken

    def require(self, connection: Connection, key: str) -> None:
        """Refuse to store a run that became another process's, which can be while this one was suspended.

        Raises:
            LateError: another process has finished it, or is making it.
        """
        taken = self._assess(connection, [key])
        if key in taken.ours:
            return
        if key in taken.busy:
            raise LateError(f"is being made by {taken.busy[key]}", unfinished=True)
        host, loss = connection.execute(select(_RUN.host, _RUN.loss).where(_RUN.id == key)).one()
        raise LateError(f"was finished on {host} with loss {loss!r}", unfinished=False)

    def _assess(self, connection: Connection, ids: Sequence[str]) -> Taken:
        ours, stored, busy = [], {}, {}
        verdicts: dict[str, bool] = {}
        for key, status, created, worker in _states(connection, ids):
            first = self._created.setdefault(key, created)
            if status in FINISHED and not (self._force and created == first):
                stored[key] = status
            elif worker is not None and worker["id"] != self._identity.id:
                if worker["id"] not in verdicts:
                    verdicts[worker["id"]] = self._is_dead(worker)
                if verdicts[worker["id"]]:
                    ours.append(key)
                else:
                    busy[key] = name_of(worker)
            else:
                ours.append(key)
        return Taken(tuple(ours), stored, busy)

    def _is_dead(self, worker: Mapping[str, Any]) -> bool:
        alive = lives(worker)
        if alive is not None:
            return not alive
        beat, since = self._seen.get(worker["id"], (None, 0.0))
        if beat != worker["heartbeat"]:
            self._seen[worker["id"]] = (worker["heartbeat"], time.monotonic())
            return False
        return time.monotonic() - since > WATCH_SECONDS

    def _register(self, connection: Connection) -> None:
        known = connection.execute(update(WORKER).where(_WORKER.id == self._identity.id).values(heartbeat=now()))
        if known.rowcount == 0:
            connection.execute(insert(WORKER), {**asdict(self._identity), "heartbeat": now()})

    def _beat(self) -> None:
        troubled = False
        while not self._end.wait(BEAT_SECONDS):
            try:
                with self._store.write() as connection:
                    self._register(connection)
            except StoreError as error:
                if not troubled:
                    self._on_trouble(f"no sign of life can be given: {error}")
                troubled = True


def _states(
    connection: Connection, ids: Sequence[str]
) -> Iterator[tuple[str, str | None, str | None, Mapping[str, Any] | None]]:
    """Of each run, in the order given: its status, when it was stored, and the worker that claims it."""
    workers = {row.id: dict(row._mapping) for row in connection.execute(select(*_WORKER))}
    query = select(_RUN.id, _RUN.status, _RUN.created, _CLAIM.worker_id)
    query = query.outerjoin(CLAIM, _CLAIM.run_id == _RUN.id).where(one_of(_RUN.id, ids, connection))
    found = {row.id: row for row in connection.execute(query)}
    for key in ids:
        row = found.get(key)
        yield (key, None, None, None) if row is None else (key, row.status, row.created, workers.get(row.worker_id))


def _running(key: str, known: Mapping[str, Any]) -> dict[str, Any]:
    unknown = dict.fromkeys((column.name for column in RUN_COLUMNS if column.type is Type.REAL), float("nan"))
    return {**known, **unknown, "id": key, "status": RUNNING, "steps": 0, "seconds": 0.0, "created": now()}

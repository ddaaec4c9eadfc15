"""Who is making the runs of a store, as far as somebody who only looks can tell."""

from collections.abc import Iterator, Mapping
from typing import Any

from sqlalchemy import Connection, delete, select, update

from nccli.catalogue.runs import RUNNING, Status
from nccli.errors import StoreError
from nccli.store.connection.among import one_of
from nccli.store.connection.store import Store
from nccli.store.runs.worker import lives, name_of, seconds_since
from nccli.store.schema.tables import CLAIM, RUN, WORKER

LOST_SECONDS = 86_400.0
"""A taste: a worker elsewhere whose last sign of life is a day off our clock is spoken of as silent."""

_RUN, _CLAIM, _WORKER = RUN.c, CLAIM.c, WORKER.c


def claimed_runs(connection: Connection) -> set[str]:
    """Runs that a process has claimed, living or not."""
    return set(connection.scalars(select(_CLAIM.run_id)))


def running_runs(connection: Connection) -> dict[str, str]:
    """Who is making the runs that are claimed, by run: "host, process 123"; without processes known to have ended."""
    return {run: name_of(worker) for run, worker, alive in _claims(connection) if alive is not False}


def silent_runs(connection: Connection) -> dict[str, str]:
    """Of these, the runs of processes elsewhere that gave no sign of life for a day by our clock, with the last one."""
    return {
        run: f"{name_of(worker)}, no sign of life since {worker['heartbeat'][:19]} by its clock"
        for run, worker, alive in _claims(connection)
        if alive is None and abs(seconds_since(worker["heartbeat"])) > LOST_SECONDS
    }


def abandoned_runs(connection: Connection) -> list[str]:
    """Runs marked as running that nobody has claimed, or a process that is known from here to have ended."""
    query = select(_RUN.id).outerjoin(CLAIM, _CLAIM.run_id == _RUN.id).where(_RUN.status == RUNNING)
    theirs = _CLAIM.run_id.is_(None) | _CLAIM.worker_id.in_(_ended_workers(connection))
    return list(connection.scalars(query.where(theirs).order_by(_RUN.id)))


def settle_abandoned(store: Store) -> list[str]:
    """Mark abandoned runs as interrupted, and return their ids.

    What a process elsewhere has claimed stays its own, however silent it is: who only looks has not watched it. A store
    that cannot be written just now stays as it is: reading it goes on.
    """
    with store.read() as connection:
        if not _ended_workers(connection) and not abandoned_runs(connection):
            return []
    try:
        with store.write() as connection:
            found = abandoned_runs(connection)
            marked = update(RUN).where(one_of(_RUN.id, found, connection))
            connection.execute(marked.values(status=Status.INTERRUPTED.value))
            connection.execute(delete(WORKER).where(_WORKER.id.in_(_ended_workers(connection))))
    except StoreError:
        return []
    return found


def _ended_workers(connection: Connection) -> list[str]:
    return [key for key, (_, alive) in _workers(connection).items() if alive is False]


def _claims(connection: Connection) -> Iterator[tuple[str, Mapping[str, Any], bool | None]]:
    """Claimed runs, with the worker that claims each and what `lives` says of it."""
    workers = _workers(connection)
    for row in connection.execute(select(_CLAIM.run_id, _CLAIM.worker_id)):
        yield row.run_id, *workers[row.worker_id]


def _workers(connection: Connection) -> dict[str, tuple[Mapping[str, Any], bool | None]]:
    rows = [dict(row._mapping) for row in connection.execute(select(*_WORKER))]
    return {row["id"]: (row, lives(row)) for row in rows}

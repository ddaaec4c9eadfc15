"""Taking runs out of the store."""

from collections.abc import Sequence

from sqlalchemy import delete

from nccli.errors import StoreError
from nccli.store.connection.store import Store
from nccli.store.runs.claims import running_runs
from nccli.store.runs.content import RUN

_CHUNK = 500


def remove_runs(store: Store, ids: Sequence[str]) -> None:
    """Delete runs with all that belongs to them, in one transaction.

    Raises:
        StoreError: one of them is in training, or the store cannot be written; nothing was deleted.
    """
    with store.write() as connection:
        running = running_runs(connection)
        for key in ids:
            if key in running:
                raise StoreError(f"run {key} is in training ({running[key]}): stop that first; nothing was deleted")
        for start in range(0, len(ids), _CHUNK):
            connection.execute(delete(RUN).where(RUN.c.id.in_(ids[start : start + _CHUNK])))

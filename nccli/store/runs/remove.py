"""Taking runs out of the store."""

from collections.abc import Sequence

from sqlalchemy import delete

from nccli.errors import StoreError
from nccli.store.connection.among import one_of
from nccli.store.connection.store import Store
from nccli.store.runs.claims import running_runs
from nccli.store.schema.tables import RUN


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
        connection.execute(delete(RUN).where(one_of(RUN.c.id, ids, connection)))

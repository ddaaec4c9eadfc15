"""Taking runs out of the store."""

from collections.abc import Sequence

from sqlalchemy import delete

from nccli.errors import StoreError
from nccli.store.connection.among import one_of
from nccli.store.connection.store import Store
from nccli.store.runs.makers import running_runs, silent_runs
from nccli.store.schema.tables import RUN


def remove_runs(store: Store, ids: Sequence[str]) -> None:
    """Delete runs with all that belongs to them, in one transaction.

    Raises:
        StoreError: one of them is in training, and that gave a sign of life within a day, or the store cannot be
            written; nothing was deleted.
    """
    with store.write() as connection:
        running, silent = running_runs(connection), silent_runs(connection)
        for key in ids:
            if key in running and key not in silent:
                raise StoreError(f"run {key} is in training ({running[key]}): stop that first; nothing was deleted")
        connection.execute(delete(RUN).where(one_of(RUN.c.id, ids, connection)))

"""What commands find out about stored runs after these were made."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import update

from nccli.catalogue.columns import Role, of_role
from nccli.errors import InputError
from nccli.store.connection.store import Store
from nccli.store.schema.checksum import fits, raw_runs, seal_runs
from nccli.store.schema.tables import RUN

_COLUMNS = (*of_role(Role.LATER), "parent")


def add_to_run(store: Store, run: str, values: Mapping[str, Any]) -> None:
    """Write columns that do not belong to what a run was asked for, nor to its result, in place of what stands there.

    Args:
        store: where the run is.
        run: its id.
        values: by column, of role "later", and `parent`.

    Raises:
        ValueError: another column.
        InputError: a run that was changed outside nccli, or that went away; nothing was changed.
        StoreError: the store is busy or cannot be written.
    """
    strange = [name for name in values if name not in _COLUMNS]
    if strange:
        raise ValueError(f"not found out later: {', '.join(strange)}")
    with store.write() as connection:
        found = list(raw_runs(connection, [run]))
        if not found or not fits(found[0]):
            raise InputError(f"run {run} is damaged or gone: nccli store check --repair sets aside what is damaged")
        connection.execute(update(RUN).where(RUN.c.id == run).values(**values))
        seal_runs(connection, [run])

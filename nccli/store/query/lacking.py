"""Which runs lack a part that a store may be without."""

from collections.abc import Collection, Sequence

from sqlalchemy import Connection, select

from nccli.store.blocks.history import has_trajectory
from nccli.store.connection.among import one_of
from nccli.store.connection.store import Store
from nccli.store.runs.content import PARTS, TRAJECTORY
from nccli.store.schema.tables import CHILDREN, HISTORY


def lacking(store: Store, ids: Sequence[str], parts: Collection[str]) -> dict[str, list[str]]:
    """By part, the runs among these that have none.

    Args:
        store: that has the runs.
        ids: of runs.
        parts: of `nccli.store.runs.content.PARTS`, and the trajectory.
    """
    found = {}
    with store.read() as connection:
        for part in sorted(parts):
            if part == TRAJECTORY:
                having = having_trajectory(connection, ids)
                found[part] = [key for key in ids if key not in having]
                continue
            name, names = PARTS[part]
            table = CHILDREN[name]
            query = select(table.c.run_id).where(one_of(table.c.run_id, ids, connection))
            having = set(connection.scalars(query.where(table.c.name == names[0]) if names else query))
            found[part] = [key for key in ids if key not in having]
    return found


def having_trajectory(connection: Connection, ids: Sequence[str]) -> set[str]:
    """Those of the runs that kept the singular values of their training."""
    query = select(HISTORY.c.run_id, HISTORY.c.block).where(one_of(HISTORY.c.run_id, ids, connection))
    return {key for key, block in connection.execute(query) if has_trajectory(block)}

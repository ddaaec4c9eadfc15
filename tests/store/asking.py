"""What --where finds."""

from nccli.store import (
    Store,
    parse_where,
    select_runs,
)


def seeds(store: Store, where: str) -> set[int]:
    """Seeds of the stored runs that fit."""
    with store.read() as connection:
        return {row["seed"] for row in select_runs(connection, where=parse_where(where))}

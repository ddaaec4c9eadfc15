"""How many digits of an id name a run."""

from collections.abc import Sequence
from itertools import pairwise

from sqlalchemy import Connection, func, select

from nccli.store.schema.tables import RUN

_FEW = 200
"""A taste: for so many ids their neighbours are looked up one by one, for more all ids are read."""


def digits_apart(connection: Connection, ids: Sequence[str], least: int) -> int:
    """The digits that tell each of the ids apart from all others of the store, `least` of them or more.

    Args:
        connection: to the store.
        ids: stored or not.
        least: digits.
    """
    if len(ids) > _FEW:
        wanted, ordered = set(ids), sorted({*connection.scalars(select(RUN.c.id)), *ids})
        near = [pair for pair in pairwise(ordered) if not wanted.isdisjoint(pair)]
    else:
        near = [pair for key in ids for pair in _neighbours(connection, key)] + list(pairwise(sorted(set(ids))))
    return max([least, *(_alike(*pair) + 1 for pair in near)])


def _alike(one: str, other: str) -> int:
    """Digits that two ids begin with alike."""
    return next((i for i, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other)))


def _neighbours(connection: Connection, key: str) -> list[tuple[str, str]]:
    """An id with the one before and the one after it."""
    before = connection.scalar(select(func.max(RUN.c.id)).where(RUN.c.id < key))
    after = connection.scalar(select(func.min(RUN.c.id)).where(RUN.c.id > key))
    return [(other, key) for other in (before, after) if other is not None]

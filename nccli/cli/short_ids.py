"""Ids as a terminal shows them: as many digits as a command needs to find the run."""

from collections.abc import Sequence
from contextvars import ContextVar

_DIGITS = 4
"""At least: a taste, legible, and as a rule enough in a store of some hundred runs."""

_ASKED: ContextVar[tuple[str | None] | None] = ContextVar("asked", default=None)


def remember_store(store: str | None) -> str | None:
    """Keep what --store says, or that it says nothing, of the command that is called; returns it."""
    _ASKED.set((store,))
    return store


def short_ids(header: str, ids: Sequence[str]) -> int:
    """How many digits of ids tell each of them apart from every other run of the store that the command is about.

    Args:
        header: of their column.
        ids: of runs.

    Returns:
        That many; 0 for whole ids, where there is no store to ask.
    """
    from nccli.errors import NccliError
    from nccli.store import Store, digits_apart, store_location

    asked = _ASKED.get()
    if asked is None or not ids:
        return 0
    try:
        with Store.open(store_location(*asked)).read() as connection:
            return digits_apart(connection, [key for key in ids if key], _DIGITS)
    except NccliError:  # the command itself says what is wrong with the store; its ids stay whole
        return 0

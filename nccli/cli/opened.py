"""The store that a command reads, and a note where what is read is a copy of it."""

from contextvars import ContextVar
from typing import TYPE_CHECKING

from nccli.cli.notes import note

if TYPE_CHECKING:
    from nccli.store import Store

_QUIET: ContextVar[bool] = ContextVar("quiet", default=False)
_TOLD: ContextVar[frozenset[str]] = ContextVar("told", default=frozenset())


def remember_quiet(quiet: bool) -> bool:
    """Keep what --quiet says of the command that is called; returns it."""
    _QUIET.set(quiet)
    return quiet


def open_store(location: str | None) -> "Store":
    """The store that --store names, upgraded where needed, or read through an upgraded copy of it.

    Raises:
        InputError, NothingFoundError, StoreError: as `Store.open`.
    """
    from nccli.store import Store, store_location

    store = Store.open(store_location(location))
    if store.copy is not None and str(store.copy) not in _TOLD.get():
        _TOLD.set(_TOLD.get() | {str(store.copy)})
        why = "it is sealed" if store.is_sealed else "it may not be written"
        note(
            f"{store.location} has the older schema {store.copied_from}, and {why}: an upgraded copy is read, and "
            "removed afterwards",
            _QUIET.get(),
        )
    return store

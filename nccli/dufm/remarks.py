"""Why steps are taken in a slower way than they could be: remembered where it is found, told once a process."""

from functools import lru_cache


def remark(what: str, why: str) -> None:
    """Remember why; the first reason counts.

    Args:
        what: that is slower than it could be, and is told.
        why: in a few words.
    """
    _remarks().setdefault(what, why)


def told_once(what: str) -> list[str]:
    """The remark as a line, where there is one that was not told before."""
    why = _remarks().get(what)
    if not why:
        return []
    _remarks()[what] = ""
    return [f"{what}: {why}"]


def is_remarked(what: str) -> bool:
    """Whether there is a reason, told or not."""
    return what in _remarks()


@lru_cache(maxsize=1)
def _remarks() -> dict[str, str]:
    """Why, by what; empty once it was told."""
    return {}

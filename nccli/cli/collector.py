"""Python's search for cycles of dead objects: seldom while a command starts, as usual while runs are trained."""

import gc

_SELDOM = 100_000
"""A measurement: objects of imports live on, and looking for dead ones among them takes a tenth of a start."""

_USUAL = gc.get_threshold()


def collect_seldom() -> None:
    """For commands that end soon."""
    gc.set_threshold(_SELDOM)


def collect_as_usual() -> None:
    """For work that lasts."""
    gc.set_threshold(*_USUAL)

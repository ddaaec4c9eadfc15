"""Cases of one fact: some in the suite, the others among the long tests (`tests/stress/long_scenes.py`)."""

from collections.abc import Iterable
from typing import Any

import pytest


def every(step: int, cases: Iterable[Any]) -> list[Any]:
    """The first of every so many cases stays in the suite; what `parametrize` takes."""
    return [case if place % step == 0 else _long(case) for place, case in enumerate(cases)]


def _long(case: Any) -> Any:
    return pytest.param(*(case if isinstance(case, tuple) else (case,)), marks=pytest.mark.long)

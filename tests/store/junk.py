"""Values that nccli cannot have written, shared out among the cells where they may stand."""

import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from nccli.store.runs.rules import RULES, Rule

JUNK: tuple[Any, ...] = (
    *(None, "", "abc", "\x1b[31m", "a\0b", b"\xff\x00", -1, -0.5, 0, 0.0, 1, 2, 2**40, 1e308, math.inf, -math.inf),
    *("{oops", "[]", "{}", "[1, 2]", '{"K": "x"}', "null", "dnc", "pre", "x" * 100),
)
_SHARES = 4
"""A taste: columns of one rule among which the junk is shared out, so that it costs seconds, not minutes."""


def shared_out(cells: Iterable[tuple[str, str]]) -> list[tuple[str, str, tuple[Any, ...]]]:
    """Tables and columns, each with junk: where rules are the same but for the name, every fourth value in turn.

    So every value meets every rule. `tests/stress/altered_files.py` puts any junk into any cell.
    """
    alike: dict[tuple[str, Rule], list[str]] = defaultdict(list)
    for table, name in cells:
        alike[table, replace(RULES[table][name], name="")].append(name)
    return [
        (table, name, JUNK[place % shares :: shares])
        for (table, _), names in alike.items()
        for shares in [min(_SHARES, len(names))]
        for place, name in enumerate(names)
    ]

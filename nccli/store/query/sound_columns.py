"""Whether columns of rows that were read keep to their rules: asked of a column at once, which takes little time.

What is refused here may be sound all the same: `nccli.store.query.unreadable` has the last word.
"""

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import NoneType
from typing import Any

from nccli.catalogue.columns import Type
from nccli.printable import is_printable
from nccli.store.runs.rules import RULES, Rule
from nccli.store.runs.sound import config_fault

_NUMBERS = (Type.INTEGER, Type.LONG, Type.NUMBER, Type.REAL)
_TYPES: Mapping[Type | None, frozenset[type]] = {
    **dict.fromkeys((Type.TEXT, Type.DOCUMENT), frozenset({str})),
    **dict.fromkeys((Type.INTEGER, Type.LONG), frozenset({int})),
    **dict.fromkeys((Type.NUMBER, Type.REAL), frozenset({int, float})),
}
"""By what a column holds, as what drivers return it."""

_WHOLE_NUMBERS = re.compile(r"\[((0|[1-9]\d{0,9})(, (0|[1-9]\d{0,9}))*)?\]")
"""The only lists that nccli writes into a column."""

_SEED = re.compile(r'"seed": (0|[1-9]\d{0,17})(?=[,}])')
SETTINGS = 256
"""A taste: configurations, but for their seeds, that are remembered; neighbours in a list have few."""


def keep(table: str, columns: Mapping[str, Sequence[Any]]) -> bool:
    """Whether values of columns, by name and as the driver has them, surely keep to the rules of a table."""
    return all(_keeps(RULES[table][name], values) for name, values in columns.items())


def _keeps(rule: Rule, values: Sequence[Any]) -> bool:
    found = set(map(type, values))
    if NoneType in found:
        if rule.required and rule.kind is not Type.REAL:  # nan is NULL in the database
            return False
        values = [value for value in values if value is not None]
        found.discard(NoneType)
    if not values:
        return True
    if not found <= _TYPES[rule.kind]:
        return False
    if rule.kind in _NUMBERS:
        return min(values) >= rule.low and max(values) <= rule.high and not math.isnan(sum(values))
    different = set(values)
    if rule.choices:
        return different.issubset(rule.choices)
    if rule.kind is Type.DOCUMENT:
        return rule.document is dict or all(map(_WHOLE_NUMBERS.fullmatch, different))  # configs: see `keep_configs`
    return is_printable("".join(different))


def keep_configs(configs: Iterable[str], Ls: Iterable[int], losses_dnc: Iterable[float | None]) -> bool:
    """Whether configurations surely can be read, given the layers of their runs and the losses of DNC."""
    known = {(without_seed(config), L, loss is None) for config, L, loss in zip(configs, Ls, losses_dnc, strict=True)}
    return all(_is_config(*each) for each in known)


def without_seed(config: str) -> str:
    """A configuration as text, its seed 0: the same for runs that differ in nothing else, and JSON if it is."""
    return _SEED.sub('"seed": 0', config, count=1)


@lru_cache(SETTINGS)
def _is_config(text: str, L: int, no_loss: bool) -> bool:
    try:
        return config_fault({"config": json.loads(text), "L": L, "loss_dnc": None if no_loss else 1.0}) is None
    except (ValueError, TypeError, RecursionError):
        return False

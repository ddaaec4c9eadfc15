"""What a value of each column must be: types, ranges and words, as the catalogue declares them."""

import math
import re
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nccli.catalogue.columns import LAYER_COLUMNS, RUN_COLUMNS, Column, Type
from nccli.catalogue.stages import When
from nccli.printable import is_printable
from nccli.store.blocks.matrices import NAMES as MATRICES

ROUNDING = 1e-5
"""By which float32 may leave a metric outside its range."""

MOST_TEXT = 4096
"""Characters of a text."""

_INTEGERS = {Type.INTEGER: 2**31, Type.LONG: 2**63}
"""Columns of 32 and 64 bits: numbers from minus this to one below it."""


_NUMBERS = (*_INTEGERS, Type.NUMBER, Type.REAL)


@dataclass(frozen=True)
class Rule:
    """A column, and what may stand in it.

    Attributes:
        name: of the column.
        kind: what it holds; None for bytes.
        required: whether it may not be absent.
        low, high: range of a number.
        choices: all that a text can be; any if empty.
        pattern: that a text matches as a whole.
        document: what a JSON document is: dict or list.
    """

    name: str
    kind: Type | None
    required: bool = True
    low: float = -math.inf
    high: float = math.inf
    choices: tuple[str, ...] = ()
    pattern: str = ""
    document: type[Any] = list

    def fault(self, value: Any, strict: bool = True) -> str | None:
        """What is wrong with a value, in words; None if nothing is. Not strictly, any text will do for a pattern."""
        if value is None:
            return f"{self.name} is missing" if self.required else None
        if self.kind is None:
            return None if isinstance(value, bytes) else f"{self.name} is not bytes"
        if self.kind is Type.DOCUMENT:
            return None if isinstance(value, self.document) else f"{self.name} is no JSON {_WORDS[self.document]}"
        return self._text_fault(value, strict) if self.kind is Type.TEXT else self._number_fault(value)

    def keeps(self, values: Sequence[Any]) -> bool:
        """Whether values surely keep to it: all numbers that do, or all absent where they may be."""
        if values.count(None) == len(values):
            return not self.required
        if self.kind not in _NUMBERS:
            return False
        whole = self.kind in _INTEGERS
        return (
            {int, float}.difference([float] if whole else []).issuperset(map(type, values))
            and self.low <= min(values, default=self.low)
            and max(values, default=self.high) <= self.high
            and not math.isnan(sum(values))
        )

    def _text_fault(self, value: Any, strict: bool) -> str | None:
        if not isinstance(value, str):
            return f"{self.name} is no text"
        if not is_printable(value):
            return f"{self.name} has control characters"
        if len(value) > MOST_TEXT:
            return f"{self.name} is longer than {MOST_TEXT} characters"
        if self.choices and value not in self.choices:
            return f"{self.name} '{value[:20]}' is none of {', '.join(self.choices)}"
        if strict and self.pattern and re.fullmatch(self.pattern, value) is None:
            return f"{self.name} '{value[:40]}' does not look like one"
        return None

    def _number_fault(self, value: Any) -> str | None:
        whole = self.kind in _INTEGERS
        if isinstance(value, bool) or not isinstance(value, int if whole else (int, float)):
            return f"{self.name} is no {'whole ' if whole else ''}number"
        if math.isnan(value):
            return None if self.kind is Type.REAL else f"{self.name} is nan"
        if not self.low <= value <= self.high:
            return f"{self.name} {value} is not {_range(self.low, self.high)}"
        return None


_WORDS: dict[Any, str] = {dict: "object", list: "list"}


def _range(low: float, high: float) -> str:
    """A range in words."""
    if high == sys.float_info.max:
        return "a finite number above 0" if low > 0 else f"a finite number of at least {low:g}"
    return f"at least {low:.10g}" if high == math.inf else f"from {low:.10g} to {high:.10g}"


def _declared(column: Column, rounding: float = 0.0) -> Rule:
    most = _INTEGERS.get(column.type, math.inf)
    return Rule(
        column.name,
        column.type,
        column.required or column.type is Type.REAL,
        max(column.low - rounding, -most),
        min(column.high + rounding, most - 1),
        column.choices,
        column.pattern,
        dict if column.name == "config" else list,
    )


_MOST = 2**31 - 1
PLACE = (Rule("layer", Type.INTEGER, low=1, high=_MOST), Rule("stage", Type.TEXT, choices=tuple(When)))
"""Of rows of a layer at a stage."""

RULES: Mapping[str, Mapping[str, Rule]] = {
    table: {rule.name: rule for rule in rules}
    for table, rules in {
        "run": [_declared(column) for column in RUN_COLUMNS],
        "layer": [_declared(column, ROUNDING) for column in LAYER_COLUMNS if column.name != "run_id"],
        "singular_value": [
            *PLACE,
            Rule("index", Type.INTEGER, low=1, high=_MOST),
            Rule("value", Type.NUMBER, low=0.0, high=sys.float_info.max),
        ],
        "history": [Rule("points", Type.INTEGER, low=1, high=_MOST), Rule("block", None)],
        "matrix": [Rule("name", Type.TEXT, choices=MATRICES), PLACE[0], Rule("block", None)],
    }.items()
}
"""By table and column, in the order of the columns; without `run_id`, which is the run's id."""

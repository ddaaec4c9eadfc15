"""The query language of --where: comparisons of columns joined by `and`, parsed here and never passed on as SQL.

wd>=1e-3 and width=30 and kind=dufm
"""

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement

from nccli.errors import InputError
from nccli.store.tables import Run

TEXT_COLUMNS = (
    *("id", "kind", "status", "activation", "device", "dtype", "host", "created"),
    *("dataset", "backbone", "reg_kind"),
)
NUMBER_COLUMNS = (
    *("K", "L", "n", "width", "wd", "wd_h1", "lr", "seed", "steps"),
    *("loss", "fit", "reg", "loss_dnc", "loss_srg", "grad_norm", "seconds"),
    *("epochs", "train_accuracy", "test_accuracy"),
)

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
}
_COMPARISON = re.compile(r"\s*([A-Za-z_]\w*)\s*(<=|>=|!=|==|=|<|>)\s*('[^']*'|\"[^\"]*\"|[^\s'\"=<>!]+)\s*")
_AND = re.compile(r"and\s", re.IGNORECASE)


@dataclass(frozen=True)
class Comparison:
    """One `column operator value`; the value is a number for number columns, a string for text columns."""

    column: str
    operator: str
    value: int | float | str

    def as_sql(self) -> ColumnElement[bool]:
        """The comparison as an SQLAlchemy expression with a bound value."""
        expression: ColumnElement[bool] = _OPERATORS[self.operator](getattr(Run, self.column), self.value)
        return expression


def parse_where(text: str) -> tuple[Comparison, ...]:
    """Parse a --where text.

    Raises:
        InputError: a malformed comparison, an unknown column, or a value that is no number for a number column.
    """
    comparisons, position = [], 0
    while True:
        match = _COMPARISON.match(text, position)
        if match is None:
            raise InputError(
                f"--where: cannot read '{text[position:].strip() or text}'; "
                "write comparisons joined by 'and', such as \"wd>=1e-3 and width=30\""
            )
        comparisons.append(_comparison(*match.groups()))
        if match.end() == len(text):
            return tuple(comparisons)
        joint = _AND.match(text, match.end())
        if joint is None:
            raise InputError(f"--where: expected 'and' before '{text[match.end() :]}'")
        position = joint.end()


def _comparison(column: str, sign: str, value: str) -> Comparison:
    value = value[1:-1] if value[0] in "'\"" else value
    sign = "=" if sign == "==" else sign
    if column in TEXT_COLUMNS:
        return Comparison(column, sign, value)
    if column not in NUMBER_COLUMNS:
        raise InputError(f"--where: no column '{column}'; columns are {', '.join((*NUMBER_COLUMNS, *TEXT_COLUMNS))}")
    try:
        return Comparison(column, sign, _number(value))
    except ValueError as error:
        raise InputError(f"--where: {column} is a number, '{value}' is not") from error


def _number(text: str) -> int | float:
    """An integer where it is one that databases hold exactly, else a float."""
    value = float(text)
    return int(text) if re.fullmatch(r"[+-]?\d+", text) and abs(value) < 2**63 else value

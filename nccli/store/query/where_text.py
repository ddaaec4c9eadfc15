"""Conditions as a person writes them: the inverse of `nccli.store.query.where`."""

import re
from collections.abc import Iterable

from nccli.store.query.conditions import AnyOf, Comparison, Condition, IsNull, Not, OneOf, Value

_WORD = re.compile(r"[^\s'\"=<>!~(),]+")
_RESERVED = ("and", "or", "not", "in", "is", "null")


def where_text(conditions: Iterable[Condition]) -> str:
    """A --where text of conditions that must all hold; parsing it gives these again.

    Raises:
        ValueError: a text with both kinds of quotes, which no condition that was parsed has.
    """
    return " and ".join(map(_text, conditions))


def _text(condition: Condition) -> str:
    match condition:
        case Comparison(column, operator, value):
            return f"{column}{operator}{_value(value)}"
        case OneOf(column, values):
            return f"{column} in ({', '.join(map(_value, values))})"
        case IsNull(column):
            return f"{column} is null"
        case Not(inner):
            return f"not ({_text(inner)})"
        case AnyOf(alternatives):
            return f"({' or '.join(map(where_text, alternatives))})"


def _value(value: Value) -> str:
    text = f"{value:.15g}" if isinstance(value, float) else f"{value}"
    if _WORD.fullmatch(text) and text.lower() not in _RESERVED:
        return text
    quote = "'" if "'" not in text else '"'
    if quote in text:
        raise ValueError(f"{text} has both kinds of quotes")
    return f"{quote}{text}{quote}"

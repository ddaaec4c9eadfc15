"""The query language of --where, parsed here and never passed on as SQL.

    wd>=1e-3 and width=30 and kind=dufm
    (K=10 or K=15) and not status=diverged and outcome=srg and seed in (0, 1, 2)
    wd is null and config.dataset=mnist

    condition  =  condition "or" condition  |  condition "and" condition  |  "not" condition  |  "(" condition ")"
               |  column ("=" | "!=" | "<" | "<=" | ">" | ">=") value
               |  column "~" value                        text that contains the value
               |  column ["not"] "in" "(" value, … ")"
               |  column "is" ["not"] "null"              a value that is absent, or nan

`not` binds tightest, then `and`, then `or`. Words are case-insensitive, values are not, but for names of structures and
outcomes, which are stored in small letters; a value with spaces, commas or parentheses stands in quotes. A comparison
with a value that is absent or nan is false, and so its negation is true. Columns are those of table `run`, and
`config.NAME` for any option of a run, at its default where it was not given.
"""

import json
import re
from dataclasses import dataclass

from nccli.catalogue.columns import BY_NAME
from nccli.errors import InputError
from nccli.store.query.columns import NUMBER_COLUMNS, TEXT_COLUMNS, column_type
from nccli.store.query.conditions import AnyOf, Comparison, Condition, IsNull, Not, OneOf

__all__ = [
    "NUMBER_COLUMNS",
    "TEXT_COLUMNS",
    "AnyOf",
    "Comparison",
    "Condition",
    "IsNull",
    "Not",
    "OneOf",
    "parse_where",
]

_MOST_NESTED = 50
_MOST_COMPARISONS, _MOST_VALUES = 400, 20_000
"""Less than databases allow."""
_TOKEN = re.compile(
    r"\s*(?:(?P<quoted>'[^']*'|\"[^\"]*\")|(?P<sign><=|>=|!=|==|=|<|>|~)|(?P<mark>[(),])|(?P<word>[^\s'\"=<>!~(),]+))"
)


def parse_where(text: str) -> tuple[Condition, ...]:
    """Parse a --where text into conditions that must all hold.

    Raises:
        InputError: malformed text, an unknown column, or a value that is no number for a number column.
    """
    parser = _Parser(text, _tokens(text))
    conditions = parser.alternatives(0)
    if parser.left():
        raise InputError(f"--where: expected 'and' or 'or' before '{parser.rest()}'")
    return conditions


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    start: int

    def is_word(self, *words: str) -> bool:
        return self.kind == "word" and self.text.lower() in words


def _tokens(text: str) -> list[_Token]:
    found, position = [], 0
    while text[position:].strip():
        match = _TOKEN.match(text, position)
        if match is None:
            raise _unreadable(text[position:])
        kind = str(match.lastgroup)
        found.append(_Token(kind, match[kind], match.start(kind)))
        position = match.end()
    return found


def _unreadable(text: str) -> InputError:
    return InputError(
        f"--where: cannot read '{text.strip()}'; write comparisons joined by and, or, not, such as "
        '"wd>=1e-3 and (width=30 or width=64)"'
    )


class _Parser:
    """Recursive descent over the tokens."""

    def __init__(self, text: str, tokens: list[_Token]) -> None:
        self._text, self._tokens, self._position, self._comparisons = text, tokens, 0, 0

    def left(self) -> bool:
        """Whether tokens are left."""
        return self._position < len(self._tokens)

    def rest(self) -> str:
        """The text that is not read yet."""
        return self._text[self._tokens[self._position].start :] if self.left() else ""

    def alternatives(self, depth: int) -> tuple[Condition, ...]:
        """A condition with `or`; conditions joined by `and` come one by one."""
        found = [self._conjunction(depth)]
        while self._take_word("or"):
            found.append(self._conjunction(depth))
        return found[0] if len(found) == 1 else (AnyOf(tuple(found)),)

    def _conjunction(self, depth: int) -> tuple[Condition, ...]:
        found = self._factor(depth)
        while self._take_word("and"):
            found += self._factor(depth)
        return found

    def _factor(self, depth: int) -> tuple[Condition, ...]:
        if depth > _MOST_NESTED:
            raise InputError(f"--where: more than {_MOST_NESTED} parentheses and nots inside each other")
        if self._next_starts_comparison():
            return (self._comparison(),)
        if self._take_word("not"):
            return (_negated(self._factor(depth + 1)),)
        if self._take_mark("("):
            inside = self.alternatives(depth + 1)
            if not self._take_mark(")"):
                raise InputError(f"--where: a parenthesis is not closed before '{self.rest()}'")
            return inside
        raise _unreadable(self.rest() or self._text)

    def _next_starts_comparison(self) -> bool:
        """Whether a word is next that is a column; `not` and a sign after it is none, `not` before a column is not."""
        ahead = self._tokens[self._position : self._position + 2]
        if not ahead or ahead[0].kind != "word" or ahead[0].text.lower() in ("and", "or"):
            return False
        return not ahead[0].is_word("not") or (len(ahead) > 1 and ahead[1].kind == "sign")

    def _comparison(self) -> Condition:
        start, column = self.rest(), self._tokens[self._position].text
        self._comparisons += 1
        if self._comparisons > _MOST_COMPARISONS:
            raise InputError(f"--where: more than {_MOST_COMPARISONS} comparisons: use '{column} in (1, 2, 3)'")
        if re.fullmatch(r"[A-Za-z_][\w.]*", column) is None:
            raise _unreadable(start)
        self._position += 1
        if self._take_word("is"):
            negative = self._take_word("not")
            if not self._take_word("null"):
                raise InputError(f"--where: write '{column} is null' or '{column} is not null'")
            column_type(column)
            return Not(IsNull(column)) if negative else IsNull(column)
        negative = self._take_word("not")
        if self._take_word("in"):
            members = OneOf(column, tuple(_read(column, "=", value) for value in self._list(column)))
            return Not(members) if negative else members
        if negative or not self.left() or self._tokens[self._position].kind != "sign":
            raise _unreadable(start)
        sign = self._tokens[self._position].text
        self._position += 1
        value = self._value()
        if value is None:
            raise _unreadable(start)
        return _compared(column, "=" if sign == "==" else sign, value)

    def _list(self, column: str) -> list[str]:
        values = []
        opened = self._take_mark("(")
        while opened and (value := self._value()) is not None:
            values.append(value)
            if len(values) > _MOST_VALUES:
                raise InputError(f"--where: '{column} in' takes at most {_MOST_VALUES:,} values; ids come by stdin too")
            if self._take_mark(")"):
                return values
            opened = self._take_mark(",")
        raise InputError(f"--where: write '{column} in (1, 2, 3)'")

    def _value(self) -> str | None:
        if not self.left() or self._tokens[self._position].kind not in ("word", "quoted"):
            return None
        token = self._tokens[self._position]
        self._position += 1
        return token.text[1:-1] if token.kind == "quoted" else token.text

    def _take_word(self, word: str) -> bool:
        return self._take(self.left() and self._tokens[self._position].is_word(word))

    def _take_mark(self, mark: str) -> bool:
        here = self._tokens[self._position] if self.left() else None
        return self._take(here is not None and here.kind == "mark" and here.text == mark)

    def _take(self, there: bool) -> bool:
        self._position += there
        return there


def _negated(conditions: tuple[Condition, ...]) -> Not:
    return Not(conditions[0] if len(conditions) == 1 else AnyOf((conditions,)))


def _compared(column: str, sign: str, value: str) -> Comparison:
    return Comparison(column, sign, _read(column, sign, value))


def _read(column: str, sign: str, value: str) -> int | float | str:
    """A value in the type of the column; a list as the store writes one."""
    kind = column_type(column)
    if sign == "~" and kind not in (str, list):
        raise InputError(f"--where: '~' looks into text, and {column} is a number: use =, <, >")
    if kind is str:
        return value.lower() if column in BY_NAME and BY_NAME[column].any_case else value
    if sign == "~":
        return value
    try:
        if kind is list:
            return json.dumps([float(part) for part in value.strip("[] ").split(",")], separators=(",", ":"))
        return _number(value)
    except ValueError as error:
        what = {bool: "yes or no", list: "a list of numbers such as '4e-3,4e-3,8e-3'"}.get(kind, "a number")
        raise InputError(f"--where: {column} is {what}, '{value}' is not") from error


def _number(text: str) -> int | float:
    """An integer where it is one that databases hold exactly, else a float."""
    if text.lower() in ("true", "false", "yes", "no"):
        return int(text.lower() in ("true", "yes"))
    value = float(text)
    return int(text) if re.fullmatch(r"[+-]?\d+", text) and abs(value) < 2**63 else value

"""What --where says, as data, and as SQL with bound values."""

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Boolean, ColumnElement, Double, Float, and_, cast, false, func, literal, not_, or_
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from nccli.catalogue.columns import BY_NAME
from nccli.store.query.columns import Rounded, as_decimal, column_expression, is_decimal

Value = int | float | str
_AROUND = 1e-14
"""What an index is asked for around a decimal: more than 15 digits leave open (5e-16), less than two settings apart."""

_OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "!=": operator.ne,
    "=": operator.eq,
    "<": operator.lt,
    ">": operator.gt,
    "~": lambda column, value: Contains(column, literal(value)),
}


class Contains(FunctionElement[bool]):
    """Whether a text contains another; with LIKE it would depend on the database whether case matters."""

    type = Boolean()
    inherit_cache = True


@compiles(Contains, "sqlite")
def _sqlite(element: Contains, compiler: Any, **options: Any) -> str:
    return f"(instr({compiler.process(element.clauses, **options)}) > 0)"


@compiles(Contains)
def _postgresql(element: Contains, compiler: Any, **options: Any) -> str:
    return f"(strpos({compiler.process(element.clauses, **options)}) > 0)"


@dataclass(frozen=True)
class Comparison:
    """One `column operator value`; the value is a number for number columns, a string for text columns."""

    column: str
    operator: str
    value: Value

    def as_sql(self) -> ColumnElement[bool]:
        """The comparison as an SQLAlchemy expression with a bound value."""
        column, value = column_expression(self.column), _meant(self.column, self.value)
        if _has_many(self.column) and self.operator in ("=", "!="):
            found = _is_one_of(column, str(value))
            return found if self.operator == "=" else not_(found)
        expression: ColumnElement[bool] = _OPERATORS[self.operator](column, value)
        if self.operator == "=" and isinstance(column, Rounded) and isinstance(value, int | float):
            (exact,) = column.clauses
            around = _AROUND * abs(value)
            return and_(exact.between(value - around, value + around), expression)  # an index finds these
        return expression


@dataclass(frozen=True)
class OneOf:
    """Whether a column has one of several values, each as in `Comparison`."""

    column: str
    values: tuple[Value, ...]

    def as_sql(self) -> ColumnElement[bool]:
        """The condition as an SQLAlchemy expression with bound values, all of one type: databases go by the first."""
        column = column_expression(self.column)
        if _has_many(self.column):
            return or_(false(), *(_is_one_of(column, str(value)) for value in self.values))
        if not any(isinstance(value, float) for value in self.values):
            return column.in_(self.values)
        numbers = column if isinstance(column.type, Float) else cast(column, Double)
        return numbers.in_([float(_meant(self.column, value)) for value in self.values])


def _has_many(column: str) -> bool:
    """Whether a column holds several names."""
    return column in BY_NAME and BY_NAME[column].many


def _is_one_of(names: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether a name is among those with commas between them; an index finds those that are alone."""
    return or_(names == name, Contains(literal(",") + names + literal(","), literal(f",{name},")))


def _meant(column: str, value: Value) -> Value:
    """A number as the column has it."""
    return as_decimal(value) if isinstance(value, float) and is_decimal(column) else value


@dataclass(frozen=True)
class IsNull:
    """Whether a value is absent or nan."""

    column: str

    def as_sql(self) -> ColumnElement[bool]:
        """The condition as an SQLAlchemy expression."""
        return column_expression(self.column).is_(None)


@dataclass(frozen=True)
class Not:
    """The opposite of a condition; true where a comparison fails for want of a value."""

    condition: "Condition"

    def as_sql(self) -> ColumnElement[bool]:
        """The condition as an SQLAlchemy expression."""
        return not_(func.coalesce(self.condition.as_sql(), false()))


@dataclass(frozen=True)
class AnyOf:
    """At least one of several sets of conditions, each of which holds when all of its members do."""

    alternatives: tuple[tuple["Condition", ...], ...]

    def as_sql(self) -> ColumnElement[bool]:
        """The condition as an SQLAlchemy expression."""
        return or_(*(and_(*(condition.as_sql() for condition in each)) for each in self.alternatives))


Condition = Comparison | OneOf | IsNull | Not | AnyOf

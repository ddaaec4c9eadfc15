"""What --where and --group-by may name: columns of table `run`, `config.NAME`, metrics."""

import difflib
import re
from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Double, Text, case, cast, func, literal, select, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from nccli.catalogue.columns import BY_NAME, QUERIED, SUMMARIES, Type
from nccli.catalogue.metrics import BY_NAME as METRICS
from nccli.catalogue.settings import LEFT_OUT, TYPES
from nccli.errors import InputError
from nccli.store.schema.tables import LAYER, RUN

TEXT_COLUMNS = tuple(column.name for column in QUERIED if column.type is Type.TEXT)
NUMBER_COLUMNS = tuple(column.name for column in QUERIED if column.type is not Type.TEXT)

_CONFIG = re.compile(r"config\.(\w+)")
_OVER_LAYERS = re.compile(rf"({'|'.join(SUMMARIES)})\.(\w+)")


class ConfigText(FunctionElement[str]):
    """An entry of the run's configuration as text, numbers as they are written there; NULL where it has none."""

    type = Text()
    inherit_cache = True


@compiles(ConfigText, "sqlite")
def _sqlite(element: ConfigText, compiler: Any, **options: Any) -> str:
    document, _, path = (compiler.process(part, **options) for part in element.clauses)
    return f"CASE WHEN json_valid({document}) THEN CAST(json_extract({document}, {path}) AS TEXT) END"


@compiles(ConfigText)
def _postgresql(element: ConfigText, compiler: Any, **options: Any) -> str:
    document, name, _ = (compiler.process(part, **options) for part in element.clauses)
    return f"({document}::json ->> {name})"


def as_decimal(number: float) -> float:
    """A number to 15 digits: what arithmetic left behind the decimal that was meant makes no other setting."""
    return float(f"{number:.15g}")


def is_decimal(column: str) -> bool:
    """Whether `column_expression` of a column is of decimals: of settings that are not whole numbers."""
    option = _CONFIG.fullmatch(column)
    if option is not None:
        return TYPES.get(option[1]) is float
    return column in BY_NAME and BY_NAME[column].decimal


def meant(values: Sequence[Any], decimal: Sequence[bool]) -> tuple[Any, ...]:
    """Values of columns, `as_decimal` where they are of decimals."""
    return tuple(
        as_decimal(value) if rounded and value is not None else value
        for value, rounded in zip(values, decimal, strict=True)
    )


class Rounded(FunctionElement[float]):
    """`as_decimal` in SQL."""

    type = Double()
    inherit_cache = True


@compiles(Rounded, "sqlite")
def _rounded_sqlite(element: Rounded, compiler: Any, **options: Any) -> str:
    number = compiler.process(element.clauses, **options)
    return f"CASE WHEN {number} IS NOT NULL THEN CAST(printf('%.15g', {number}) AS REAL) END"


@compiles(Rounded)
def _rounded_postgresql(element: Rounded, compiler: Any, **options: Any) -> str:
    return f"CAST(CAST({compiler.process(element.clauses, **options)} AS numeric) AS double precision)"


def column_type(column: str, flag: str = "--where") -> type:
    """What a column holds: str or float; of an option of the configuration int, float, bool, str or list.

    Raises:
        InputError: no such column or option, with the nearest name and all of them; it begins with `flag`.
    """
    if column in TEXT_COLUMNS:
        return str
    if column in NUMBER_COLUMNS:
        return float
    over = _OVER_LAYERS.fullmatch(column)
    if over is not None:
        return _metric_type(over[2], flag)
    option = _CONFIG.fullmatch(column)
    if option is None:
        names = (*NUMBER_COLUMNS, *TEXT_COLUMNS)
        raise InputError(
            f"{flag}: no column '{column}'{_nearest(column, names)}; columns are {', '.join(names)}, "
            f"config.NAME for any option of a run, {', '.join(SUMMARIES)}.METRIC over its layers"
        )
    if option[1] not in TYPES:
        raise InputError(
            f"{flag}: no option '{option[1]}'{_nearest(option[1], TYPES)}; config. goes with {', '.join(TYPES)}"
        )
    return TYPES[option[1]]


def _metric_type(name: str, flag: str) -> type:
    if name not in METRICS:
        raise InputError(f"{flag}: no metric '{name}'{_nearest(name, METRICS)}; metrics are {', '.join(METRICS)}")
    return float


def _nearest(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""


def column_expression(column: str) -> ColumnElement[Any]:
    """The column in SQL; an option of the configuration in its own type, bool as 0 or 1, at its default if left out."""
    over = _OVER_LAYERS.fullmatch(column)
    if over is not None:
        return _over_layers(over[1], over[2])
    option = _CONFIG.fullmatch(column)
    if option is None or option[1] == "wd":
        name = column if option is None else "wd"
        expression: ColumnElement[Any] = RUN.c[name]
        return Rounded(expression) if BY_NAME[name].decimal else expression
    name, text = option[1], config_text(option[1])
    kind = TYPES[name]
    found: ColumnElement[Any] = text
    if kind is list:
        found = func.replace(text, " ", "")
    elif kind is bool:
        found = case((text.in_(("1", "true")), 1), (text.is_not(None), 0))
    elif kind is not str:
        found = cast(text, BigInteger) if kind is int else Rounded(cast(text, Double))
    defaults = [
        (RUN.c.kind == run, literal(int(left[name]) if kind is bool else left[name]))
        for run, left in LEFT_OUT.items()
        if name in left
    ]
    return func.coalesce(found, case(*defaults)) if defaults else found


def stored_expression(column: str) -> ColumnElement[Any]:
    """The same with decimals as they are stored: there are fewer of them than rows to be rounded."""
    expression = column_expression(column)
    return next(iter(expression.clauses)) if isinstance(expression, Rounded) else expression


def _over_layers(summary: str, metric: str) -> ColumnElement[Any]:
    """A metric summed up over the layers and stages of a run that have it."""
    value = cast(LAYER.c[metric], Double)
    summed: dict[str, ColumnElement[Any]] = {"max": func.max(value), "min": func.min(value), "mean": func.avg(value)}
    return select(summed[summary]).where(LAYER.c.run_id == RUN.c.id).correlate(RUN).scalar_subquery()


def config_text(name: str) -> ColumnElement[str]:
    """An option of the configuration as text: a list as JSON, NULL where the run has no such option."""
    return ConfigText(type_coerce(RUN.c.config, Text), literal(name), literal(f'$."{name}"'))

"""What --where and --group-by may name: columns of table `run`, and `config.NAME` for any option of a run."""

import difflib
import re
from collections.abc import Iterable
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Double, Text, case, cast, func, literal, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from nccli.errors import InputError
from nccli.store.query.options import OPTION_DEFAULTS, OPTION_TYPES
from nccli.store.schema.tables import Run

TEXT_COLUMNS = (
    *("id", "kind", "status", "activation", "optimizer", "structure", "setting"),
    *("dataset", "backbone", "reg_kind"),
    *("device", "dtype", "host", "torch_version", "nccli_version", "started", "created"),
)
NUMBER_COLUMNS = (
    *("K", "L", "n", "width", "wd", "wd_h1", "lr", "seed", "steps"),
    *("loss", "fit", "reg", "loss_dnc", "loss_srg", "grad_norm", "seconds", "collapsed_at", "residual", "kinks"),
    *("mean_hidden_rank", "ranks_agree", "max_dnc1", "epochs", "train_accuracy", "test_accuracy"),
)
_DECIMAL = ("wd", "wd_h1", "lr")
_CONFIG = re.compile(r"config\.(\w+)")
_RUN = Run.__table__.c  # type: ignore[attr-defined]  # SQLModel does not declare it


class ConfigText(FunctionElement[str]):
    """An entry of the run's configuration as text, numbers as they are written there; NULL where it has none."""

    type = Text()
    inherit_cache = True


@compiles(ConfigText, "sqlite")
def _sqlite(element: ConfigText, compiler: Any, **options: Any) -> str:
    document, _, path = (compiler.process(part, **options) for part in element.clauses)
    return f"CAST(json_extract({document}, {path}) AS TEXT)"


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
    return column in _DECIMAL if option is None else OPTION_TYPES.get(option[1]) is float


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
    option = _CONFIG.fullmatch(column)
    if option is None:
        names = (*NUMBER_COLUMNS, *TEXT_COLUMNS)
        raise InputError(
            f"{flag}: no column '{column}'{_nearest(column, names)}; columns are {', '.join(names)}, "
            "and config.NAME for any option of a run"
        )
    if option[1] not in OPTION_TYPES:
        raise InputError(
            f"{flag}: no option '{option[1]}'{_nearest(option[1], OPTION_TYPES)}; config. goes with "
            f"{', '.join(OPTION_TYPES)}"
        )
    return OPTION_TYPES[option[1]]


def _nearest(name: str, names: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, list(names), n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""


def column_expression(column: str) -> ColumnElement[Any]:
    """The column in SQL; an option of the configuration in its own type, bool as 0 or 1, at its default if left out."""
    option = _CONFIG.fullmatch(column)
    if option is None or option[1] == "wd":
        name = column if option is None else "wd"
        expression: ColumnElement[Any] = _RUN[name]
        return Rounded(expression) if name in _DECIMAL else expression
    name, text = option[1], config_text(option[1])
    kind = OPTION_TYPES[name]
    found: ColumnElement[Any] = text
    if kind is list:
        found = func.replace(text, " ", "")
    elif kind is bool:
        found = case((text.in_(("1", "true")), 1), (text.is_not(None), 0))
    elif kind is not str:
        found = cast(text, BigInteger) if kind is int else Rounded(cast(text, Double))
    defaults = [
        (_RUN.kind == run, literal(int(left[name]) if kind is bool else left[name]))
        for run, left in OPTION_DEFAULTS.items()
        if name in left
    ]
    return func.coalesce(found, case(*defaults)) if defaults else found


def config_text(name: str) -> ColumnElement[str]:
    """An option of the configuration as text: a list as JSON, NULL where the run has no such option."""
    return ConfigText(type_coerce(_RUN.config, Text), literal(name), literal(f'$."{name}"'))

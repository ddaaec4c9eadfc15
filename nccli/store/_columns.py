"""What --where and --group-by may name: columns of table `run`, and `config.NAME` for any option of a run."""

import difflib
import re
from typing import Any

from sqlalchemy import ColumnElement, Double, Text, cast, literal, type_coerce
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from nccli.errors import InputError
from nccli.store.tables import Run

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
_CONFIG = re.compile(r"config\.(\w+)")
_RUN = Run.__table__.c  # type: ignore[attr-defined]  # SQLModel does not declare it


class ConfigText(FunctionElement[str]):
    """An entry of the run's configuration as text; NULL where it has none."""

    type = Text()
    inherit_cache = True


@compiles(ConfigText, "sqlite")
def _sqlite(element: ConfigText, compiler: Any, **options: Any) -> str:
    return f"CAST(json_extract({compiler.process(element.clauses, **options)}) AS TEXT)"


@compiles(ConfigText)
def _postgresql(element: ConfigText, compiler: Any, **options: Any) -> str:
    document, path = element.clauses
    text = f"{compiler.process(document, **options)}::jsonb, {compiler.process(path, **options)}::jsonpath"
    return f"(jsonb_path_query_first({text}) #>> '{{}}')"


def is_text(column: str) -> bool | None:
    """Whether a column holds text; None for an option of the configuration, which may hold either.

    Raises:
        InputError: no such column, with the nearest names and all of them.
    """
    if column in TEXT_COLUMNS:
        return True
    if column in NUMBER_COLUMNS:
        return False
    if _CONFIG.fullmatch(column):
        return None
    near = difflib.get_close_matches(column, (*NUMBER_COLUMNS, *TEXT_COLUMNS), n=1)
    hint = f" (did you mean '{near[0]}'?)" if near else ""
    raise InputError(
        f"--where: no column '{column}'{hint}; columns are {', '.join((*NUMBER_COLUMNS, *TEXT_COLUMNS))}, "
        "and config.NAME for any option of a run"
    )


def column_expression(column: str, as_text: bool) -> ColumnElement[Any]:
    """The column in SQL; an option of the configuration as text or as a number."""
    option = _CONFIG.fullmatch(column)
    if option is None:
        expression: ColumnElement[Any] = _RUN[column]
        return expression
    return config_text(option[1]) if as_text else cast(config_text(option[1]), Double)


def config_text(name: str) -> ColumnElement[str]:
    """An option of the configuration as text: a list as JSON, NULL where the run has no such option."""
    return ConfigText(type_coerce(_RUN.config, Text), literal(f'$."{name}"'))

"""Rows of runs that come from outside: every value is checked before it is taken for one of the store."""

import base64
import binascii
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

import numpy as np
from sqlalchemy import Float, LargeBinary, Table

from nccli import strict_json
from nccli.catalogue.columns import RUN_COLUMNS
from nccli.catalogue.runs import Kind
from nccli.catalogue.stages import Stage
from nccli.store.blocks.matrices import CLASS_MEANS, unpack_matrices
from nccli.store.exchange.portable import CHILDREN, packed
from nccli.store.runs.content import RunContent
from nccli.store.runs.finished_run import imbalance_of
from nccli.store.runs.older import finish_of, gaps, renewed
from nccli.store.runs.sound import NOT_FINITE, followed, require_sound
from nccli.store.schema.column_types import JsonText, Real
from nccli.store.schema.tables import CHILDREN as STORED
from nccli.store.schema.tables import RUN

_MOST_DOCUMENT = 2**20
"""Characters of a JSON document: a history row of L = 1,000 layers has some 40,000."""


def outward(table: Table, name: str, value: Any) -> Any:
    """A value as JSON has it: bytes in base64."""
    return base64.b64encode(value).decode() if isinstance(table.c[name].type, LargeBinary) else value


def columns(table: Table) -> list[str]:
    """The columns that leave the store; a run gets its checksum where it is stored."""
    return [column.name for column in table.c if column.name != "checksum"]


def checked(fields: Mapping[str, Any]) -> RunContent:
    """A run that nccli could have stored, from its rows by table as JSON has them.

    Raises:
        ValueError: what is wrong with it, in words.
    """
    run = _row(RUN, _completed(fields["run"]))
    rows = {}
    for name, table in CHILDREN.items():
        if not isinstance(fields[name], list):
            raise ValueError(f"{name} is not a list")
        rows[name] = [_row(table, row, without="run_id") for row in fields[name]]
    content = packed(run, rows)
    if any("classes_kept" not in row for row in fields["layer"]):  # an export from before there were outcomes
        require_sound(content, older=True)
        content = _renewed(content, rows["matrix"])
    if any("rank_gap" not in row for row in fields["layer"]):  # one from before there were ends of several kinds
        layers = gaps(content.children["layer"], _kept_means(content))
        content = RunContent(content.run, {**content.children, "layer": layers})
    if "finish" not in fields["run"]:
        require_sound(content)
        content = RunContent({**content.run, **finish_of(content.run)}, content.children)
    require_sound(content)
    children = dict(content.children)
    for name, table in STORED.items():
        keys = [column.name for column in table.c if column.primary_key and column.name != "run_id"]
        children[name] = sorted(children[name], key=itemgetter(*keys)) if keys else children[name]
    known = {name: value for name, value in followed(content).items() if content.run[name] is None}
    return RunContent({**content.run, **known}, children)


def _renewed(content: RunContent, matrices: Sequence[Mapping[str, Any]]) -> RunContent:
    """A run of an older nccli with its outcome, its layers with structures as they are recognised today.

    In the class means as they came, of which the store keeps as many digits as were computed: as an upgrade does it.
    """
    summary, layers = renewed(content.run, content.children["layer"], _means(matrices))
    return RunContent({**content.run, **summary}, {**content.children, "layer": layers})


def _means(matrices: Sequence[Mapping[str, Any]]) -> dict[Stage, np.ndarray]:
    """Class means as they came, one class a row."""
    return {
        Stage(row["layer"], row["stage"]): np.frombuffer(row["bytes"], row["dtype"]).reshape(row["shape"]).T
        for row in matrices
        if row["name"] == CLASS_MEANS
    }


def _kept_means(content: RunContent) -> dict[Stage, np.ndarray]:
    """Class means in the digits in which the store keeps them, one class a row."""
    kept = [row["block"] for row in content.children["matrix"] if row["name"] == CLASS_MEANS]
    found = {stage: M for block in kept for stage, M in unpack_matrices(block).items()}
    return {stage: np.ascontiguousarray(M.T, dtype=np.float64) for stage, M in found.items()}


def _completed(fields: Any) -> Any:
    """A row of `run` with what runs had before there were some of its columns."""
    if not isinstance(fields, dict):
        return fields
    kind = str(fields.get("kind"))
    before = {column.name: column.before[kind] for column in RUN_COLUMNS if kind in column.before}
    if kind == Kind.E2E.value and isinstance(fields.get("config"), dict) and "class_counts" not in fields["config"]:
        before["imbalance"] = imbalance_of(kind, fields["config"])
    return {**before, **fields}


def _row(table: Table, fields: Any, without: str = "") -> dict[str, Any]:
    names = [name for name in columns(table) if name != without]
    needed = {name for name in names if not table.c[name].nullable or isinstance(table.c[name].type, Real)}
    if not isinstance(fields, dict) or not needed <= set(fields) <= set(names):
        raise ValueError(f"a row of {table.name} must have the columns {', '.join(names)}")
    return {name: _value(table, name, fields.get(name)) for name in names}


def _value(table: Table, name: str, value: Any) -> Any:
    """A value as Python has it, from JSON; what cannot be one stays as it is, for the rules to refuse."""
    kind = table.c[name].type
    if isinstance(kind, (Real, Float)):
        return float(value) if type(value) is int or value in NOT_FINITE else value
    if isinstance(kind, LargeBinary) and isinstance(value, str):
        try:
            return base64.b64decode(value, validate=True)
        except binascii.Error as error:
            raise ValueError(f"{name} is not base64") from error
    if isinstance(kind, JsonText) and len(strict_json.dumps(value)) > _MOST_DOCUMENT:
        raise ValueError(f"{name} is longer than any that a run has")
    return value


def refuse_constant(constant: str) -> None:
    """For json.loads: NaN and Infinity, which are not JSON."""
    raise ValueError(f"{constant} is not JSON")


def reason(error: BaseException) -> str:
    """What was wrong, in words."""
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)

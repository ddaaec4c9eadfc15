"""Runs as rows that any program reads: a history row by row, matrices one by one, as older stores had them too."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa

from nccli.catalogue.columns import Type
from nccli.catalogue.metrics import HISTORY as KEPT
from nccli.catalogue.stages import Stage
from nccli.metrics.digits import DOUBLE, SINGLE
from nccli.store.blocks.history import TRAJECTORY, history_rows, pack_history
from nccli.store.blocks.matrices import NAMES, pack_matrices, unpack_matrices
from nccli.store.blocks.precision import precision
from nccli.store.runs.content import RunContent
from nccli.store.runs.rules import PLACE, RULES, Rule
from nccli.store.schema.column_types import JsonText, Real
from nccli.store.schema.tables import TABLES

_ROWS = sa.MetaData()
_HISTORY = sa.Table(
    "history",
    _ROWS,
    sa.Column("run_id", sa.String, primary_key=True),
    sa.Column("step", sa.Integer, primary_key=True),
    *(sa.Column(name, Real) for name in ("loss", "fit", "reg", "grad_norm")),
    *(sa.Column(metric.name, JsonText, nullable=False) for metric in KEPT),
    sa.Column("train_accuracy", sa.Float),
    *(sa.Column(name, JsonText) for name in TRAJECTORY),
)
_MATRIX = sa.Table(
    "matrix",
    _ROWS,
    sa.Column("run_id", sa.String, primary_key=True),
    sa.Column("layer", sa.Integer, primary_key=True),
    sa.Column("stage", sa.String, primary_key=True),
    sa.Column("name", sa.String, primary_key=True),
    sa.Column("shape", JsonText, nullable=False),
    sa.Column("dtype", sa.String, nullable=False),
    sa.Column("bytes", sa.LargeBinary, nullable=False),
)

PORTABLE: Mapping[str, sa.Table] = {**TABLES, "history": _HISTORY, "matrix": _MATRIX}
"""The tables of an export, by name; in those of the store a run is rows of other columns where it has blocks."""

CHILDREN = {name: table for name, table in PORTABLE.items() if name != "run"}
"""Those beside `run`."""

_GRAM = "gram"
"""Kept by stores before 0013, and given up: it follows from class means."""

_RULES: Mapping[str, Mapping[str, Rule]] = {
    **RULES,
    **{
        table: {rule.name: rule for rule in rules}
        for table, rules in {
            "history": [
                Rule("step", Type.INTEGER, low=0, high=2**31 - 1),
                *(Rule(name, Type.REAL, low=0.0) for name in ("loss", "fit", "reg", "grad_norm")),
                *(Rule(metric.name, Type.DOCUMENT) for metric in KEPT),
                Rule("train_accuracy", Type.NUMBER, required=False, low=0.0, high=1.0),
                *(Rule(name, Type.DOCUMENT, required=False) for name in TRAJECTORY),
            ],
            "matrix": [
                *PLACE,
                Rule("name", Type.TEXT, choices=(*NAMES, _GRAM)),
                Rule("shape", Type.DOCUMENT),
                Rule("dtype", Type.TEXT, choices=(SINGLE, DOUBLE)),
                Rule("bytes", None),
            ],
        }.items()
    },
}

Rows = Mapping[str, Sequence[Mapping[str, Any]]]


def unpacked(content: RunContent) -> dict[str, list[dict[str, Any]]]:
    """Rows of a run by table, `run` without its checksum.

    Raises:
        ValueError: a block that cannot be unpacked, in words.
    """
    run = {name: value for name, value in content.run.items() if name != "checksum"}
    history = [row for block in content.children["history"] for row in history_rows(block["block"])]
    matrices = [
        {**stage._asdict(), "name": row["name"], "shape": list(M.shape), "dtype": M.dtype.str, "bytes": M.tobytes()}
        for row in content.children["matrix"]
        for stage, M in unpack_matrices(row["block"]).items()
    ]
    rest = {name: [dict(row) for row in content.children[name]] for name in ("layer", "singular_value")}
    return {"run": [run], **rest, "history": history, "matrix": matrices}


def packed(run: Mapping[str, Any], children: Rows) -> RunContent:
    """The run of such rows, of which only types of columns have been checked.

    Raises:
        ValueError: a row that breaks a rule, or rows that do not go together, in words.
    """
    for table, rows in {"run": [run], **children}.items():
        for row in rows:
            for name, rule in _RULES[table].items():
                fault = rule.fault(row.get(name))
                if fault is not None:
                    raise ValueError(fault if table == "run" else f"{table}: {fault}")
    kind = precision(run)
    kept = {name: children[name] for name in ("layer", "singular_value")}
    return RunContent(run, {**kept, "history": _history(children, kind), "matrix": _matrices(run["K"], children, kind)})


def _history(children: Rows, kind: str) -> list[dict[str, Any]]:
    rows = sorted(children["history"], key=lambda row: int(row["step"]))
    if not rows:
        return []
    for metric in KEPT:
        for row in rows:
            if not all(_is_number(value) for value in row[metric.name]):
                raise ValueError(f"history: {metric.name} at step {row['step']} is no list of numbers")
        if len({len(row[metric.name]) for row in rows}) > 1:
            raise ValueError(f"history: {metric.name} is not of as many layers at every step")
    return [{"points": len(rows), "block": pack_history(rows, kind)}]


def _is_number(value: Any) -> bool:
    return type(value) in (int, float) or value in ("nan", "inf", "-inf")


def _matrices(K: int, children: Rows, kind: str) -> list[dict[str, Any]]:
    there = {Stage(row["layer"], row["stage"]) for row in children["layer"]}
    found: dict[str, dict[Stage, np.ndarray]] = {}
    for row in children["matrix"]:
        stage, of_name = Stage(row["layer"], row["stage"]), found.setdefault(row["name"], {})
        if stage in of_name:
            raise ValueError("matrix has a row twice")
        if stage not in there:
            raise ValueError(f"matrix '{row['name']}' of layer {stage.layer}, stage {stage.stage}: no such layer")
        of_name[stage] = _matrix(row)
        if row["name"] == _GRAM and of_name[stage].shape != (K, K):
            raise ValueError(f"matrix '{_GRAM}' is {' × '.join(map(str, row['shape']))}, for {K} classes")
    found.pop(_GRAM, None)
    return [{"name": name, **block} for name, stages in found.items() for block in pack_matrices(stages, kind)]


def _matrix(row: Mapping[str, Any]) -> np.ndarray:
    shape, kind = row["shape"], np.dtype(row["dtype"])
    sizes = len(shape) == 2 and all(type(size) is int and 0 < size < 2**31 for size in shape)
    if not sizes or kind.itemsize * shape[0] * shape[1] != len(row["bytes"]):
        raise ValueError(f"matrix '{row['name']}': its bytes are not those of its shape")
    return np.frombuffer(row["bytes"], kind).reshape(shape)

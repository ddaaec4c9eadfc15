"""What became of a run, how many classes it kept; structures in small letters, and only where the rank is theirs."""

import json
import math
from collections import defaultdict
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op

from nccli.catalogue.stages import Stage
from nccli.store.runs.older import renewed

revision = "0012"
down_revision = "0011"

_AT_ONCE = 500  # runs whose layers are in memory at once: some hundred KiB each


def upgrade() -> None:
    """Add the columns and fill them from class means; structures are recognised anew.

    By the functions of today, not by copies: whoever changes what they say writes a migration that asks them again.
    """
    for name, kind in (("outcome", sa.String()), ("classes_kept", sa.Integer()), ("srg_r", sa.Integer())):
        op.add_column("run", sa.Column(name, kind))
    op.add_column("layer", sa.Column("classes_kept", sa.Integer()))
    connection = op.get_bind()
    ids = connection.execute(sa.text("SELECT id FROM run ORDER BY id")).scalars().all()
    for start in range(0, len(ids), _AT_ONCE):
        _fill(connection, ids[start : start + _AT_ONCE])


def _fill(connection: sa.Connection, ids: Any) -> None:
    """The columns of some runs."""
    runs = _rows(connection, 'SELECT id, kind, status, "K", "L", config FROM run WHERE id IN :ids', ids)
    layers = _by_run(connection, "SELECT run_id, layer, stage, rank, dnc1, structure FROM layer", ids)
    matrices = _by_run(connection, "SELECT run_id, layer, stage, shape, dtype, bytes, name FROM matrix", ids)
    told, changed = [], []
    for run in runs:
        try:
            summary, found = _renewed(run, layers[run["id"]], matrices[run["id"]])
        except (ValueError, TypeError, LookupError, AttributeError, RecursionError):
            continue  # damaged: it stays as it is, and `nccli store check` names it
        told.append({"key": run["id"], **summary})
        changed += [_changed(run["id"], row) for row in found]
    _update(connection, "run", "id = :key", told, ("structure", "outcome", "classes_kept", "srg_r"))
    columns = ("structure", "classes_kept")
    place = "run_id = :key AND layer = :at AND stage = :when"
    _update(connection, "layer", place, changed, columns)
    anew = [row for row in changed if row["structure_order"] is not None]
    _update(connection, "layer", place, anew, ("structure_distance", "structure_order"))


def _renewed(run: dict[str, Any], layers: Any, matrices: Any) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The run and its layers with what today is recognised in its class means."""
    for row in layers:
        row["dnc1"] = math.nan if row["dnc1"] is None else row["dnc1"]
    means = {
        Stage(row["layer"], row["stage"]): np.frombuffer(row["bytes"], row["dtype"]).reshape(json.loads(row["shape"])).T
        for row in matrices
        if row["name"] == "class_means"
    }
    return renewed({**run, "config": json.loads(run["config"])}, layers, means)


def _changed(run: str, row: dict[str, Any]) -> dict[str, Any]:
    """What a layer gets."""
    order = row.get("structure_order")
    return {
        "key": run,
        "at": row["layer"],
        "when": row["stage"],
        "structure": row["structure"],
        "structure_distance": row.get("structure_distance"),
        "structure_order": None if order is None else json.dumps(order),
        "classes_kept": row.get("classes_kept"),
    }


def _rows(connection: sa.Connection, query: str, ids: Any) -> list[dict[str, Any]]:
    found = connection.execute(sa.text(query).bindparams(sa.bindparam("ids", expanding=True)), {"ids": list(ids)})
    return [dict(row) for row in found.mappings()]


def _by_run(connection: sa.Connection, query: str, ids: Any) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in _rows(connection, f"{query} WHERE run_id IN :ids", ids):
        found[row["run_id"]].append(row)
    return found


def _update(connection: sa.Connection, table: str, where: str, rows: Any, columns: tuple[str, ...]) -> None:
    if rows:
        told = ", ".join(f"{name} = :{name}" for name in columns)
        connection.execute(sa.text(f"UPDATE {table} SET {told} WHERE {where}"), rows)

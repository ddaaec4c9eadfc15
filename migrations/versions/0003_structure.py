"""Which construction each layer is, and columns of table `run` that sum up its layers."""

import hashlib
import json
import math
from collections.abc import Sequence
from statistics import fmean
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op

from nccli.store.schema.frozen.structure_0003 import recognise_structure

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

_AT_ONCE = 500  # runs whose layers are in memory at once: some hundred KiB each


def upgrade() -> None:
    """Add the columns and fill them from what the store has: Gram matrices, ranks, configurations."""
    op.add_column("layer", sa.Column("structure", sa.String()))
    op.add_column("layer", sa.Column("structure_distance", sa.Float()))
    op.add_column("layer", sa.Column("structure_order", sa.Text()))
    op.add_column("run", sa.Column("setting", sa.String()))
    op.add_column("run", sa.Column("mean_hidden_rank", sa.Float()))
    op.add_column("run", sa.Column("ranks_agree", sa.Integer()))
    op.add_column("run", sa.Column("max_dnc1", sa.Float()))
    op.add_column("run", sa.Column("structure", sa.String()))
    connection = op.get_bind()
    runs = connection.execute(sa.text('SELECT id, kind, "L", config FROM run')).all()
    for start in range(0, len(runs), _AT_ONCE):
        layers, columns = [], []
        for run in runs[start : start + _AT_ONCE]:
            rows = _layers(connection, run.id)
            layers += rows
            setting = _setting(run.kind, json.loads(run.config))
            columns.append({"key": run.id, "setting": setting, **_summary(run.L, rows)})
        if layers:
            connection.execute(
                sa.text(
                    "UPDATE layer SET structure = :structure, structure_distance = :distance, structure_order = :order "
                    "WHERE run_id = :run_id AND layer = :layer AND stage = :stage"
                ),
                layers,
            )
        connection.execute(
            sa.text(
                "UPDATE run SET setting = :setting, mean_hidden_rank = :mean_hidden_rank, ranks_agree = :ranks_agree, "
                "max_dnc1 = :max_dnc1, structure = :structure WHERE id = :key"
            ),
            columns,
        )
    op.create_index("ix_run_setting_id", "run", ["setting", "id"])


def _layers(connection: sa.Connection, run: str) -> list[dict[str, Any]]:
    """Rows of table `layer` of a run with the structure of each."""
    query = (
        "SELECT layer.layer, layer.stage, layer.rank, layer.dnc1, matrix.shape, matrix.dtype, matrix.bytes FROM layer "
        "JOIN matrix ON matrix.run_id = layer.run_id AND matrix.layer = layer.layer AND matrix.stage = layer.stage "
        "WHERE layer.run_id = :run AND matrix.name = 'gram'"
    )
    rows = []
    for row in connection.execute(sa.text(query), {"run": run}):
        gram = np.frombuffer(row.bytes, dtype=row.dtype).reshape(json.loads(row.shape))
        found = recognise_structure(gram)
        known = {"run_id": run, "layer": row.layer, "stage": row.stage, "rank": row.rank}
        known["dnc1"] = math.nan if row.dnc1 is None else row.dnc1
        order = json.dumps(found.permutation.tolist())
        rows.append({**known, "structure": found.name, "distance": found.distance, "order": order})
    return rows


def _setting(kind: str, config: dict[str, Any]) -> str:
    """12 hex digits that runs share which differ in nothing but the seed, as they were named then."""
    kept = {name: value for name, value in config.items() if name != "seed"}
    text = json.dumps(
        {"kind": kind, "config": kept, "result_version": 1}, sort_keys=True, ensure_ascii=False, allow_nan=False
    )
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _summary(L: int, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """What sums up the layers: of the hidden ones, M_2..M_{L-1} (for L = 2 the pre-activation of layer 2)."""
    wanted = [(layer, "post") for layer in range(2, L)] or [(2, "pre")]
    hidden = [row for row in rows if (row["layer"], row["stage"]) in wanted]
    ranks, names = {row["rank"] for row in hidden}, {row["structure"] for row in hidden}
    return {
        "mean_hidden_rank": fmean(row["rank"] for row in hidden) if hidden else None,
        "ranks_agree": int(len(ranks) == 1) if hidden else None,
        "max_dnc1": max((row["dnc1"] for row in rows if not math.isnan(row["dnc1"])), default=None),
        "structure": None if not names else names.pop() if len(names) == 1 else "mixed",
    }

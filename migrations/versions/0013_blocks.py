"""Histories and class means as compressed blocks, a fifth of their size; Gram matrices are made when asked for."""

import json
from collections.abc import Iterator, Sequence
from itertools import islice
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op

from nccli.store.schema.checksum import any_text, keyed, run_ids
from nccli.store.schema.frozen.blocks_0013 import class_means_blocks, history_block

revision = "0013"
down_revision = "0012"

_SINGLE, _DOUBLE = "<f4", "<f8"
_AT_ONCE = 50
"""Runs in memory at once: some hundred KiB each."""


def upgrade() -> None:
    """Make the tables anew, run by run; rows that are no history or matrices stay in a block that says so."""
    connection = op.get_bind()
    for name in ("history", "matrix"):
        op.rename_table(name, f"{name}_before")
    text, owner = sa.String(), sa.ForeignKey("run.id", ondelete="CASCADE")
    op.create_table(
        "history",
        sa.Column("run_id", text, owner, primary_key=True),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("block", sa.LargeBinary(), nullable=False),
    )
    op.create_table(
        "matrix",
        sa.Column("run_id", text, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("name", text, primary_key=True),
        sa.Column("layer", sa.Integer(), primary_key=True, autoincrement=False),
        sa.Column("block", sa.LargeBinary(), nullable=False),
    )
    into_history = sa.text("INSERT INTO history (run_id, points, block) VALUES (CAST(:run AS TEXT), :points, :block)")
    into_matrix = sa.text(
        "INSERT INTO matrix (run_id, name, layer, block) VALUES (CAST(:run AS TEXT), :name, :layer, :block)"
    )
    with any_text(connection):
        ids = iter([*run_ids(connection), *_orphans(connection)])
        while some := list(islice(ids, _AT_ONCE)):
            kinds = _kinds(connection, some)
            histories = [row for run in some for row in _history(connection, run, kinds.get(run, _DOUBLE))]
            matrices = [row for run in some for row in _matrices(connection, run, kinds.get(run, _DOUBLE))]
            if histories:
                connection.execute(into_history, histories)
            if matrices:
                connection.execute(into_matrix, matrices)
    for name in ("history_before", "matrix_before"):
        op.drop_table(name)


def _kinds(connection: sa.Connection, runs: Sequence[Any]) -> dict[Any, str]:
    """In which precision the arrays of runs are kept."""
    return {
        run: _SINGLE if row.dtype == "float32" and row.residual is None else _DOUBLE
        for run in runs
        for row in _rows(connection, "SELECT id, dtype, residual FROM run WHERE {}", "id", run)
    }


def _orphans(connection: sa.Connection) -> list[Any]:
    """Ids of no run that rows have: they stay, for whoever forbids them."""
    of = " UNION ".join(f"SELECT run_id FROM {name}_before" for name in ("history", "matrix"))
    return list(
        connection.scalars(sa.text(f"SELECT run_id FROM ({of}) AS there WHERE run_id NOT IN (SELECT id FROM run)"))
    )


def _stored(run: Any) -> Any:
    """An id as a value to bind: bytes, where damage has made it no text."""
    return keyed("run_id", [run])[1][0]


def _rows(connection: sa.Connection, query: str, column: str, run: Any) -> Sequence[Any]:
    whose, (key,) = keyed(column, [run])
    return connection.execute(sa.text(query.format(f"{whose} = :run")), {"run": key}).all()


def _history(connection: sa.Connection, run: Any, kind: str) -> Iterator[dict[str, Any]]:
    rows = [dict(row._mapping) for row in _rows(connection, "SELECT * FROM history_before WHERE {}", "run_id", run)]
    if not rows:
        return
    try:
        rows.sort(key=lambda row: row["step"])
        block = history_block(rows, kind)
    except (ValueError, TypeError, OverflowError, RecursionError):
        block = _damaged(rows)
    yield {"run": _stored(run), "points": len(rows), "block": block}


def _matrices(connection: sa.Connection, run: Any, kind: str) -> Iterator[dict[str, Any]]:
    query = "SELECT * FROM matrix_before WHERE {} AND name = 'class_means'"
    rows = [dict(row._mapping) for row in _rows(connection, query, "run_id", run)]
    place: dict[str, Any] = {"run": _stored(run), "name": "class_means"}
    try:
        blocks = class_means_blocks({(row["layer"], row["stage"]): _matrix(row) for row in rows}, kind)
    except (ValueError, TypeError, OverflowError, RecursionError):
        blocks = [(1, _damaged(rows))]
    yield from ({**place, "layer": layer, "block": block} for layer, block in blocks)


def _matrix(row: dict[str, Any]) -> np.ndarray:
    if row["dtype"] != "<f8" or row["stage"] not in ("pre", "post") or not isinstance(row["layer"], int):
        raise ValueError("no matrix of a layer")
    return np.frombuffer(row["bytes"], "<f8").reshape(json.loads(row["shape"]))


def _damaged(rows: Sequence[dict[str, Any]]) -> bytes:
    """What cannot be packed, for whoever mends it: no reader takes it for a block."""
    return json.dumps(rows, default=lambda raw: bytes(raw).hex()).encode()

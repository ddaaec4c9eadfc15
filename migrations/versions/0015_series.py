"""Checkpoints of one training as a series of runs, and the part of the data that each was measured on."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

_COLUMNS: Sequence[tuple[str, Any]] = (
    ("split", sa.String()),
    ("series", sa.String()),
    ("step", sa.Integer()),
    ("file", sa.String()),
)


def upgrade() -> None:
    """Add the columns. Networks were measured on the training set only."""
    for name, kind in _COLUMNS:
        op.add_column("run", sa.Column(name, kind))
    op.create_index("ix_run_series", "run", ["series"])
    op.execute(sa.text("UPDATE run SET split = 'train' WHERE kind = 'network'"))

"""What second order says of the point of a run."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

_COLUMNS: Sequence[tuple[str, Any]] = (
    ("verdict", sa.String()),
    *((name, sa.Float()) for name in ("verdict_residual", "hessian_min", "hessian_max", "hessian_norm")),
    *((name, sa.Integer()) for name in ("negative_directions", "flat_directions", "symmetries", "weak_kinks")),
    *((name, sa.Float()) for name in ("least_slope", "new_unit_gain")),
    ("verdict_proved", sa.Integer()),
)


def upgrade() -> None:
    """Add the columns. Nobody has judged a run yet."""
    for name, kind in _COLUMNS:
        op.add_column("run", sa.Column(name, kind))

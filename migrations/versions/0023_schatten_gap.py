"""Equation (2) at the end of a run."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    """Add the column. Nobody has compared a stored point yet."""
    op.add_column("run", sa.Column("schatten_gap", sa.Float()))

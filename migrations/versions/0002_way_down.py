"""How a run went down: its optimiser, when it collapsed, and the certificate of a refined point."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns; runs trained before were trained by plain gradient descent, never reduced or refined."""
    op.add_column("run", sa.Column("optimizer", sa.String()))
    op.add_column("run", sa.Column("collapsed_at", sa.Integer()))
    op.add_column("run", sa.Column("residual", sa.Float()))
    op.add_column("run", sa.Column("kinks", sa.Integer()))
    op.execute("UPDATE run SET optimizer = 'gd' WHERE kind = 'dufm'")

"""Runs by status and kind: which are abandoned, and which a figure leaves out, without reading all of them."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_run_status_kind", "run", ["status", "kind"])

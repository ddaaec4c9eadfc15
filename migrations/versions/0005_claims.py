"""Who is training what: workers that show signs of life, and the runs that they have claimed."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables; no run that is stored already is in training."""
    text = sa.String()
    op.create_table(
        "worker",
        sa.Column("id", text, primary_key=True),
        *(sa.Column(name, text, nullable=False) for name in ("host", "place")),
        sa.Column("pid", sa.Integer(), nullable=False),
        *(sa.Column(name, text, nullable=False) for name in ("process_start", "heartbeat")),
    )
    op.create_table(
        "claim",
        sa.Column("run_id", text, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("worker_id", text, sa.ForeignKey("worker.id", ondelete="CASCADE"), nullable=False, index=True),
    )

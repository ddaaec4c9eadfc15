"""Which loss a run minimises, and which version of its kind's results it is."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns: all runs so far are of the squared error, but for what somebody else made, and of version 1."""
    op.add_column("run", sa.Column("objective", sa.String()))
    op.add_column("run", sa.Column("result_version", sa.Integer()))
    op.execute("UPDATE run SET result_version = 1")
    op.execute("UPDATE run SET objective = 'mse' WHERE kind NOT IN ('features', 'network')")

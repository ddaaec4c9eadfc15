"""How many samples each class has, where classes are not of one size, and whether the smallest are lost."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    """Add the columns. Classes of all runs so far had one size, but for data sets that have not."""
    op.add_column("run", sa.Column("class_counts", sa.String()))
    op.add_column("run", sa.Column("imbalance", sa.Float()))
    op.add_column("layer", sa.Column("minority_collapse", sa.Integer()))
    op.execute("UPDATE run SET imbalance = 1 WHERE kind NOT IN ('features', 'network', 'e2e')")
    op.execute("UPDATE run SET imbalance = 1 WHERE kind = 'e2e' AND config NOT LIKE '%\"balanced\"%'")

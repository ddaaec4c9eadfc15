"""What a network gives for each class."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    """Add the columns. The outputs of older runs were not looked at."""
    op.add_column("layer", sa.Column("output_rank", sa.Integer()))
    op.add_column("layer", sa.Column("output_etf_distance", sa.Float()))
    op.add_column("layer", sa.Column("output_pairs_distance", sa.Float()))

"""A name that somebody gives to runs."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the column, and an index to find runs by it."""
    op.add_column("run", sa.Column("tag", sa.String()))
    op.create_index("ix_run_tag", "run", ["tag"])

"""A checksum a run, over all that is stored of it; `Store` fills it after every upgrade."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    """Add the column."""
    op.add_column("run", sa.Column("checksum", sa.String()))

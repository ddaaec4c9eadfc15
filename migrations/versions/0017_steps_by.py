"""What took the steps of a run."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    """Add the column. Of older runs it is not known."""
    op.add_column("run", sa.Column("steps_by", sa.String()))

"""How a search found its point, and which classes lie in its hidden units."""

import sqlalchemy as sa
from alembic import op

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    """Add the columns. No older run is a search."""
    op.add_column("run", sa.Column("found_by", sa.String()))
    op.add_column("run", sa.Column("hypergraph", sa.String()))

"""How much of the class means ReLU takes away."""

from alembic import op

from nccli.store.schema.filling import add_metric

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the column, filled from the class means of every layer before its activation."""
    add_metric(op.get_bind(), "negative_share", lambda M: (M.clip(max=0) ** 2).sum() / (M**2).sum(), ("pre",))

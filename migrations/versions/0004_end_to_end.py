"""Networks trained end to end, features of anybody's network: data, accuracy, the single-layer set NC1 to NC4."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_COLLAPSE = "nc1_pinv cdnv equinorm equiangularity etf_distance frame_distance self_duality nc4"


def upgrade() -> None:
    """Add the columns; allow runs without an equivalent DUFM, which have no DNC loss."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        views = connection.execute(sa.text("SELECT name, sql FROM sqlite_master WHERE type = 'view'")).all()
        for name, _ in views:  # SQLite checks views while the table that they read is away
            op.execute(f'DROP VIEW "{name}"')
        with op.batch_alter_table("run") as run:
            run.alter_column("loss_dnc", existing_type=sa.Float(), nullable=True)
            run.alter_column("wd_h1", existing_type=sa.Float(), nullable=True)
        for _, sql in views:
            op.execute(sql)
    else:
        op.alter_column("run", "loss_dnc", existing_type=sa.Float(), nullable=True)
        op.alter_column("run", "wd_h1", existing_type=sa.Float(), nullable=True)
    for name in ("dataset", "backbone", "reg_kind"):
        op.add_column("run", sa.Column(name, sa.String()))
    op.add_column("run", sa.Column("epochs", sa.Integer()))
    for name in ("train_accuracy", "test_accuracy"):
        op.add_column("run", sa.Column(name, sa.Float()))
    for name in _COLLAPSE.split():
        op.add_column("layer", sa.Column(name, sa.Float()))
    op.add_column("layer", sa.Column("name", sa.String()))
    op.add_column("history", sa.Column("train_accuracy", sa.Float()))

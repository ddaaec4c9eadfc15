"""Runs, layers, spectra, histories, matrices, and views for people who query by hand."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables and views."""
    real: sa.types.TypeEngine[float] = sa.Double()
    text, integer = sa.String(), sa.Integer()
    op.create_table(
        "run",
        sa.Column("id", text, primary_key=True),
        sa.Column("kind", text, nullable=False, index=True),
        sa.Column("status", text, nullable=False),
        *(sa.Column(name, integer, nullable=False) for name in ("K", "L", "n", "width")),
        sa.Column("wd", sa.Float(), index=True),
        sa.Column("wd_h1", sa.Float(), nullable=False),
        sa.Column("lr", sa.Float()),
        sa.Column("seed", sa.BigInteger()),
        sa.Column("activation", text, nullable=False),
        sa.Column("steps", integer, nullable=False),
        *(sa.Column(name, real) for name in ("loss", "fit", "reg")),
        sa.Column("loss_dnc", sa.Float(), nullable=False),
        sa.Column("loss_srg", sa.Float()),
        sa.Column("grad_norm", real),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("device", text, nullable=False),
        sa.Column("dtype", text, nullable=False),
        sa.Column("torch_version", text),
        *(sa.Column(name, text, nullable=False) for name in ("nccli_version", "host", "started")),
        sa.Column("created", text, nullable=False, index=True),
        sa.Column("config", sa.Text(), nullable=False),
    )
    op.create_table(
        "layer",
        sa.Column("run_id", text, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("layer", integer, primary_key=True),
        sa.Column("stage", text, primary_key=True),
        sa.Column("dnc1", real),
        sa.Column("dnc2", real),
        sa.Column("dnc3", sa.Float()),
        sa.Column("rank", integer, nullable=False),
        *(sa.Column(name, sa.Float(), nullable=False) for name in ("effective_rank", "stable_rank", "nuclear_norm")),
    )
    op.create_table(
        "singular_value",
        sa.Column("run_id", text, primary_key=True),
        sa.Column("layer", integer, primary_key=True),
        sa.Column("stage", text, primary_key=True),
        sa.Column("index", integer, primary_key=True),
        sa.Column("value", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id", "layer", "stage"], ["layer.run_id", "layer.layer", "layer.stage"], ondelete="CASCADE"
        ),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "history",
        sa.Column("run_id", text, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("step", integer, primary_key=True),
        *(sa.Column(name, real) for name in ("loss", "fit", "reg", "grad_norm")),
        sa.Column("dnc1", sa.Text(), nullable=False),
        sa.Column("rank", sa.Text(), nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "matrix",
        sa.Column("run_id", text, sa.ForeignKey("run.id", ondelete="CASCADE"), primary_key=True),
        sa.Column("layer", integer, primary_key=True),
        sa.Column("stage", text, primary_key=True),
        sa.Column("name", text, primary_key=True),
        sa.Column("shape", sa.Text(), nullable=False),
        sa.Column("dtype", text, nullable=False),
        sa.Column("bytes", sa.LargeBinary(), nullable=False),
    )
    op.execute(
        """
        CREATE VIEW run_summary AS
        SELECT run.id, run.kind, run.status, run."K", run."L", run.n, run.width, run.wd, run.lr, run.seed, run.loss,
               run.loss / run.loss_dnc AS ratio_dnc, run.loss / run.loss_srg AS ratio_srg,
               (SELECT AVG(layer.rank) FROM layer WHERE layer.run_id = run.id
                AND (layer.stage = 'post' AND layer.layer BETWEEN 2 AND run."L" - 1
                     OR run."L" = 2 AND layer.layer = 2 AND layer.stage = 'pre')) AS mean_hidden_rank,
               (SELECT MAX(layer.dnc1) FROM layer WHERE layer.run_id = run.id) AS max_dnc1, run.created
        FROM run
        """
    )
    op.execute(
        """
        CREATE VIEW spectrum AS
        SELECT run.id, run.kind, run."K", run."L", run.width, run.wd, run.seed,
               singular_value.layer, singular_value.stage, singular_value."index", singular_value.value
        FROM run JOIN singular_value ON singular_value.run_id = run.id
        """
    )

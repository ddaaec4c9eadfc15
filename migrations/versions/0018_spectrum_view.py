"""The view `spectrum` tells the setting and the structure of the layer, its keys named as those of the tables."""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    """Make the view anew; `id` stays for queries from before there was `run_id`."""
    op.execute("DROP VIEW IF EXISTS spectrum")
    op.execute(
        """
        CREATE VIEW spectrum AS
        SELECT run.id AS run_id, run.kind, run."K", run."L", run.n, run.width, run.wd, run.wd_h1, run.lr, run.seed,
               singular_value.layer, singular_value.stage, layer.structure, singular_value."index",
               singular_value.value, run.id
        FROM run JOIN singular_value ON singular_value.run_id = run.id
        LEFT JOIN layer ON layer.run_id = singular_value.run_id AND layer.layer = singular_value.layer
                        AND layer.stage = singular_value.stage
        """
    )

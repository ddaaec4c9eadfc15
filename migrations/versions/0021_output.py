"""What a network gives for each class; what more classes than neurons have room for."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


_LOW = """
UPDATE run SET outcome = 'full_rank'
WHERE outcome = 'low_rank' AND width < "K" AND NOT EXISTS (
    SELECT 1 FROM layer WHERE layer.run_id = run.id AND layer.stage = 'post' AND layer.rank < run.width
    AND layer.layer >= CASE WHEN run."L" < 2 THEN run."L" ELSE 2 END
    AND layer.layer <= CASE WHEN run."L" < 3 THEN run."L" ELSE run."L" - 1 END
)
"""


def upgrade() -> None:
    """Add the columns. The outputs of older runs were not looked at.

    A rank that is the width is no low one, and with fewer neurons than classes there is no DNC to be compared with.
    """
    op.add_column("layer", sa.Column("output_rank", sa.Integer()))
    op.add_column("layer", sa.Column("output_etf_distance", sa.Float()))
    op.add_column("layer", sa.Column("output_pairs_distance", sa.Float()))
    op.execute(_LOW)
    op.execute("""UPDATE run SET loss_dnc = NULL, loss_srg = NULL WHERE width < "K" AND kind IN ('dufm', 'e2e')""")

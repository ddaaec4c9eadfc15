"""What peers measure of a layer, its weights and its features: columns that stored runs have nothing in."""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_WHOLE: Sequence[str] = ("centred_rank", "weight_rank")
_NUMBERS: Sequence[str] = (
    *("least_entry", "centred_effective_rank", "centred_stable_rank", "uniformity", "uniformity_variation", "nc0"),
    *("classifier_equinorm", "classifier_equiangularity", "classifier_etf_distance", "duality_cosine"),
    *("uniform_duality", "logit_norm", "logit_norm_variation", "nc5", "balancedness", "weight_effective_rank"),
    *("weight_stable_rank", "weight_alpha", "feature_effective_rank", "feature_stable_rank"),
)


def upgrade() -> None:
    """Add the columns. Those that class means or weights tell are measured when they are asked for."""
    for names, kind in ((_WHOLE, sa.Integer()), (_NUMBERS, sa.Float())):
        for name in names:
            op.add_column("layer", sa.Column(name, kind))

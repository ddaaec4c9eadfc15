"""Which point of a descent a run is, whether it had settled, and how far its ranks are from hanging on a tolerance."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import sqlalchemy as sa
from alembic import op

from nccli.store.schema.checksum import any_text
from nccli.store.schema.filling import add_metric

revision = "0014"
down_revision = "0013"

_COLUMNS: Sequence[tuple[str, Any]] = (
    ("finish", sa.String()),
    ("settled", sa.Integer()),
    ("loss_drift", sa.Float()),
    ("spectral_drift", sa.Float()),
    ("radius", sa.Float()),
    ("parent", sa.String()),
)
_RTOL, _FLOOR = 1e-2, 1e-6


def upgrade() -> None:
    """Add the columns. Whether an older run had settled is not known: nobody kept what tells."""
    for name, kind in _COLUMNS:
        op.add_column("run", sa.Column(name, kind))
    connection = op.get_bind()
    add_metric(connection, "rank_gap", _gap)
    with any_text(connection):
        query = "SELECT id, residual, reg, config FROM run WHERE kind = 'dufm'"
        told = list(_told(connection.execute(sa.text(query)).all()))
        if told:
            connection.execute(sa.text('UPDATE run SET "finish" = :finish, residual = :residual WHERE id = :key'), told)


def _told(rows: Sequence[Any]) -> Iterator[dict[str, Any]]:
    """Residuals become relative: over √(2 λ reg), which is ‖(λθ)‖ where all λ are equal, and at most that otherwise."""
    for key, residual, reg, config in rows:
        if residual is None:
            yield {"key": key, "finish": "plain", "residual": None}
            continue
        try:
            fields = json.loads(config)
            scale = (2 * min(fields["wd_h1"], *fields["wd_layers"]) * reg) ** 0.5
            yield {"key": key, "finish": "refined", "residual": residual / scale}
        except (ValueError, TypeError, KeyError, ZeroDivisionError, RecursionError):
            continue  # damaged: it stays as it is, and `nccli store check` names it


def _gap(means: Any) -> float | None:
    """Last singular value above the tolerance over the first that is not; inf where none is dropped, or none kept."""
    try:
        spectrum = np.linalg.svd(means, compute_uv=False)
    except (ValueError, np.linalg.LinAlgError):
        return None
    rank = int((spectrum > max(_RTOL * spectrum[0], _FLOOR)).sum())
    clear = rank in (0, len(spectrum)) or spectrum[rank] <= len(spectrum) * np.finfo(np.float64).eps * spectrum[0]
    return float("inf") if clear else float(spectrum[rank - 1] / spectrum[rank])

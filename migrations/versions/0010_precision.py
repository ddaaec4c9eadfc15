"""In what precision a network computed while it trained."""

import json
from typing import Any

import sqlalchemy as sa
from alembic import op

from nccli.store.schema.checksum import any_text

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    """Add the column, filled where it is known.

    `autocast` was for CUDA unless the configuration says otherwise. Without it, PyTorch computed convolutions on a GPU
    in TF32 if the card had it, which was not noted.
    """
    op.add_column("run", sa.Column("precision", sa.String()))
    connection = op.get_bind()
    with any_text(connection):
        found = connection.execute(sa.text("SELECT id, device, config FROM run WHERE kind = 'e2e'")).all()
        known = [{"key": key, "value": value} for key, *rest in found if (value := _precision(*rest)) is not None]
        if known:
            connection.execute(sa.text('UPDATE run SET "precision" = :value WHERE id = :key'), known)


def _precision(device: Any, config: Any) -> str | None:
    try:
        autocast = json.loads(config).get("autocast")
    except (ValueError, TypeError, AttributeError, RecursionError):  # a damaged row, of which nothing is known
        return None
    if autocast is None:
        autocast = device == "cuda"
    return "bf16" if autocast else "float32" if device == "cpu" else None

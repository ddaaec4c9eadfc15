"""Schema revisions that do not exist yet, for tests of upgrading."""

import shutil
from pathlib import Path

import pytest

from nccli.store.schema.migrate import REVISIONS, migrations_folder

_REVISION = """
from alembic import op
import sqlalchemy as sa

revision = "{name}"
down_revision = "{before}"
branch_labels = depends_on = None


def upgrade() -> None:
"""


def add_revision(folder: Path, body: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Make nccli know one more revision, from a copy of its migrations in `folder`, and return its name."""
    name = f"{int(REVISIONS[-1]) + 1:04}"
    copied = shutil.copytree(migrations_folder(), folder / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    text = _REVISION.format(name=name, before=REVISIONS[-1]) + "".join(f"    {line}\n" for line in body.splitlines())
    (copied / "versions" / f"{name}_next.py").write_text(text)
    monkeypatch.setattr("nccli.store.schema.migrate.migrations_folder", lambda: copied)
    for module in ("schema.migrate", "connection.store", "check"):
        monkeypatch.setattr(f"nccli.store.{module}.REVISIONS", (*REVISIONS, name))
    return name

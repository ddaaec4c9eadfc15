"""A fresh store for each test that asks for one."""

from pathlib import Path

import pytest

from nccli.store import Store


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """An empty store, open for writing."""
    return Store.create(str(tmp_path / "runs.db"))

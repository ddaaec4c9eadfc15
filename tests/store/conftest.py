"""A fresh store for each test that asks for one."""

from pathlib import Path

import pytest

from nccli.store import Store


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store of this test lies, or will lie."""
    return tmp_path / "runs.db"


@pytest.fixture
def store(path: Path) -> Store:
    """An empty store, open for writing."""
    return Store.create(str(path))

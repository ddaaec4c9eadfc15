"""A fresh store for each test that asks for one: in SQLite, and in PostgreSQL where the test is of no file."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from nccli.store import Store
from tests.store.server import new_schema, postgresql, programs

_OF_FILES = ("path", "impatient")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that asks for a store, and not for its file, is run against both databases."""
    if "place" in metafunc.fixturenames and not set(_OF_FILES) & set(metafunc.fixturenames):
        metafunc.parametrize("place", ["sqlite", "postgresql"], indirect=True)


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL server that this session started."""
    found = programs()
    if found is None:
        pytest.skip("PostgreSQL is not installed (no initdb): apt-get install postgresql")
    with postgresql(found) as url:
        yield url


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the store of this test lies, or will lie."""
    return tmp_path / "runs.db"


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """What --store would say."""
    if getattr(request, "param", "sqlite") == "sqlite":
        return str(tmp_path / "runs.db")
    return new_schema(request.getfixturevalue("server"))


@pytest.fixture
def store(place: str) -> Store:
    """An empty store, open for writing."""
    return Store.create(place)

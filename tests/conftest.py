"""Set-up shared by all tests: shapes are checked at run time, and no test reads the developer's store.

New stores are copies of the first one's schema (`tests.fresh_schema`).

Hypothesis draws the same examples every time; `pytest --hypothesis-profile=fresh` draws others, ten times as many.
"""

import gc
import os
import signal
import sqlite3
from collections.abc import Iterator

import pytest
from hypothesis import settings

from tests.typechecker import calls, check_shapes

os.environ.pop("NCCLI_STORE", None)
os.environ.pop("NCCLI_DEBUG", None)
os.environ.setdefault("NCCLI_COMPILER_SECONDS", "60")  # tests may have to wait for a core
if "PYTEST_XDIST_WORKER" in os.environ:  # threads of several workers would wait for each other
    os.environ.setdefault("OMP_NUM_THREADS", "1")
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # in a shell's background job, and its children inherit that
    signal.signal(signal.SIGINT, signal.default_int_handler)
check_shapes("nccli.theory", "nccli.metrics", "nccli.objective", "nccli.dufm", "nccli.measure", "nccli.e2e")
settings.register_profile("nccli", deadline=None, derandomize=True, max_examples=60)
settings.register_profile("fresh", deadline=None, derandomize=False, max_examples=600, print_blob=True)
settings.load_profile("nccli")


def pytest_collection_finish() -> None:
    """What is there before the first test is there after the last: it is not searched for cycles again and again."""
    gc.collect()
    gc.freeze()


def pytest_runtest_setup() -> None:
    """The first calls of every function in every test are checked."""
    calls.clear()


@pytest.fixture(scope="session", autouse=True)
def fresh_schema() -> Iterator[None]:
    """Migrations run once a session on an empty database, and on every one that is not empty."""
    from nccli.store.schema.migrate import upgrade
    from tests.fresh_schema import FreshSchema

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("nccli.store.connection.store.upgrade", FreshSchema(upgrade))
        yield


@pytest.fixture(scope="session", autouse=True)
def no_waiting_for_the_disk() -> Iterator[None]:
    """What a test stores is not to survive a power cut."""
    from sqlalchemy import Engine, event

    def prepare(connection: object, _: object) -> None:
        if isinstance(connection, sqlite3.Connection):
            connection.execute("PRAGMA synchronous=OFF")

    event.listen(Engine, "connect", prepare)
    yield
    event.remove(Engine, "connect", prepare)

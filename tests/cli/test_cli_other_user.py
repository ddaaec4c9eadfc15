"""A store that belongs to another user: it is read where it may be, whatever its journal, and stays its owner's."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tests.cli.command import NCCLI, Ended, environment
from tests.cli.conftest import Made
from tests.cli.sql import change, query

OWNER, OTHER = 54321, 65534
CONSTRUCT = "construct --kind dnc --K 5 --L 3 --store shared.db"

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0 or shutil.which("setpriv") is None,
    reason="only root can act as two other users, with setpriv (util-linux)",
)


def as_user(user: int, line: str, folder: Path) -> Ended:
    """Run the command as that user."""
    prefix = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups"]
    done = subprocess.run(
        [*prefix, NCCLI, *line.split()], cwd=folder, env=environment(HOME="/"), capture_output=True, check=False
    )
    return Ended(done.returncode, done.stdout, done.stderr.decode())


def nccli(user: int, line: str, folder: Path, code: int) -> Ended:
    """As `as_user`; it must end with that code, and without a traceback."""
    ended = as_user(user, line, folder)
    assert ended.code == code, ended.err
    assert "Traceback" not in ended.err
    return ended


@pytest.fixture(params=[pytest.param("delete", marks=pytest.mark.long), "wal"])
def shared(grid: Made, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A store that all may read and its owner may write, in a folder that all may enter."""
    with TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        if as_user(OTHER, "--version", folder).code:
            pytest.skip("other users may not run this interpreter")
        store = Path(shutil.copy(grid.path, folder / "shared.db"))
        change(store, f"PRAGMA journal_mode={request.param}")
        store.chmod(0o644)
        os.chown(store, OWNER, OWNER)
        yield store


def test_who_may_only_read_reads_and_changes_nothing(shared: Path, grid: Made) -> None:
    before = shared.read_bytes()
    listed = nccli(OTHER, "runs list --format ids --store shared.db", shared.parent, 0)
    assert set(grid.ids) <= set(listed.ids)
    assert nccli(OTHER, "store check --store shared.db", shared.parent, 0).records
    ended = nccli(OTHER, CONSTRUCT, shared.parent, 5)
    assert ended.err == (
        "nccli: the store shared.db cannot be written: check the permissions of the file and its folder\n"
    )
    assert shared.read_bytes() == before
    assert list(shared.parent.iterdir()) == [shared]


@pytest.mark.long
def test_who_reads_in_a_folder_open_to_all_does_not_lock_the_owner_out(shared: Path) -> None:
    """With write-ahead logging, files that SQLite makes for a reader would be the reader's own."""
    shared.parent.chmod(0o1777)
    nccli(OTHER, "compare --store shared.db", shared.parent, 0)
    nccli(OWNER, CONSTRUCT, shared.parent, 0)
    assert query(shared, "SELECT COUNT(*) AS n FROM run") == [{"n": 7}]


@pytest.mark.parametrize("hidden", ["file", pytest.param("folder", marks=pytest.mark.long)])
def test_who_may_not_read_is_told_so(shared: Path, hidden: str) -> None:
    (shared if hidden == "file" else shared.parent).chmod(0o700)
    os.chown(shared.parent, OWNER, OWNER)
    ended = nccli(OTHER, f"runs list --store {shared}", Path("/"), 5)
    assert ended.err.startswith(f"nccli: the store {shared} cannot be opened")
    assert len(ended.err.splitlines()) == 1

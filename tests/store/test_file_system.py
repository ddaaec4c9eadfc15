"""Where a store lies: the mount point that is longest decides, wherever links lead."""

from pathlib import Path

import pytest

from nccli.store import Store, check_store
from nccli.store.connection import file_system as module
from nccli.store.connection.file_system import file_system, is_network


@pytest.fixture
def mounts(tmp_path: Path) -> Path:
    """A list of mounts around the test's folder."""
    lines = [
        "/dev/vda / ext4 rw,relatime 0 0",
        f"server:/home {tmp_path}/home nfs4 rw,vers=4.2 0 0",
        f"/dev/vdb {tmp_path}/home/local xfs rw 0 0",
        f"auto {tmp_path}/two autofs rw 0 0",
        f"lake@tcp:/lake {tmp_path}/two lustre rw 0 0",
        rf"//server/share {tmp_path}/my\040own\134data cifs rw 0 0",
        "a line that is none",
        "",
    ]
    found = tmp_path / "mounts"
    found.write_text("\n".join(lines))
    return found


@pytest.mark.parametrize(
    ("below", "system", "network"),
    [
        ("runs.db", "ext4", False),
        ("home/runs.db", "nfs4", True),
        ("home", "nfs4", True),
        ("homework/runs.db", "ext4", False),
        ("home/local/runs.db", "xfs", False),
        ("home/local/../runs.db", "nfs4", True),
        ("two/runs.db", "lustre", True),
        (r"my own\data/runs.db", "cifs", True),
    ],
)
def test_the_longest_mount_point_decides_and_of_two_the_later(
    mounts: Path, tmp_path: Path, below: str, system: str, network: bool
) -> None:
    assert file_system(tmp_path / below, mounts) == system
    assert is_network(system) is network


def test_a_link_is_where_it_leads_to(mounts: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "home")
    assert file_system(tmp_path / "link" / "runs.db", mounts) == "nfs4"


def test_nothing_is_said_where_the_system_says_nothing(tmp_path: Path) -> None:
    assert file_system(tmp_path, tmp_path / "no such file") is None
    assert is_network(None) is None


def test_a_check_says_what_follows_from_a_network_file_system(
    mounts: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOUNTS", mounts)
    (tmp_path / "home").mkdir()
    told = {}
    for place in ("runs.db", "home/runs.db"):
        store = Store.create(str(tmp_path / place))
        assert place == "runs.db" or store.pragma("journal_mode") == "delete"
        told[place] = {each.check: each for each in check_store(store)}
    assert [found["network"].value for found in told.values()] == [False, True]
    assert [found["file system"].value for found in told.values()] == ["ext4", "nfs4"]
    assert all(each.ok for found in told.values() for each in found.values())
    assert told["runs.db"]["network"].advice == ""
    assert "nccli store merge" in told["home/runs.db"]["network"].advice

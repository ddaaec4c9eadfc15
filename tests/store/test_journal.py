"""Write-ahead logging only where SQLite and the file system are known to carry it."""

from pathlib import Path

import pytest

from nccli.store import Store, save_run, select_runs
from nccli.store.connection.file_system import NETWORK_FILE_SYSTEMS
from nccli.store.connection.journal import choose_journal, wal_is_sound
from tests.store.example_runs import example_run

SOUND = (3, 51, 3)


@pytest.mark.parametrize(
    ("version", "sound"),
    [
        ((3, 7, 0), False),
        ((3, 40, 1), False),
        ((3, 44, 5), False),
        ((3, 44, 6), True),
        ((3, 44, 7), True),
        ((3, 45, 0), False),
        ((3, 46, 1), False),
        ((3, 50, 6), False),
        ((3, 50, 7), True),
        ((3, 50, 12), True),
        ((3, 51, 0), False),
        ((3, 51, 2), False),
        ((3, 51, 3), True),
        ((3, 52, 0), True),
        ((4, 0, 0), True),
    ],
)
def test_wal_is_sound_where_its_fault_is_fixed(version: tuple[int, int, int], sound: bool) -> None:
    assert wal_is_sound(version) is sound


@pytest.mark.parametrize("system", [*sorted(NETWORK_FILE_SYSTEMS), None])
def test_a_network_or_unknown_file_system_gets_the_rollback_journal(
    monkeypatch: pytest.MonkeyPatch, path: Path, system: str | None
) -> None:
    monkeypatch.setattr("nccli.store.connection.journal.file_system", lambda _: system)
    assert choose_journal(path, SOUND) == "delete"


def test_a_local_file_system_gets_wal_where_sqlite_is_sound(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    monkeypatch.setattr("nccli.store.connection.journal.file_system", lambda _: "ext4")
    assert choose_journal(path, SOUND) == "wal"
    assert choose_journal(path, (3, 51, 2)) == "delete"


def test_the_journal_is_chosen_for_the_place_that_a_link_leads_to(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    network = tmp_path / "network"
    network.mkdir()
    link = tmp_path / "runs.db"
    link.symlink_to(network / "runs.db")
    monkeypatch.setattr(
        "nccli.store.connection.journal.file_system", lambda at: "nfs4" if at.resolve() == network else "ext4"
    )
    assert choose_journal(link, SOUND) == "delete"


@pytest.mark.parametrize("mode", ["wal", "delete"])
def test_a_new_store_has_the_chosen_journal(monkeypatch: pytest.MonkeyPatch, path: Path, mode: str) -> None:
    monkeypatch.setattr("nccli.store.connection.store.choose_journal", lambda path, version: mode)
    store = Store.create(str(path))
    assert store.pragma("journal_mode") == mode
    save_run(store, example_run())
    reopened = Store.open(str(path))
    assert reopened.pragma("journal_mode") == mode
    with reopened.read() as connection:
        assert len(select_runs(connection)) == 1


def test_a_store_that_exists_keeps_its_journal(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    for mode in ("delete", "wal"):
        monkeypatch.setattr("nccli.store.connection.store.choose_journal", lambda path, version, mode=mode: mode)
        assert Store.create(str(path)).pragma("journal_mode") == "delete"

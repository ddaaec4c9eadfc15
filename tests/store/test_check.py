"""`check_store` says what is wrong with a store."""

import sqlite3
from pathlib import Path

import pytest

from nccli.errors import StoreError
from nccli.store import Finding, Store, check_store, save_run
from nccli.store.schema.migrate import REVISIONS
from tests.store.example_runs import example_run
from tests.store.plain_sql import plain
from tests.store.revisions import add_revision


def findings(path: Path) -> dict[str, Finding]:
    """What a check of a store that exists says, by name."""
    return {finding.check: finding for finding in check_store(Store.open(str(path)))}


def test_a_sound_store_has_no_complaint(store: Store, path: Path) -> None:
    for seed in range(3):
        save_run(store, example_run(seed))
    found = findings(path)
    assert all(finding.ok for finding in found.values())
    assert found["schema"].value == REVISIONS[-1]
    assert found["runs"].value == 3
    assert found["integrity"].value == "ok"
    assert found["orphan rows"].value == 0


def test_an_older_schema_is_found(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_revision(tmp_path, "pass", monkeypatch)
    assert {finding.check for finding in check_store(store) if not finding.ok} == {"schema"}


def test_orphans_are_counted(store: Store, path: Path) -> None:
    save_run(store, example_run())
    with plain(path) as connection:
        connection.execute("DELETE FROM run")  # foreign keys are off by default
    found = findings(path)
    assert found["orphan rows"].value > 0
    assert [name for name, finding in found.items() if not finding.ok] == ["orphan rows"]


def test_an_index_that_disagrees_with_its_table_is_found(store: Store, path: Path) -> None:
    save_run(store, example_run())
    damage(path, "ix_run_kind", b"dufm", b"sufm")
    found = findings(path)
    assert not found["integrity"].ok
    assert "ix_run_kind" in found["integrity"].value


def test_a_ruined_page_is_found_not_fallen_over(store: Store, path: Path) -> None:
    for seed in range(3):
        save_run(store, example_run(seed))
    damage(path, "history")
    found = findings(path)
    assert found["runs"].value == 3
    assert not found["integrity"].ok


def test_a_store_that_cannot_be_read_at_all_is_an_error_in_words(store: Store, path: Path) -> None:
    save_run(store, example_run())
    damage(path, "nccli_schema_version")
    with pytest.raises(StoreError, match=r"runs\.db is damaged: .*restore a backup"):
        check_store(store)


def damage(path: Path, name: str, old: bytes = b"", new: bytes = b"") -> None:
    """Replace bytes in the first page of a table or index, or the page as a whole."""
    connection = sqlite3.connect(path)
    (page,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", [name]).fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    connection.close()
    content = bytearray(path.read_bytes())
    area = slice((page - 1) * size, page * size)
    content[area] = bytes(content[area]).replace(old, new) if old else b"\xa5" * size
    path.write_bytes(content)

"""A backup is one state of the store, made while others write."""

import threading
from pathlib import Path

import pytest

from nccli.errors import StoreError
from nccli.store import Store, check_store, copy_file, save_run
from tests.store.example_runs import example_run
from tests.store.plain_sql import dump, plain


def test_a_copy_is_the_store(path: Path) -> None:
    save_run(Store.create(str(path)), example_run())
    copy_file(path, path.with_name("copy.db"))
    assert dump(path.with_name("copy.db")) == dump(path)
    assert sorted(file.name for file in path.parent.iterdir()) == ["copy.db", "runs.db"]


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_copies_made_while_others_write_are_sound(path: Path, monkeypatch: pytest.MonkeyPatch, journal: str) -> None:
    monkeypatch.setattr("nccli.store.connection.backup._PAGES", 2)
    monkeypatch.setattr("nccli.store.connection.store.choose_journal", lambda path, version: journal)
    store = Store.create(str(path))
    save_run(store, example_run(0))
    end = threading.Event()

    def write() -> None:
        seed = 1
        while not end.is_set():
            save_run(store, example_run(seed))
            seed += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        counts = []
        for i in range(4):
            copy = path.with_name(f"copy{i}.db")
            copy_file(path, copy)
            assert all(finding.ok for finding in check_store(Store.open(str(copy))))
            with plain(copy) as connection:
                counts.append(connection.execute("SELECT COUNT(*) FROM run").fetchone()[0])
    finally:
        end.set()
        writer.join()
    assert counts == sorted(counts)
    assert counts[-1] > 1


def test_a_copy_that_cannot_be_written_is_an_error_and_leaves_nothing(path: Path) -> None:
    Store.create(str(path))
    with pytest.raises(StoreError, match=r"no copy of .* can be made at .*: No such file or directory"):
        copy_file(path, path.parent / "missing" / "copy.db")
    assert list(path.parent.iterdir()) == [path]

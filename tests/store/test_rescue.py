"""Results that the store does not take are not lost."""

from collections.abc import Iterable
from pathlib import Path

import pytest
from sqlalchemy import event

from nccli.errors import StoreError
from nccli.store import FinishedRun, Rescue, Store, merge_stores, run_records, save_run, select_runs
from tests.store.example_runs import example_run


def fill_disk(store: Store, pages: int) -> None:
    """Let the file of this store grow no further, as on a full disk: SQLite says so in the same words."""
    event.listen(store._reader, "connect", lambda raw, _: raw.execute(f"PRAGMA max_page_count={pages}"))


def test_what_a_full_store_does_not_take_is_merged_later(path: Path) -> None:
    store = Store.create(str(path))
    save_run(store, example_run(0))
    fill_disk(store, 1)
    said: list[str] = []
    with pytest.raises(StoreError, match="the disk is full") as caught:
        save_all(Rescue(store, said.append), range(1, 20))
    (file,) = path.parent.glob("runs.db-rescue-*.db")
    assert f"nccli store merge {file} --into {path}" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 2
    assert len(said) == 1
    healed = Store.open(str(path))
    merge_stores([str(file)], healed)
    with healed.read() as connection:
        assert {record["seed"] for record in run_records(connection, select_runs(connection))} == set(range(20))


def test_where_the_folder_takes_nothing_another_does(
    path: Path, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    monkeypatch.chdir(elsewhere)
    monkeypatch.setattr("nccli.store.runs.rescue._may_write", lambda folder: folder == elsewhere)
    store = Store.create(str(path))
    monkeypatch.setattr("nccli.store.runs.rescue.save_run", refusing(path))
    with pytest.raises(StoreError, match=str(elsewhere)):
        save_all(Rescue(store, lambda text: None), [0])
    (file,) = elsewhere.iterdir()
    with Store.open(str(file)).read() as connection:
        assert len(select_runs(connection)) == 1


def save_all(rescue: Rescue, seeds: Iterable[int]) -> None:
    with rescue:
        for seed in seeds:
            rescue.save(example_run(seed))


def refusing(path: Path) -> object:
    def save(store: Store, run: FinishedRun, require: None = None) -> str:
        if store.path == path:
            raise StoreError(f"the store {path} cannot be written")
        return save_run(store, run, require)

    return save


def test_while_the_store_is_well_there_is_no_rescue_file(path: Path) -> None:
    with Rescue(Store.create(str(path)), pytest.fail) as rescue:
        rescue.save(example_run(0))
    assert list(path.parent.iterdir()) == [path]

"""`repair_store` sets aside what is damaged, keeps all that is sound, and loses nothing without a word."""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from nccli.errors import StoreError, StoreVersionError
from nccli.store import Claims, Store, check_store, find_ids, repair_store, save_run, select_runs
from tests.store.example_runs import example_run
from tests.store.plain_sql import plain
from tests.store.revisions import add_revision
from tests.store.test_check import damage


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is set aside of a store on a server goes into the current folder."""
    monkeypatch.chdir(tmp_path)


def rows(store: Store) -> dict[str, Any]:
    with store.read() as connection:
        return {run["id"]: run for run in select_runs(connection)}


def is_sound(store: Store) -> bool:
    return all(finding.ok for finding in check_store(store))


def test_a_sound_store_is_left_alone(store: Store) -> None:
    save_run(store, example_run(0))
    before = rows(store)
    done = repair_store(store, check_store(store))
    assert (done.set_aside, done.file, done.copy) == ({}, None, None)
    assert rows(store) == before


def test_damaged_rows_go_into_a_file_and_the_rest_stays(path: Path, store: Store) -> None:
    keys = [save_run(store, example_run(seed)) for seed in range(4)]
    before = rows(store)
    with plain(path) as connection:
        connection.execute("UPDATE run SET config = '{oops' WHERE id = ?", [keys[0]])
        connection.execute("UPDATE matrix SET block = 'text' WHERE run_id = ?", [keys[1]])
        connection.execute("DELETE FROM run WHERE id = ?", [keys[2]])  # foreign keys are off: its rows are orphans
        connection.commit()
    done = repair_store(store, check_store(store))
    assert set(done.set_aside) == set(keys[:3])
    assert rows(store) == {keys[3]: before[keys[3]]}
    assert is_sound(store)
    assert done.file is not None
    lines = [json.loads(line) for line in done.file.read_text().splitlines()]
    assert {line["run"]["id"] for line in lines} == set(keys[:3])
    by_id = {line["run"]["id"]: line for line in lines}
    assert by_id[keys[0]]["run"]["config"] == "{oops"
    assert by_id[keys[0]]["run"]["loss"] == before[keys[0]]["loss"]
    assert len(by_id[keys[2]]["layer"]) == 5


@pytest.mark.parametrize("anew", [False, True], ids=["in place", "in a new file"])
@pytest.mark.parametrize(("table", "column"), [("run", "id"), ("layer", "run_id"), ("matrix", "run_id")])
def test_an_id_that_is_no_text_is_set_aside_with_its_rows(
    path: Path, store: Store, table: str, column: str, anew: bool
) -> None:
    keys = [save_run(store, example_run(seed)) for seed in range(3)]
    before = rows(store)
    with plain(path) as connection:
        connection.execute(f"UPDATE {table} SET {column} = CAST(X'ff61' AS TEXT) WHERE {column} = ?", keys[:1])
    assert not is_sound(store)
    done = repair_store(store, [] if anew else check_store(store))
    assert set(done.set_aside) == {keys[0], "\udcffa"}
    assert rows(store) == {key: before[key] for key in keys[1:]}
    assert is_sound(store)


@pytest.mark.parametrize("place_of_damage", ["history", "singular_value", "matrix", "layer", "ix_run_kind"])
def test_a_ruined_page_costs_the_runs_on_it(path: Path, store: Store, place_of_damage: str) -> None:
    keys = [save_run(store, example_run(seed)) for seed in range(6)]
    before = rows(store)
    damage(path, place_of_damage)
    done = repair_store(store, check_store(store))
    after = rows(store)
    assert set(after) | set(done.set_aside) == set(keys)
    assert not set(after) & set(done.set_aside)
    assert {key: before[key] for key in after} == after
    assert done.kept == len(after)
    assert is_sound(store)
    assert done.copy is not None
    assert done.copy.read_bytes()[:16] == b"SQLite format 3\0"
    if place_of_damage == "ix_run_kind":
        assert len(after) == len(keys)


def test_a_table_whose_declaration_is_ruined_costs_no_other(path: Path, store: Store) -> None:
    save_run(store, example_run(0))
    content = path.read_bytes()
    path.write_bytes(content.replace(b"CREATE TABLE worker", b"CREATE TABL\xc5 worker", 1))
    with pytest.raises(StoreError, match=r"is damaged: nccli store check --repair"):
        check_store(store)
    done = repair_store(store)
    assert (done.kept, done.set_aside) == (1, {})
    assert is_sound(store)


@pytest.mark.parametrize("content", [b"", b"SQLite format 3\0", b"x" * 4096, b"\0" * 20_000])
def test_nothing_is_made_of_what_holds_nothing(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    with pytest.raises(StoreError, match=r"nothing of .* can be read: restore a backup; nothing was changed"):
        repair_store(Store.at(str(path)))
    assert path.read_bytes() == content
    assert list(path.parent.iterdir()) == [path]


def test_a_store_into_which_somebody_trains_is_not_exchanged(path: Path, store: Store) -> None:
    save_run(store, example_run(0))
    with Claims(store, lambda text: None) as claims:
        claims.take(["0" * 12], lambda key: example_run(1).columns)
        damage(path, "history")
        with pytest.raises(StoreError, match=r"is in use .* nothing was changed"):
            repair_store(store, check_store(store))


def test_an_older_schema_is_upgraded_first(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    add_revision(tmp_path, "pass", monkeypatch)
    with pytest.raises(StoreVersionError, match="nccli store upgrade"):
        repair_store(store, check_store(store))


def test_a_store_on_a_server_is_repaired_too(store: Store) -> None:
    good, bad = (save_run(store, example_run(seed)) for seed in range(2))
    with store.write() as connection:
        connection.execute(text(f"UPDATE run SET loss = loss + 1 WHERE id = '{bad}'"))
    done = repair_store(store, check_store(store))
    assert set(done.set_aside) == {bad}
    with store.read() as connection:
        assert find_ids(connection, [good]) == [good]
    assert is_sound(store)


def test_a_run_whose_id_is_no_text_is_set_aside(path: Path, store: Store) -> None:
    good, bad = (save_run(store, example_run(seed)) for seed in range(2))
    with plain(path) as connection:
        connection.execute("UPDATE run SET id = CAST(X'b5646363' AS TEXT) WHERE id = ?", [bad])
        connection.commit()
    done = repair_store(store, check_store(store))
    assert len(done.set_aside) == 2  # the row of the run, and its rows in other tables
    assert set(rows(store)) == {good}
    assert is_sound(store)


def test_a_column_whose_name_is_ruined_is_missed_and_not_fallen_over(path: Path, store: Store) -> None:
    save_run(store, example_run(0))
    content = path.read_bytes()
    assert content.count(b"ranks_agree INTEGER") == 1
    path.write_bytes(content.replace(b"ranks_agree INTEGER", b"ranks_agreg INTEGER"))
    done = repair_store(store)
    assert list(done.set_aside.values()) == ["its checksum does not fit: it was changed outside nccli"]
    assert is_sound(Store.at(str(path)))

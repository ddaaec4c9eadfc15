"""Saving a run again puts the new one in place of the old, whole."""

from pathlib import Path

import pytest
from sqlalchemy import Connection, event, text
from sqlalchemy.exc import IntegrityError

from nccli.errors import StoreError
from nccli.store import Store, run_records, save_run, select_history, select_runs
from tests.store.example_runs import example_history, example_layers, example_run
from tests.store.plain_sql import plain

CHILDREN = ("layer", "singular_value", "history", "matrix")


def contents(path: Path) -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table, as any other program would see them."""
    with plain(path) as connection:
        return {table: sorted(connection.execute(f"SELECT * FROM {table}"), key=repr) for table in ("run", *CHILDREN)}


def test_saving_again_replaces_the_run_and_all_its_children(store: Store, path: Path) -> None:
    save_run(store, example_run(loss=0.3, history=example_history(points=9)))
    save_run(store, example_run(loss=0.2, layers=example_layers(7)[:2], history=example_history(points=2)))
    rows = contents(path)
    assert len(rows["run"]) == 1
    assert len(rows["layer"]) == 2
    assert len(rows["singular_value"]) == 2 * 4
    assert [row[1] for row in rows["history"]] == [2]
    assert len(rows["matrix"]) == 1


def test_saving_again_leaves_other_runs_alone(store: Store) -> None:
    other = save_run(store, example_run(seed=1))
    with store.read() as connection:
        before = run_records(connection, select_runs(connection, [other]))
    save_run(store, example_run(seed=0))
    save_run(store, example_run(seed=0, layers=[], history=[]))
    with store.read() as connection:
        assert run_records(connection, select_runs(connection, [other])) == before
        assert len(select_history(connection, [other])[other]) == 3


def test_deleting_a_run_deletes_its_children(store: Store, path: Path) -> None:
    save_run(store, example_run())
    with store.write() as connection:
        connection.execute(text("DELETE FROM run"))
    assert contents(path) == {table: [] for table in ("run", *CHILDREN)}


def test_a_child_without_its_run_is_refused(store: Store) -> None:
    with pytest.raises(StoreError) as caught, store.write() as connection:
        connection.execute(text("INSERT INTO history (run_id, points, block) VALUES ('none', 1, '')"))
    assert isinstance(caught.value.__cause__, IntegrityError)
    assert "foreign key" in str(caught.value).lower()


@pytest.mark.parametrize("table", ["run", *CHILDREN])
def test_a_failure_in_the_middle_of_saving_changes_nothing(store: Store, path: Path, table: str) -> None:
    save_run(store, example_run(seed=0, loss=0.3))
    before = contents(path)

    def fail(connection: Connection, cursor: object, statement: str, *_: object) -> None:
        if statement.startswith(f"INSERT INTO {table} "):
            raise RuntimeError("the power went")

    event.listen(store._writer, "after_cursor_execute", fail)
    for seed in (0, 1):
        with pytest.raises(RuntimeError, match="the power went"):
            save_run(store, example_run(seed=seed, loss=0.1))
    assert contents(path) == before


def test_a_row_that_does_not_fit_is_refused_and_the_stored_run_stays(store: Store, path: Path) -> None:
    save_run(store, example_run())
    before = contents(path)
    twice = [example_layers(0)[0]] * 2
    with pytest.raises(StoreError, match="UNIQUE"):
        save_run(store, example_run(loss=0.05, layers=twice))
    assert contents(path) == before

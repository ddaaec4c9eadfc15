"""Which runs a question finds, and in what order."""

import time

import pytest

from nccli.errors import NothingFoundError
from nccli.store import (
    Store,
    existing_statuses,
    parse_where,
    run_records,
    save_run,
    select_history,
    select_layers,
    select_matrix,
    select_ranks,
    select_runs,
    select_spectra,
)
from nccli.store.connection import among
from tests.store.example_runs import STAGES, example_run


@pytest.fixture
def keys(store: Store) -> list[str]:
    """Ids of five stored runs, oldest first."""
    found = []
    for seed in range(5):
        found.append(save_run(store, example_run(seed, status="diverged" if seed == 3 else "stopped")))
        time.sleep(0.001)
    return found


def test_all_runs_come_newest_first(store: Store, keys: list[str]) -> None:
    with store.read() as connection:
        assert [row["id"] for row in select_runs(connection)] == keys[::-1]
        assert [row["id"] for row in select_runs(connection, limit=2)] == keys[:2:-1]


def test_a_run_that_is_saved_again_is_the_newest(store: Store, keys: list[str]) -> None:
    save_run(store, example_run(0))
    with store.read() as connection:
        assert select_runs(connection)[0]["id"] == keys[0]


def test_named_runs_come_in_the_order_named(store: Store, keys: list[str]) -> None:
    wanted = [keys[3], keys[0], keys[4]]
    with store.read() as connection:
        assert [row["id"] for row in select_runs(connection, wanted)] == wanted
        assert [row["id"] for row in select_runs(connection, wanted, limit=1)] == wanted[:1]
        assert [row["id"] for row in select_runs(connection, [keys[1], "000000000000"])] == [keys[1]]
        assert select_runs(connection, []) == []


def test_where_narrows_all_runs_and_named_runs(store: Store, keys: list[str]) -> None:
    where = parse_where("seed>=1 and status=stopped")
    with store.read() as connection:
        assert [row["id"] for row in select_runs(connection, where=where)] == [keys[4], keys[2], keys[1]]
        assert [row["id"] for row in select_runs(connection, [keys[1], keys[0], keys[3]], where)] == [keys[1]]


def test_statuses_are_of_stored_runs_only(store: Store, keys: list[str]) -> None:
    with store.read() as connection:
        found = existing_statuses(connection, [*keys[2:], "000000000000"])
    assert found == {keys[2]: "stopped", keys[3]: "diverged", keys[4]: "stopped"}


def test_runs_that_are_not_there_have_nothing(store: Store, keys: list[str]) -> None:
    with store.read() as connection:
        assert select_layers(connection, ["000000000000"]) == {"000000000000": []}
        assert select_history(connection, ["000000000000"]) == {"000000000000": []}
        assert select_ranks(connection, ["000000000000"]) == {"000000000000": {}}
        assert select_spectra(connection, ["000000000000"]) == {"000000000000": {}}
        assert existing_statuses(connection, []) == {}


@pytest.mark.parametrize("at", [("000000000000", 2, "post", "gram"), (None, 2, "post", "x"), (None, 9, "post", "gram")])
def test_a_matrix_that_is_not_there_is_not_found(
    store: Store, keys: list[str], at: tuple[str | None, int, str, str]
) -> None:
    run, layer, stage, name = at
    with store.read() as connection, pytest.raises(NothingFoundError, match=f"no matrix '{name}' of layer {layer}"):
        select_matrix(connection, run or keys[0], layer, stage, name)


@pytest.mark.parametrize("size", [1, 2, 5])
def test_more_runs_than_one_query_takes_make_no_difference(
    store: Store, keys: list[str], monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    with store.read() as connection:
        whole = run_records(connection, select_runs(connection, keys), rank_rtol=0.3)
        histories, statuses = select_history(connection, keys), existing_statuses(connection, keys)
        monkeypatch.setattr(among, "_FEW", size)
        assert run_records(connection, select_runs(connection, keys), rank_rtol=0.3) == whole
        assert select_history(connection, keys) == histories
        assert existing_statuses(connection, keys) == statuses
    assert [record["id"] for record in whole] == keys
    assert all(len(record["layers"]) == len(STAGES) for record in whole)


def test_one_query_takes_as_many_runs_as_it_may(store: Store, keys: list[str]) -> None:
    many = [*(f"{i:012x}" for i in range(2 * among._FEW)), *keys]
    with store.read() as connection:
        assert [row["id"] for row in select_runs(connection, many)] == keys
        assert len(select_ranks(connection, many, rtol=0.5)[keys[0]]) == len(STAGES)

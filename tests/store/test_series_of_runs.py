"""Runs that are checkpoints: found by their content, of several series at once, whole after every change."""

from dataclasses import replace

import pytest

from nccli.errors import InputError
from nccli.store import (
    FinishedRun,
    Store,
    find_measured,
    parse_where,
    place_in_series,
    read_contents,
    require_series,
    save_run,
    select_ids,
    select_runs,
)
from tests.store.example_runs import example_run


def network(state: str, **columns: object) -> FinishedRun:
    run = example_run(kind="network", split="train", **columns)
    config = {"source": "nets:make", "state": state, "data": "d", "layers": "a,b", "pool": "flatten"}
    return replace(run, config=config)


def ids_where(store: Store, where: str) -> list[str]:
    with store.read() as connection:
        return sorted(select_ids(connection, where=parse_where(where)))


def test_a_run_is_found_by_what_was_measured_whatever_its_layers(store: Store) -> None:
    run = network("s1")
    save_run(store, run)
    asked = {name: value for name, value in run.config.items() if name != "layers"}
    with store.read() as connection:
        assert find_measured(connection, "network", asked) == run.id
        assert find_measured(connection, "network", {**asked, "state": "s2"}) is None
        assert find_measured(connection, "network", {**asked, "split": "test"}) is None
        assert find_measured(connection, "features", asked) is None


def test_a_run_may_be_of_several_series_and_is_asked_for_by_each(store: Store) -> None:
    shared, alone = network("s0", series="a", step=0, file="ep0.pt"), network("s1", series="a", step=1, file="ep1.pt")
    for run in (shared, alone):
        save_run(store, run)
    before = place_in_series(store, shared.id, {"series": "ab", "step": 0, "file": "ep0.pt"})
    assert before == {"series": "a", "step": 0, "file": "ep0.pt"}
    assert ids_where(store, "series=a") == sorted([shared.id, alone.id])
    assert ids_where(store, "series=ab") == ids_where(store, "series in (ab, c)") == [shared.id]
    assert ids_where(store, "series=b") == []
    assert ids_where(store, "series!=ab") == [alone.id]
    with store.read() as connection:
        (row,) = select_runs(connection, [shared.id])
        assert all(content.intact for content in read_contents(connection, [shared.id, alone.id]))
    assert (row["series"], row["step"], row["split"]) == ("a,ab", 0, "train")


def test_a_run_that_is_measured_again_keeps_its_series(store: Store) -> None:
    run = network("s0", series="a", step=3, file="ep3.pt")
    save_run(store, run)
    save_run(store, replace(run, row={**run.row, "series": None, "step": None, "file": "last.pt"}))
    with store.read() as connection:
        (row,) = select_runs(connection, [run.id])
    assert (row["series"], row["step"], row["file"]) == ("a", 3, "last.pt")


@pytest.mark.parametrize("name", ["", " a", "a,b", "x" * 101, "a\nb"])
def test_a_name_that_no_series_can_have_is_refused(name: str) -> None:
    with pytest.raises(InputError, match="1 to 100 characters"):
        require_series(name)

"""Quantities of many runs as arrays: the same numbers as run by run."""

import math
from typing import Any

import numpy as np
import pytest

from nccli.errors import StoreError
from nccli.store import (
    Stage,
    Store,
    save_run,
    select_history,
    select_layers,
    select_spectra,
    stack_history,
    stack_layers,
    stack_spectra,
)
from nccli.store.connection import among
from nccli.store.query import stacked as stacked_module
from tests.store.example_runs import STAGES, double_run, example_history, example_layers, example_run


@pytest.fixture
def keys(store: Store) -> list[str]:
    """Ids of six stored runs; the fourth has neither layers nor a history."""
    nothing: dict[str, Any] = {"layers": [], "history": [], "status": "diverged"}
    return [save_run(store, example_run(seed, **(nothing if seed == 3 else {}))) for seed in range(6)]


@pytest.mark.parametrize("chunk", [1, 2, 5_000])
def test_spectra_and_metrics_are_those_of_the_runs_in_the_order_of_their_ids(
    store: Store, keys: list[str], chunk: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(among, "_FEW", chunk)
    having = sorted(set(keys) - {keys[3]})
    with store.read() as connection:
        spectra, singles = stack_spectra(connection, keys), select_spectra(connection, keys)
        ranks, layers = stack_layers(connection, keys, "effective_rank"), select_layers(connection, keys)
    assert spectra.ids == ranks.ids == having
    assert set(spectra.values) == set(ranks.values) == {Stage(*stage) for stage in STAGES}
    for position, key in enumerate(having):
        for layer in layers[key]:
            stage = Stage(layer["layer"], layer["stage"])
            assert spectra.values[stage][position].tolist() == singles[key][stage]
            assert ranks.values[stage][position] == layer["effective_rank"]


def test_runs_without_layers_have_nothing_to_stack(store: Store, keys: list[str]) -> None:
    with store.read() as connection:
        for stacked in (stack_spectra(connection, keys[3:4]), stack_layers(connection, [], "rank")):
            assert (stacked.ids, stacked.values) == ([], {})
        assert stack_history(connection, keys[3:4]).ids == []


def test_runs_with_other_layers_are_no_stack(store: Store, keys: list[str]) -> None:
    fewer = save_run(store, example_run(9, layers=example_layers(9)[:3]))
    with store.read() as connection, pytest.raises(StoreError, match="other layers"):
        stack_layers(connection, [keys[0], fewer], "rank")


def test_a_history_is_carried_on_to_the_steps_of_the_others(store: Store) -> None:
    early, late = example_history(2), example_history(4)
    late[2] |= {"loss": math.nan, "dnc1": [math.nan, math.inf, 1.0, 2.0, 3.0]}
    keys = [save_run(store, example_run(seed, history=rows)) for seed, rows in enumerate((early, late))]
    with store.read() as connection:
        stacked, singles = stack_history(connection, keys), select_history(connection, keys)
    assert stacked.steps.tolist() == [0, 10, 20, 30]
    assert stacked.ids == sorted(keys)
    assert sorted(stacked.last.tolist()) == [10, 30]
    short, long = (stacked.ids.index(key) for key in keys)
    assert stacked.fit[short].tolist() == [singles[keys[0]][i]["fit"] for i in (0, 1, 1, 1)]
    assert stacked.rank[short].tolist() == [singles[keys[0]][i]["rank"] for i in (0, 1, 1, 1)]
    np.testing.assert_array_equal(stacked.loss[long], [row["loss"] for row in singles[keys[1]]])
    np.testing.assert_array_equal(
        stacked.dnc1[long], [[float(entry) for entry in row["dnc1"]] for row in singles[keys[1]]]
    )


def test_very_many_steps_are_thinned_to_their_ends(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stacked_module, "_MOST_STEPS", 5)
    key = save_run(store, double_run(history=example_history(33)))
    with store.read() as connection:
        stacked = stack_history(connection, [key])
    assert stacked.steps.tolist() == [0, 80, 160, 240, 320]
    assert stacked.loss[0].tolist() == [0.5 / (step / 10 + 1) for step in stacked.steps]

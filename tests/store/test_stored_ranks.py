"""Ranks at any tolerance come from the stored spectra."""

import numpy as np
import pytest

from nccli.metrics import RANK_RTOL, ZERO_FLOOR, numerical_rank
from nccli.store import Stage, Store, save_run, select_ranks
from tests.store.example_runs import example_layers, example_run


def recount(spectrum: np.ndarray, rtol: float, floor: float) -> int:
    """The definition, by hand."""
    return sum(1 for value in spectrum if value > rtol * max(spectrum) and value > floor)


@pytest.mark.parametrize(
    ("rtol", "floor"),
    [(RANK_RTOL, ZERO_FLOOR), (0.5, ZERO_FLOOR), (0.1, ZERO_FLOOR), (1e-15, 0.0), (0.0, 2.0), (1.0, 0.0), (0.0, 1e9)],
)
def test_ranks_equal_a_recount_of_the_spectrum(store: Store, rtol: float, floor: float) -> None:
    runs = [example_run(seed, layers=example_layers(seed, rank=seed + 1)) for seed in range(4)]
    keys = [save_run(store, run) for run in runs]
    with store.read() as connection:
        found = select_ranks(connection, keys, rtol, floor)
    for key, run in zip(keys, runs, strict=True):
        expected = {Stage(m.layer, m.stage): recount(m.singular_values, rtol, floor) for m in run.layers}
        assert found[key] == expected
        assert expected == {Stage(m.layer, m.stage): numerical_rank(m.singular_values, rtol, floor) for m in run.layers}


def test_tolerances_change_the_answer(store: Store) -> None:
    key = save_run(store, example_run())
    with store.read() as connection:
        loose, tight = (sum(select_ranks(connection, [key], rtol)[key].values()) for rtol in (0.9, 1e-6))
    assert loose < tight == 5 * 4


def test_a_layer_that_decayed_to_zero_has_rank_zero_at_every_tolerance(store: Store) -> None:
    layers = example_layers(0)
    for layer in layers:
        layer.singular_values[:] *= 1e-9
    key = save_run(store, example_run(layers=layers))
    with store.read() as connection:
        assert set(select_ranks(connection, [key], rtol=1e-3)[key].values()) == {0}

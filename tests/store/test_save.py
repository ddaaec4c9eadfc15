"""What was saved is what is read, bit for bit."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nccli.catalogue.metrics import METRICS, Family
from nccli.store import (
    Store,
    run_records,
    save_run,
    select_history,
    select_layers,
    select_matrix,
    select_runs,
    select_spectra,
)
from nccli.store.query.select import Stage
from tests.store.example_runs import double_run, example_history, example_layers, example_run

NOT_FINITE = [math.nan, math.inf, -math.inf]


def same(left: float, right: float) -> bool:
    """Equal, nan being equal to nan."""
    return left == right or (math.isnan(left) and math.isnan(right))


def test_a_saved_row_reads_back_equal(store: Store) -> None:
    run = example_run(seed=3)
    key = save_run(store, run)
    with store.read() as connection:
        (row,) = select_runs(connection, [key])
    assert {name: row[name] for name in run.row} == dict(run.row)
    assert row["id"] == run.id == key
    assert row["config"] == dict(run.config)
    assert (row["wd"], row["wd_h1"]) == (0.004, 0.004)


def test_layers_read_back_equal_and_in_the_order_of_the_network(store: Store) -> None:
    run = example_run()
    key = save_run(store, replace(run, layers=list(reversed(run.layers))))
    with store.read() as connection:
        layers = select_layers(connection, [key])[key]
    names = ("layer", "stage", *(metric.name for metric in METRICS if metric.family is Family.LAYER))
    assert [{name: layer[name] for name in names} for layer in layers] == [
        {name: getattr(layer, name) for name in names} for layer in run.layers
    ]
    for row, layer in zip(layers, run.layers, strict=True):
        found = layer.structure
        assert (row["structure"], row["structure_distance"]) == (found.name, found.distance)
        assert row["structure_order"] == found.permutation.tolist()
    measured = {*names, "structure", "structure_distance", "structure_order"}
    assert {row[name] for row in layers for name in set(row) - measured} == {None}


def test_spectra_and_matrices_read_back_bit_for_bit(store: Store) -> None:
    run = double_run()
    key = save_run(store, run)
    with store.read() as connection:
        spectra = select_spectra(connection, [key])[key]
        for layer in run.layers:
            at = (layer.layer, layer.stage)
            assert spectra[Stage(*at)] == layer.singular_values.tolist()
            means = select_matrix(connection, key, *at, "class_means")
            assert means.shape == (5, 4)
            assert means.tobytes() == np.ascontiguousarray(layer.class_means.T).tobytes()
            assert select_matrix(connection, key, *at, "gram").tobytes() == layer.gram.tobytes()
    assert len(spectra) == len(run.layers)


def test_history_reads_back_equal_and_in_the_order_of_steps(store: Store) -> None:
    history = example_history(points=5)
    key = save_run(store, double_run(history=list(reversed(history))))
    with store.read() as connection:
        assert select_history(connection, [key])[key] == [
            {"run_id": key, **point, "train_accuracy": None} for point in history
        ]


@pytest.mark.parametrize("value", NOT_FINITE)
@pytest.mark.parametrize("column", ["loss", "fit", "reg", "grad_norm"])
def test_numbers_that_are_not_finite_survive_in_a_row(store: Store, column: str, value: float) -> None:
    key = save_run(store, example_run(**{column: value}))
    with store.read() as connection:
        assert same(select_runs(connection, [key])[0][column], value)


@pytest.mark.parametrize("value", NOT_FINITE)
def test_numbers_that_are_not_finite_survive_in_layers(store: Store, value: float) -> None:
    layers = [layer.with_values(dnc1=value, dnc2=value) for layer in example_layers(0)]
    key = save_run(store, example_run(layers=layers))
    with store.read() as connection:
        for layer in select_layers(connection, [key])[key]:
            assert same(layer["dnc1"], value)
            assert same(layer["dnc2"], value)


@pytest.mark.parametrize("value", NOT_FINITE)
def test_numbers_that_are_not_finite_survive_in_history(store: Store, value: float) -> None:
    numbers = dict.fromkeys(("loss", "fit", "reg", "grad_norm"), value)
    point = {**example_history(1)[0], **numbers, "dnc1": [value] * 5}
    key = save_run(store, example_run(history=[point]))
    with store.read() as connection:
        (stored,) = select_history(connection, [key])[key]
    assert all(same(stored[name], value) for name in ("loss", "fit", "reg", "grad_norm"))
    assert len(stored["dnc1"]) == 5
    assert all(same(entry, value) for entry in stored["dnc1"])


def test_dnc3_that_does_not_exist_is_none(store: Store) -> None:
    layers = [layer.with_values(dnc3=math.nan if layer.stage == "post" else None) for layer in example_layers(0)]
    key = save_run(store, example_run(layers=layers))
    with store.read() as connection:
        assert {layer["dnc3"] for layer in select_layers(connection, [key])[key]} == {None}


def test_layers_with_different_weight_decay_have_no_common_one(store: Store) -> None:
    key = save_run(store, example_run(config={"wd_layers": (0.004, 0.004, 0.001)}))
    with store.read() as connection:
        (row,) = select_runs(connection, [key])
    assert row["wd"] is None
    assert row["config"]["wd_layers"] == [0.004, 0.004, 0.001]


def test_a_diverged_run_has_neither_layers_nor_spectra(store: Store) -> None:
    key = save_run(store, example_run(status="diverged", loss=math.nan, layers=[], history=[]))
    with store.read() as connection:
        (record,) = run_records(connection, select_runs(connection, [key]))
    assert math.isnan(record["loss"])
    assert record["layers"] == []


@given(value=st.floats())
@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_float_round_trips(store: Store, value: float) -> None:
    key = save_run(store, example_run(loss=value, layers=[], history=[]))
    with store.read() as connection:
        assert same(select_runs(connection, [key])[0]["loss"], value)

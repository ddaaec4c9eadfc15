"""Stored runs measured again: ranks at any tolerance, and what they lack from their class means, where these are."""

from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from nccli.metrics import LayerData, numerical_rank
from nccli.store import Store, measured_again, merge_stores, save_run, select_runs
from tests.store.example_runs import double_run


def test_ranks_are_counted_from_the_stored_spectrum_and_the_rest_is_as_it_was_stored(store: Store) -> None:
    run = double_run(0)
    save_run(store, run)
    with store.read() as connection:
        records = measured_again(connection, select_runs(connection), 0.3)
    for record, layer in zip(records, run.layers, strict=True):
        assert record["rank"] == numerical_rank(layer.singular_values, 0.3)
        assert (record["dnc1"], record["dnc2"]) == (layer.dnc1, layer.dnc2)


def test_what_a_run_never_had_comes_from_its_class_means(store: Store) -> None:
    run = double_run(0)
    save_run(store, run)
    with store.write() as connection:
        connection.execute(text("UPDATE layer SET negative_share = NULL"))
    with store.read() as connection:
        records = measured_again(connection, select_runs(connection), 0.01)
    for record, layer in zip(records, run.layers, strict=True):
        assert record["negative_share"] == pytest.approx(layer.negative_share)
        assert np.isfinite(record["frame_distance"]) == (LayerData(layer.class_means).spectrum[0] > 0)


def test_without_class_means_it_is_what_was_stored(store: Store, tmp_path: Path) -> None:
    save_run(store, double_run(0))
    with store.read() as connection:
        whole = measured_again(connection, select_runs(connection), 0.3)
    small = Store.create(str(tmp_path / "small.db"))
    merge_stores([str(store.path)] if store.path else [store._url.render_as_string(False)], small, {"matrices"})
    with small.read() as connection:
        records = measured_again(connection, select_runs(connection), 0.3)
    names = ("layer", "stage", "rank", "dnc1", "dnc2", "negative_share", "singular_values")
    assert [[record[name] for name in names] for record in records] == [[r[name] for name in names] for r in whole]
    assert {record["frame_distance"] for record in records} == {None}

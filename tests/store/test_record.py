"""The JSON record of a run, which scripts and other people's pipelines rest on (design sheet, section 3)."""

import json
import math

import pytest

from nccli import strict_json
from nccli.metrics import numerical_rank
from nccli.store import (
    Store,
    loss_ratio,
    record_keys,
    run_records,
    save_run,
    select_runs,
)
from tests.store.example_runs import STAGES, example_layers, example_run

RECORD = [
    *("id", "kind", "status", "K", "L", "n", "width", "wd", "lr", "seed", "steps", "loss", "fit", "reg", "loss_dnc"),
    *("loss_srg", "ratio_dnc", "ratio_srg", "grad_norm", "seconds", "config", "layers", "created"),
    *("optimizer", "collapsed_at", "residual", "kinks", "outcome", "classes_kept", "srg_r", "tag"),
    *("finish", "settled", "loss_drift", "spectral_drift", "radius", "parent", "steps_by"),
    *("found_by", "hypergraph"),
    *("verdict", "verdict_residual", "hessian_min", "hessian_max", "hessian_norm", "negative_directions"),
    *("flat_directions", "symmetries", "weak_kinks", "least_slope", "new_unit_gain", "verdict_proved"),
    *("class_counts", "imbalance", "schatten_gap"),
]
LAYER = [
    *("layer", "stage", "dnc1", "dnc2", "dnc3", "negative_share", "rank", "rank_gap", "effective_rank"),
    *(
        "stable_rank",
        "output_rank",
        "output_etf_distance",
        "output_pairs_distance",
        "structure",
        "structure_distance",
        "singular_values",
    ),
]


def records(store: Store, rank_rtol: float = 1e-2) -> list[dict[str, object]]:
    """Records of all runs."""
    with store.read() as connection:
        return run_records(connection, select_runs(connection), rank_rtol)


def test_a_record_has_exactly_the_documented_keys(store: Store) -> None:
    save_run(store, example_run())
    (record,) = records(store)
    assert list(record) == RECORD


def test_a_layer_has_exactly_the_documented_keys(store: Store) -> None:
    save_run(store, example_run())
    for layer in records(store)[0]["layers"]:  # type: ignore[attr-defined]
        assert list(layer) == LAYER


def test_a_record_tells_the_run(store: Store) -> None:
    run = example_run(7, loss=0.15, loss_dnc=0.2, loss_srg=0.12)
    save_run(store, run)
    (record,) = records(store)
    assert record["id"] == run.id
    assert record["config"] == dict(run.config)
    assert record["ratio_dnc"] == 0.15 / 0.2
    assert record["ratio_srg"] == 0.15 / 0.12
    for name in ("kind", "status", "K", "L", "n", "width", "lr", "seed", "steps", "fit", "reg", "seconds"):
        assert record[name] == run.row[name]
    layers = record["layers"]
    assert [(layer["layer"], layer["stage"]) for layer in layers] == list(STAGES)  # type: ignore[attr-defined]
    for layer, measured in zip(layers, run.layers, strict=True):  # type: ignore[call-overload]
        assert layer["singular_values"] == measured.singular_values.tolist()
        assert layer["dnc1"] == measured.dnc1
        assert layer["rank"] == measured.rank


@pytest.mark.parametrize("rtol", [1e-9, 0.2, 0.9])
def test_ranks_are_at_the_tolerance_asked_for(store: Store, rtol: float) -> None:
    run = example_run(layers=example_layers(0, rank=3))
    save_run(store, run)
    ranks = [layer["rank"] for layer in records(store, rtol)[0]["layers"]]  # type: ignore[attr-defined]
    assert ranks == [numerical_rank(layer.singular_values, rtol) for layer in run.layers]


def test_a_record_survives_json(store: Store) -> None:
    save_run(store, example_run(0, loss=math.nan, grad_norm=math.inf))
    save_run(store, example_run(1))
    for record in records(store):
        assert json.loads(strict_json.dumps(record)) == strict_json.encodable(record)


def test_a_ratio_without_a_reference_is_none() -> None:
    assert loss_ratio(0.1, None) is None
    assert loss_ratio(0.1, 0.4) == 0.25
    assert math.isnan(loss_ratio(math.nan, 0.4) or 0.0)


def test_the_keys_of_records_are_known_before_them(store: Store) -> None:
    keys = [save_run(store, example_run(0)), save_run(store, example_run(1, dataset="digits"))]
    for ids in (keys, keys[:1]):
        with store.read() as connection:
            found = run_records(connection, select_runs(connection, ids))
        assert record_keys(store, ids) == list(dict.fromkeys(name for record in found for name in record))

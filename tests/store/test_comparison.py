"""Runs against theory."""

import math
from dataclasses import replace
from statistics import fmean

import numpy as np
import pytest

from nccli.store import FinishedRun, Stage, Store, comparison_records, hidden_layers, save_run, select_runs
from tests.store.example_runs import example_layers, example_run

COLUMNS = [
    *("id", "kind", "status", "K", "L", "n", "width", "wd", "wd_h1", "lr", "seed", "steps", "activation", "dtype"),
    *("tag", "device", "loss", "fit", "reg", "loss_dnc", "loss_srg", "ratio_dnc", "ratio_srg", "below_dnc"),
    *(
        "best_loss",
        "objective",
        "best_id",
        "ratio_best",
        "loss_best_known",
        "ratio_best_known",
        "ranks",
        "rank_last_pre",
        "mean_rank",
        "ranks_agree",
    ),
    *("structures", "structure_last_pre", "structure_distances", "structure", "structure_distance", "max_dnc1"),
    *("dnc1_holds", "outcome", "classes_kept", "srg_r", "finish", "settled", "residual", "verdict"),
    *("class_counts", "imbalance"),
]


def compare(store: Store, rank_rtol: float = 1e-2) -> list[dict[str, object]]:
    """Comparison of all runs."""
    with store.read() as connection:
        return comparison_records(connection, select_runs(connection), rank_rtol)


def test_hidden_layers_are_those_between_the_first_and_the_last() -> None:
    assert hidden_layers(2) == (Stage(2, "pre"),)
    assert hidden_layers(3) == (Stage(2, "post"),)
    assert hidden_layers(5) == (Stage(2, "post"), Stage(3, "post"), Stage(4, "post"))


def test_a_run_is_compared_with_dnc_and_srg(store: Store) -> None:
    save_run(store, example_run(loss=0.15, loss_dnc=0.2, loss_srg=0.12))
    (record,) = compare(store)
    assert set(record) == set(COLUMNS)
    assert record["ratio_dnc"] == 0.15 / 0.2
    assert record["ratio_srg"] == 0.15 / 0.12
    assert record["below_dnc"] is True


@pytest.mark.parametrize(("loss", "below"), [(0.2, False), (0.2000001, False), (0.1999999, True), (math.nan, False)])
def test_below_dnc_means_strictly_below(store: Store, loss: float, below: bool) -> None:
    save_run(store, example_run(loss=loss, loss_dnc=0.2))
    assert compare(store)[0]["below_dnc"] is below


def test_where_no_srg_exists_there_is_no_ratio(store: Store) -> None:
    save_run(store, example_run(loss_srg=None))
    (record,) = compare(store)
    assert record["loss_srg"] is None
    assert record["ratio_srg"] is None


def test_ranks_are_of_the_class_means_after_the_activation_and_the_last_before_it(store: Store) -> None:
    layers = [layer.with_values(rank=10 * layer.layer + (layer.stage == "post")) for layer in example_layers(0)]
    save_run(store, example_run(layers=layers))
    (record,) = compare(store)
    assert record["ranks"] == [11, 21, 31]
    assert record["rank_last_pre"] == 30
    assert record["mean_rank"] == 21
    assert record["ranks_agree"] is True


def test_hidden_ranks_that_differ_do_not_agree(store: Store) -> None:
    three, four = example_layers(0, rank=3), example_layers(1, rank=4)
    layers = [*four[:3], *(replace(layer, layer=3) for layer in three[1:3]), *(replace(m, layer=4) for m in four[3:])]
    save_run(store, example_run(layers=layers, config={"L": 4, "wd_layers": (0.004,) * 4}))
    (record,) = compare(store)
    assert record["ranks"] == [4, 4, 3, 4]
    assert record["mean_rank"] == fmean([4, 3])
    assert record["ranks_agree"] is False


def test_ranks_follow_the_tolerance(store: Store) -> None:
    save_run(store, example_run())
    assert compare(store, rank_rtol=1e-9)[0]["mean_rank"] == 4
    assert compare(store, rank_rtol=0.999)[0]["mean_rank"] == 1


@pytest.mark.parametrize("values", [(0.1, 0.9, 0.3, 0.2, 0.0), (0.1, math.inf, 0.3, 0.2, 0.0)])
def test_the_largest_dnc1_is_over_layers_and_stages(store: Store, values: tuple[float, ...]) -> None:
    layers = [layer.with_values(dnc1=value) for layer, value in zip(example_layers(0), values, strict=True)]
    save_run(store, example_run(layers=layers))
    assert compare(store)[0]["max_dnc1"] == max(values)


def test_the_largest_dnc1_does_not_depend_on_where_a_nan_stands(store: Store) -> None:
    for place in range(5):
        layers = [layer.with_values(dnc1=math.nan if i == place else 0.1) for i, layer in enumerate(example_layers(0))]
        save_run(store, example_run(place, layers=layers))
    assert len({str(record["max_dnc1"]) for record in compare(store)}) == 1


def test_unequal_decays_that_differ_by_rounding_are_one_problem(store: Store) -> None:
    for seed, last in enumerate((0.30000000000000004, 0.3)):
        save_run(store, example_run(seed, config={"wd_layers": (0.1, 0.2, last)}, loss=0.5 - 0.1 * seed))
    assert [row["best_loss"] for row in compare(store)] == [0.4, 0.4]


def test_features_of_other_networks_have_no_problem_and_no_best_point(store: Store) -> None:
    like = example_run(kind="features", loss=math.nan, loss_dnc=None, loss_srg=None)
    key = save_run(store, FinishedRun(like.row, {"source": "a.npz", "data": "0"}, like.layers, []))
    with store.read() as connection:
        (record,) = comparison_records(connection, select_runs(connection, [key]), 1e-2)
    assert (record["best_loss"], record["best_id"], record["ratio_dnc"]) == (None, None, None)
    assert record["ranks"]


def test_a_diverged_run_has_no_ranks(store: Store) -> None:
    save_run(store, example_run(status="diverged", loss=math.inf, layers=[], history=[]))
    (record,) = compare(store)
    assert record["ranks"] == []
    for name in ("rank_last_pre", "mean_rank", "ranks_agree", "max_dnc1", "structure", "dnc1_holds"):
        assert record[name] is None
    assert record["ratio_dnc"] == math.inf
    assert record["below_dnc"] is False


def test_the_best_stored_point_is_of_the_same_problem(store: Store) -> None:
    better = example_run(1, loss=0.11)
    for run in (example_run(0, loss=0.12), better, example_run(2, loss=0.13, status="diverged")):
        save_run(store, run)
    save_run(store, example_run(3, loss=0.05, config={"wd_layers": (0.004, 0.004, 0.008)}))
    save_run(store, example_run(4, loss=0.06, config={"wd_h1": 0.001}))
    save_run(store, example_run(5, loss=0.07, activation="linear"))
    found = {record["loss"]: record for record in compare(store)}
    assert (found[0.12]["best_loss"], found[0.12]["best_id"]) == (0.11, better.id)
    assert found[0.12]["ratio_best"] == 0.12 / 0.11
    assert found[0.05]["best_loss"] == 0.05
    assert found[0.06]["best_loss"] == 0.06


def test_structures_are_told_by_layer(store: Store) -> None:
    frame = [replace(layer, class_means=np.eye(4, 5)) for layer in example_layers(0)[:3]]
    save_run(store, example_run(layers=[*frame, *example_layers(0)[3:]]))
    (record,) = compare(store)
    assert record["structures"] == ["dnc", "dnc", "none"]
    assert (record["structure"], record["structure_last_pre"]) == ("dnc", "none")
    assert record["structure_distance"] == record["structure_distances"][1] == pytest.approx(0.0, abs=1e-12)
    assert record["structure_distances"][2] > 0.2
    assert record["outcome"] == "dnc"


@pytest.mark.parametrize(("dnc1", "holds"), [(0.0, True), (1e-2, True), (2e-2, False), (math.inf, False)])
def test_dnc1_holds_where_it_is_small_everywhere(store: Store, dnc1: float, holds: bool) -> None:
    save_run(store, example_run(layers=[layer.with_values(dnc1=dnc1) for layer in example_layers(0)]))
    assert compare(store)[0]["dnc1_holds"] is holds


def test_a_network_trained_end_to_end_is_never_the_best_point_of_a_problem(store: Store) -> None:
    """Its features are no free parameters: its loss is that of another minimisation, however small it is."""
    best, like = example_run(1, loss=0.11), example_run(2, loss=0.01, kind="e2e")
    end_to_end = FinishedRun(like.row, {**like.config, "dataset": "mnist", "reg": "dufm"}, like.layers, like.history)
    for run in (example_run(0, loss=0.12), best, end_to_end):
        save_run(store, run)
    found = {record["kind"]: record for record in compare(store)}
    assert (found["dufm"]["best_loss"], found["dufm"]["best_id"]) == (0.11, best.id)
    assert found["e2e"]["best_loss"] is None

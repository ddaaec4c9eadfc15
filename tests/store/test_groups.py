"""Means over groups of runs."""

import math
import statistics
from typing import Any

import numpy as np
import pytest

from nccli.errors import InputError
from nccli.store import group_records, mixed_columns, parse_group_by

QUANTITIES = ("loss", "ratio_dnc", "ratio_srg", "mean_rank")


def record(**changes: Any) -> dict[str, Any]:
    """What `comparison_records` says of one run, as far as grouping goes."""
    settings = {"kind": "dufm", "status": "stopped", "K": 4, "L": 3, "n": 2, "width": 5, "wd": 0.004, "wd_h1": 0.004}
    settings |= {"lr": 0.5, "seed": 0, "steps": 100, "activation": "relu", "dtype": "float32", "device": "cpu"}
    measured = {"loss": 0.1, "ratio_dnc": 0.5, "ratio_srg": 1.0, "mean_rank": 3.0}
    return {**settings, **measured, "below_dnc": True, "ranks_agree": True, **changes}


def test_means_are_over_the_runs_of_a_group() -> None:
    losses = [0.1, 0.2, 0.4]
    (row,) = group_records([record(loss=loss) for loss in losses], ["wd"])
    assert row["wd"] == 0.004
    assert row["runs"] == 3
    assert row["loss_mean"] == pytest.approx(np.mean(losses))
    assert row["loss_sd"] == pytest.approx(np.std(losses, ddof=1))
    assert (row["loss_min"], row["loss_max"]) == (0.1, 0.4)


def test_a_row_has_its_keys_and_then_the_same_columns_for_every_quantity() -> None:
    (row,) = group_records([record()], ["K", "wd"])
    spread = [f"{quantity}_{suffix}" for quantity in QUANTITIES for suffix in ("mean", "sd", "min", "max")]
    assert list(row) == ["K", "wd", "runs", *spread, "share_below_dnc", "share_ranks_agree"]


def test_one_run_has_a_mean_and_no_standard_deviation() -> None:
    (row,) = group_records([record(loss=0.3)], ["K"])
    assert (row["loss_mean"], row["loss_sd"], row["loss_min"], row["loss_max"]) == (0.3, None, 0.3, 0.3)


def test_missing_values_enter_no_mean() -> None:
    rows = [record(mean_rank=None, ranks_agree=None, ratio_srg=None), record(mean_rank=2.0), record(ratio_srg=3.0)]
    (row,) = group_records(rows, ["K"])
    assert row["runs"] == 3
    assert row["mean_rank_mean"] == 2.5
    assert row["ratio_srg_mean"] == 2.0
    assert row["share_ranks_agree"] == 1.0
    (row,) = group_records([record(mean_rank=None, ranks_agree=None)], ["K"])
    assert row["mean_rank_mean"] is row["mean_rank_sd"] is row["mean_rank_max"] is row["share_ranks_agree"] is None


def test_shares_are_of_the_runs() -> None:
    rows = [record(below_dnc=i < 1, ranks_agree=i < 3) for i in range(4)]
    (row,) = group_records(rows, ["K"])
    assert (row["share_below_dnc"], row["share_ranks_agree"]) == (0.25, 0.75)


def test_groups_rise_and_missing_keys_come_last() -> None:
    rows = [record(wd=wd, seed=seed) for wd, seed in ((None, 1), (0.02, None), (0.1, 0), (None, None), (0.02, 3))]
    assert [row["wd"] for row in group_records(rows, ["wd"])] == [0.02, 0.1, None]
    both = [(row["wd"], row["seed"]) for row in group_records(rows, ["wd", "seed"])]
    assert both == [(0.02, 3), (0.02, None), (0.1, 0), (None, 1), (None, None)]


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_diverged_run_in_a_group_shows_and_does_not_break_the_others(bad: float) -> None:
    rows = [record(K=3, loss=bad, ratio_dnc=bad, below_dnc=False), record(K=3), record(K=3, loss=0.3), record(K=4)]
    first, second = group_records(rows, ["K"])
    assert not math.isfinite(first["loss_mean"])
    assert first["loss_sd"] is None or not math.isfinite(first["loss_sd"])
    assert (first["mean_rank_mean"], first["mean_rank_sd"]) == (3.0, 0.0)
    assert second["loss_mean"] == 0.1


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_group_does_not_depend_on_the_order_of_its_runs(bad: float) -> None:
    rows = [record(loss=loss, ratio_dnc=loss) for loss in (0.1, bad, 0.3)]
    assert str(group_records(rows, ["K"])) == str(group_records(rows[::-1], ["K"]))


def test_equal_values_have_a_standard_deviation_of_exactly_zero() -> None:
    (row,) = group_records([record(loss=0.1)] * 7, ["K"])
    assert row["loss_sd"] == statistics.stdev([0.1] * 7) == 0.0


def test_no_runs_make_no_groups() -> None:
    assert group_records([], ["K"]) == []
    assert mixed_columns([], ["K"]) == []


def test_group_columns_are_read_without_repetition() -> None:
    assert parse_group_by("wd") == ("wd",)
    assert parse_group_by(" K, wd ,K") == ("K", "wd")


@pytest.mark.parametrize("text", ["", "loss", "wd,", "colour", "k"])
def test_a_column_that_makes_no_groups_is_refused_with_the_choice(text: str) -> None:
    with pytest.raises(InputError, match=r"^--group-by: no column '.*'; columns are kind, status, K"):
        parse_group_by(text)


@pytest.mark.parametrize("column", ["kind", "K", "L", "n", "width", "lr", "activation"])
def test_settings_that_differ_inside_a_group_are_named(column: str) -> None:
    rows = [record(), record(**{column: "other" if column in ("kind", "activation") else 99})]
    assert mixed_columns(rows, ["seed"]) == [column]
    assert mixed_columns(rows, [column]) == []


def test_settings_that_differ_only_between_groups_are_not_mixed() -> None:
    rows = [record(K=3, width=5), record(K=4, width=6), record(K=3, width=5)]
    assert mixed_columns(rows, ["K"]) == []


def test_weight_decay_of_layers_and_features_that_go_together_need_one_key() -> None:
    rows = [record(wd=0.1, wd_h1=0.1), record(wd=0.2, wd_h1=0.2)]
    assert mixed_columns(rows, ["wd"]) == mixed_columns(rows, ["wd_h1"]) == []
    assert mixed_columns(rows, ["K"]) == ["wd", "wd_h1"]


def test_weight_decay_of_features_that_differs_inside_a_group_is_named() -> None:
    assert mixed_columns([record(wd=0.1, wd_h1=0.1), record(wd=0.1, wd_h1=0.2)], ["wd"]) == ["wd_h1"]
    assert mixed_columns([record(wd=0.1, wd_h1=0.1), record(wd=0.2, wd_h1=0.1)], ["wd_h1"]) == ["wd"]


def test_seeds_and_statuses_may_differ_inside_a_group() -> None:
    assert mixed_columns([record(), record(seed=1, status="converged", steps=7)], ["K"]) == []

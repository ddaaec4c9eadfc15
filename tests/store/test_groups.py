"""Means over groups of runs, worked out by the database."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nccli.errors import InputError
from nccli.metrics import measure_layers
from nccli.store import (
    FinishedRun,
    Selection,
    Store,
    group_records,
    mixed_columns,
    parse_group_by,
    parse_where,
    save_run,
)
from nccli.store.query.groups import _SETTINGS
from tests.store.example_runs import STAGES, example_layers, example_run

QUANTITIES = ("loss", "ratio_dnc", "ratio_srg", "mean_rank")


def groups(
    store: Store, *keys: str, where: str | None = None, rank_rtol: float = 1e-2, whole: bool = False
) -> list[dict[str, Any]]:
    """Groups of all runs."""
    selection = Selection(where=parse_where(where) if where else ())
    with store.read() as connection:
        return group_records(connection, selection, keys, rank_rtol, whole)


def mixed(store: Store, *keys: str) -> list[str]:
    """Settings that differ inside groups of all runs."""
    with store.read() as connection:
        return mixed_columns(connection, Selection(), keys)


def save(store: Store, losses: Sequence[float], **columns: Any) -> None:
    """A run for each loss."""
    for seed, loss in enumerate(losses):
        save_run(store, example_run(seed, loss=loss, **columns))


def test_means_are_over_the_runs_of_a_group(store: Store) -> None:
    losses = [0.1, 0.2, 0.4]
    save(store, losses)
    (row,) = groups(store, "wd")
    assert (row["wd"], row["runs"], row["loss_count"]) == (0.004, 3, 3)
    for name, values in (("loss", np.array(losses)), ("ratio_dnc", np.array(losses) / 0.2)):
        assert row[f"{name}_mean"] == pytest.approx(values.mean(), rel=1e-14)
        assert row[f"{name}_sd"] == pytest.approx(values.std(ddof=1), rel=1e-12)
        assert (row[f"{name}_min"], row[f"{name}_max"]) == (values.min(), values.max())
    assert row["share_below_dnc"] == pytest.approx(1 / 3)


def test_a_row_has_its_keys_and_then_the_same_columns_for_every_quantity(store: Store) -> None:
    save(store, [0.1])
    (row,) = groups(store, "K", "wd")
    spread = [f"{quantity}_{suffix}" for quantity in QUANTITIES for suffix in ("mean", "sd", "min", "max", "count")]
    shares = [f"share_{name}" for name in ("below_dnc", "ranks_agree", "dnc", "dnc1_holds")]
    assert list(row) == ["K", "wd", "runs", "left_out", "unsettled", *spread, *shares]


def test_a_small_spread_around_a_large_mean_is_not_lost(store: Store) -> None:
    losses = [0.3 + 1e-9 * i for i in range(5)]
    save(store, losses)
    assert groups(store, "K")[0]["loss_sd"] == pytest.approx(np.std(losses, ddof=1), rel=1e-6)


def test_one_run_has_a_mean_and_no_standard_deviation(store: Store) -> None:
    save(store, [0.3])
    (row,) = groups(store, "K")
    assert (row["loss_mean"], row["loss_sd"], row["loss_min"], row["loss_max"]) == (0.3, None, 0.3, 0.3)


def test_equal_values_have_a_standard_deviation_of_exactly_zero(store: Store) -> None:
    save(store, [0.1] * 7)
    (row,) = groups(store, "K")
    assert (row["loss_mean"], row["loss_sd"]) == (0.1, 0.0)


def test_missing_values_enter_no_mean(store: Store) -> None:
    save_run(store, example_run(0, loss=0.1, loss_srg=None))
    save_run(store, example_run(1, loss=0.3, loss_srg=0.1))
    save_run(store, example_run(2, loss=0.3, loss_srg=0.1, layers=[]))
    (row,) = groups(store, "K")
    assert (row["runs"], row["ratio_srg_count"], row["mean_rank_count"]) == (3, 2, 2)
    assert row["ratio_srg_mean"] == pytest.approx(3.0)
    assert row["share_ranks_agree"] == 1.0


@pytest.mark.parametrize("bad", [math.nan, math.inf])
def test_a_diverged_run_in_a_group_shows_and_does_not_break_the_others(store: Store, bad: float) -> None:
    save(store, [bad, 0.1, 0.3])
    save_run(store, example_run(9, loss=0.1, config={"K": 5}, layers=[]))
    first, second = groups(store, "K")
    for name in ("loss", "ratio_dnc", "ratio_srg"):
        assert not math.isfinite(first[f"{name}_mean"])
        assert math.isnan(first[f"{name}_sd"])
    assert math.isfinite(first["mean_rank_mean"])
    assert second["loss_mean"] == 0.1


def test_groups_rise_and_missing_keys_come_last(store: Store) -> None:
    for seed, wd in enumerate([(0.02,) * 3, (0.1,) * 3, (0.1, 0.2, 0.1), (0.02,) * 3]):
        save_run(store, example_run(seed, config={"wd_layers": wd}))
    assert [(row["wd"], row["runs"]) for row in groups(store, "wd")] == [(0.02, 2), (0.1, 1), (None, 1)]


def test_options_of_the_configuration_make_groups_too(store: Store) -> None:
    for seed, scale in enumerate((1.0, 2.0, 2.0)):
        save_run(store, example_run(seed, config={"init_scale": scale}))
    assert [row["runs"] for row in groups(store, "config.init_scale")] == [1, 2]


def test_only_the_selected_runs_are_grouped(store: Store) -> None:
    save(store, [0.1, 0.2, 0.3])
    assert groups(store, "K", where="loss>0.15")[0]["runs"] == 2
    assert groups(store, "K", where="loss>9") == []


def test_ranks_at_another_tolerance_are_counted_from_the_spectra(store: Store) -> None:
    save_run(store, example_run(0, layers=example_layers(0, rank=3)))
    for rank_rtol, rank in ((0.01, 3), (0.0100001, 3), (0.999, 1)):
        assert groups(store, "K", rank_rtol=rank_rtol, whole=True)[0]["mean_rank_mean"] == rank


def test_shares_of_dnc_and_of_runs_where_dnc1_holds(store: Store) -> None:
    frame = [replace(layer, class_means=np.eye(4, 5)).with_values(dnc1=0.0) for layer in example_layers(0)]
    save_run(store, example_run(0, layers=frame))
    save_run(store, example_run(1, layers=[layer.with_values(dnc1=0.5) for layer in example_layers(1)]))
    (row,) = groups(store, "K")
    assert (row["share_dnc"], row["share_dnc1_holds"]) == (0.5, 0.5)


def test_group_columns_are_read_without_repetition() -> None:
    assert parse_group_by("wd") == ("wd",)
    assert parse_group_by(" K, wd ,K,config.schedule") == ("K", "wd", "config.schedule")


@pytest.mark.parametrize("text", ["", "loss", "wd,", "colour", "k", "config.", "config.a b"])
def test_a_column_that_makes_no_groups_is_refused_with_the_choice(text: str) -> None:
    with pytest.raises(InputError, match=r"^--group-by: no column '.*'; columns are kind, status, K"):
        parse_group_by(text)


def test_settings_that_differ_inside_a_group_are_named(store: Store) -> None:
    save_run(store, example_run(0))
    save_run(store, example_run(1, config={"wd_layers": (0.1, 0.2, 0.1), "lr": 0.1}, lr=0.1))
    assert mixed(store, "K") == ["wd", "lr"]
    assert mixed(store, "K", "lr") == []
    assert mixed(store, "wd", "lr") == []
    assert mixed(store, "seed") == []


def test_every_kind_of_option_is_named_where_groups_mix_it(store: Store) -> None:
    save_run(store, example_run(0))
    for seed, option in enumerate(({"schedule": "cosine"}, {"dtype": "float64"}, {"init_scale": 0.5}, {"steps": 77})):
        save_run(store, example_run(seed, config=option, **{k: v for k, v in option.items() if k == "dtype"}))
    found = mixed(store, "K")
    assert set(found) == {"dtype", "config.schedule", "config.init_scale", "config.steps"}
    assert parse_group_by(",".join(found[1:])) == tuple(found[1:])
    assert mixed(store, "K", *found) == []


def test_groups_of_unequal_decays_say_what_tells_them_apart(store: Store) -> None:
    for seed, decays in enumerate(((1e-3, 1e-3, 2e-3), (0.5, 1e-3, 2e-3))):
        save_run(store, example_run(seed, config={"wd_layers": decays}))
    for key in ("K", "wd", "config.wd"):
        assert mixed(store, key) == ["config.wd_layers"]
    assert mixed(store, "config.wd_layers") == []
    save_run(store, example_run(2))
    assert mixed(store, "K") == ["wd", "config.wd_layers"]
    assert mixed(store, "config.wd") == ["config.wd_layers"]


def test_groups_of_feature_files_say_that_they_mix_files_and_sizes(store: Store) -> None:
    for source, n in (("a.npz", 2), ("b.npz", 2), ("b.npz", 3)):
        about = {"source": source, "data": f"{source}{n}", "layers": "1"}
        like = example_run(kind="features", n=n, lr=None)
        save_run(store, FinishedRun(like.row, about, like.layers, []))
    assert mixed(store, "kind") == ["n"]
    assert mixed(store, "kind", "n") == ["config.data", "config.source"]


def test_every_name_of_the_note_is_taken_by_group_by() -> None:
    assert parse_group_by(",".join(_SETTINGS)) == _SETTINGS


def test_groups_by_an_option_have_its_type_and_its_default(store: Store) -> None:
    for seed, option in enumerate(({}, {"schedule": "cosine"}, {"steps": 5}, {"refine": True})):
        save_run(store, example_run(seed, config=option))
    assert [row["config.schedule"] for row in groups(store, "config.schedule")] == ["constant", "cosine"]
    steps = [row["config.steps"] for row in groups(store, "config.steps")]
    assert steps == sorted(steps)
    assert all(type(step) is int for step in steps)
    assert [row["config.refine"] for row in groups(store, "config.refine")] == [False, True]
    with pytest.raises(InputError, match="--group-by: no option 'shedule'"):
        parse_group_by("config.shedule")


@pytest.mark.parametrize("rank_rtol", [1e-2, 1e-3])
def test_what_is_zero_but_for_rounding_has_rank_zero_at_any_tolerance(store: Store, rank_rtol: float) -> None:
    """A fraction of the largest value alone would give a network that decayed to nothing the rank of its noise."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(4), 2)
    nothing = [(*stage, 1e-9 * rng.normal(size=(8, 5))) for stage in STAGES]
    save_run(store, example_run(layers=measure_layers(nothing, labels, [np.eye(5), np.eye(5), np.eye(4, 5)])))
    (row,) = groups(store, "K", rank_rtol=rank_rtol, whole=True)
    assert row["mean_rank_mean"] == 0

"""Every run has an outcome: stored, asked for, counted, and heeded by averages."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from nccli.metrics import LayerMetrics
from nccli.store import (
    Selection,
    Store,
    count_degenerate,
    group_records,
    outcome_records,
    parse_where,
    save_run,
    select_ids,
    select_runs,
)
from tests.store.example_runs import example_layers, example_run


def with_means(means: np.ndarray, kept: int = 4) -> list[LayerMetrics]:
    """Layers that all have these class means, one class a row."""
    rank = int(np.linalg.matrix_rank(means))
    return [
        replace(layer, class_means=means).with_values(rank=rank, classes_kept=kept if layer.layer == 3 else None)
        for layer in example_layers(0)
    ]


FRAME, ONES, NOTHING = np.eye(4, 5), np.ones((4, 5)), np.zeros((4, 5))
ENDS: dict[str, dict[str, Any]] = {
    "dnc": {"layers": with_means(FRAME)},
    "constant": {"layers": with_means(ONES, 0)},
    "zero": {"layers": with_means(NOTHING, 0)},
    "lost_classes": {"layers": with_means(FRAME, 3)},
    "diverged": {"layers": [], "status": "diverged", "loss": float("nan")},
    "full_rank": {},
}


@pytest.fixture
def ended(store: Store) -> Store:
    """A run of each outcome, and one that was cut off."""
    for seed, changes in enumerate(ENDS.values()):
        save_run(store, example_run(seed, **changes))
    save_run(store, example_run(99, status="interrupted"))
    return store


def test_it_is_a_column_of_every_run_that_ended(ended: Store) -> None:
    with ended.read() as connection:
        found = {run["seed"]: (run["outcome"], run["classes_kept"]) for run in select_runs(connection)}
    assert [found[seed][0] for seed in range(len(ENDS))] == list(ENDS)
    assert found[99][0] is None
    assert [found[seed][1] for seed in range(len(ENDS))] == [4, 0, 0, 3, None, 4]


@pytest.mark.parametrize(
    ("where", "runs"),
    [
        ("outcome=dnc", 1),
        ("outcome=DNC", 1),
        ("structure=DNC", 2),
        ("outcome in (Zero, constant)", 2),
        ("outcome~LOST", 1),
        ("classes_kept<4", 3),
        ("outcome is null", 1),
        ("not outcome=dnc", 6),
    ],
)
def test_queries_know_it_in_any_case(ended: Store, where: str, runs: int) -> None:
    with ended.read() as connection:
        assert len(select_ids(connection, None, parse_where(where))) == runs


def test_outcomes_are_counted_by_group_in_the_order_in_which_they_are_tried(ended: Store) -> None:
    save_run(ended, example_run(7, config={"n": 3}, layers=with_means(FRAME)))
    with ended.read() as connection:
        whole, by_n = (outcome_records(connection, Selection(), keys) for keys in ((), ("n",)))
    names = ["diverged", "zero", "constant", "lost_classes", "dnc", "full_rank", "unknown"]
    assert whole == [{"runs": 8, "unsettled": 0, "outcomes": {**dict.fromkeys(names, 1), "dnc": 2}}]
    assert list(whole[0]["outcomes"]) == names
    assert [(row["n"], row["runs"], row["outcomes"].get("dnc")) for row in by_n] == [(2, 7, 1), (3, 1, 1)]


def test_averages_leave_out_runs_that_did_not_learn_their_classes_and_say_how_many(ended: Store) -> None:
    selection = Selection(where=parse_where("not outcome=diverged"))
    with ended.read() as connection:
        (row,) = group_records(connection, selection, ("K",))
        (whole,) = group_records(connection, selection, ("K",), whole=True)
        counted = count_degenerate(connection, selection)
        losses = {run["outcome"]: run["loss"] for run in select_runs(connection)}
    assert counted == {"zero": 1, "constant": 1, "lost_classes": 1}
    assert (row["runs"], row["left_out"], row["loss_count"], row["mean_rank_count"]) == (6, 3, 3, 3)
    assert row["loss_mean"] == pytest.approx(np.mean([losses["dnc"], losses["full_rank"], losses[None]]), rel=1e-12)
    assert row["share_dnc"] == pytest.approx(1 / 6)
    assert (whole["left_out"], whole["loss_count"]) == (0, 6)


def test_groups_can_be_made_of_outcomes(ended: Store) -> None:
    with ended.read() as connection:
        found = group_records(connection, Selection(), ("outcome",))
    assert [row["outcome"] for row in found] == [*sorted(ENDS), None]

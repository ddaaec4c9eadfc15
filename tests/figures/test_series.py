"""Which runs make a curve, and how it is named."""

from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection

from nccli.figures.series import settings_of, split_series
from nccli.store import (
    Selection,
    SettingRuns,
    parse_where,
    select_settings,
)


def _with(run: SettingRuns, wd: float, h1: float, **options: Any) -> SettingRuns:
    """The runs as if they had these weight decays and options."""
    config = {**run.row["config"], "wd_layers": [wd] * 4, "wd_h1": h1, **options}
    return replace(run, row={**run.row, "wd": wd, "wd_h1": h1, "config": config})


def test_unequal_weight_decays_are_named_one_by_one_and_nothing_is_none(
    connection: Connection, trained: Selection
) -> None:
    (first, *_) = select_settings(connection, trained, ("loss",))
    equal = _with(first, 5e-3, 5e-3)
    unequal = {**equal.row["config"], "wd_layers": [5e-3, 5e-3, 1e-2]}
    other = replace(equal, row={**equal.row, "wd": None, "config": unequal})
    labels = sorted(series.label for series in split_series([equal, other]))
    assert labels == ["λ = 0.005", "λ_H1 = 0.005, λ_W = (0.005 0.005 0.01)"]


@pytest.mark.parametrize(
    ("decays", "expected"),
    [
        ([(1e-3, 1e-3), (2e-3, 2e-3)], {"": 2}),
        ([(1e-3, 1e-3), (2e-3, 2e-3), (1e-3, 4e-3), (2e-3, 4e-3)], {"λ_H1 = λ": 2, "λ_H1 = 0.004": 2}),
        ([(1e-3, 1e-3), (2e-3, 2e-3), (1e-3, 4e-3), (2e-3, 8e-3)], {"λ_H1/λ = 1": 2, "λ_H1/λ = 4": 2}),
        ([(1e-3, 2e-3), (2e-3, 2e-3), (4e-3, 2e-3)], {"": 3}),
        ([(1e-3, 2e-3), (2e-3, 2e-3), (1e-3, 3e-3), (2e-3, 3e-3)], {"λ_H1 = 0.002": 2, "λ_H1 = 0.003": 2}),
        ([(wd, h1) for wd in (1e-3, 2e-3, 3e-3) for h1 in (2e-3, 3e-3)], {"λ_H1 = 0.002": 3, "λ_H1 = 0.003": 3}),
    ],
)
def test_runs_of_other_decays_of_the_features_are_other_curves_over_the_weight_decay(
    connection: Connection, trained: Selection, decays: list[tuple[float, float]], expected: dict[str, int]
) -> None:
    (first, *_) = select_settings(connection, trained, ("loss",))
    series = split_series([_with(first, wd, h1) for wd, h1 in decays], ("wd",))
    assert {each.label: len(each.members) for each in series} == expected


def test_labels_leave_out_what_is_as_usual_and_are_never_empty(connection: Connection, trained: Selection) -> None:
    (first, *_) = select_settings(connection, trained, ("loss",))
    cosine = _with(first, 5e-3, 5e-3, schedule="cosine")
    plain = _with(first, 5e-3, 5e-3)
    assert [each.label for each in split_series([plain, cosine])] == ["schedule = constant", "schedule = cosine"]
    larger = _with(first, 1e-2, 1e-2)
    labels = {each.label for each in split_series([plain, cosine, larger])}
    assert labels == {"λ = 0.005", "λ = 0.005, schedule = cosine", "λ = 0.01"}


def test_labels_tell_equal_names_apart_by_what_else_differs(connection: Connection, trained: Selection) -> None:
    (first, *_) = select_settings(connection, trained, ("loss",))
    near = [_with(first, wd, wd) for wd in (0.00123456, 0.001234561, 0.01)]
    assert [each.label for each in split_series(near)] == ["λ = 0.00123456", "λ = 0.001234561", "λ = 0.01"]
    sets = [_with(first, 5e-3, 5e-3, lr=lr, data=data) for lr, data in ((0.1, "x"), (0.1, "y"), (0.2, "x"))]
    assert [each.label for each in split_series(sets)] == ["lr = 0.1, data = x", "lr = 0.1, data = y", "lr = 0.2"]


def test_only_srg_is_exact(connection: Connection) -> None:
    (srg,) = select_settings(connection, Selection(where=parse_where("kind=srg")))
    assert settings_of(srg.row)["variant"] == "exact"
    assert settings_of({**srg.row, "kind": "graph"})["variant"] != "exact"

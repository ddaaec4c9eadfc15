"""Runs stored before classes could be of unequal sizes have an imbalance of 1, but for sets that came unbalanced."""

from pathlib import Path

import pytest

from nccli.store import Store, check_store, run_records, save_run, select_runs
from nccli.store.runs.finished_run import imbalance_of
from tests.store.before_blocks import without_blocks
from tests.store.example_runs import example_run


def test_a_run_from_before_is_of_classes_of_one_size(store: Store, path: Path) -> None:
    key = save_run(store, example_run(0))
    without_blocks(path)
    upgraded = Store.open(str(path))
    with upgraded.read() as connection:
        (record,) = run_records(connection, select_runs(connection, [key]))
    assert (record["class_counts"], record["imbalance"]) == (None, 1.0)
    assert all(finding.ok for finding in check_store(upgraded))


@pytest.mark.parametrize(
    ("kind", "config", "known"),
    [
        ("dufm", {}, 1.0),
        ("dnc", {"class_counts": "100,100,10"}, 10.0),
        ("e2e", {}, 1.0),
        ("e2e", {"balanced": False}, None),
        ("e2e", {"balanced": False, "class_counts": "9,3"}, 3.0),
        ("features", {}, None),
    ],
)
def test_imbalance_follows_from_the_configuration(kind: str, config: dict[str, object], known: float | None) -> None:
    assert imbalance_of(kind, config) == known

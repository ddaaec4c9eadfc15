"""What commands find out about stored runs: written beside the result, and no other result."""

from pathlib import Path

import pytest

from nccli.errors import InputError
from nccli.store import Store, add_to_run, check_store, merge_stores, save_run, select_runs
from tests.store.example_runs import example_run


def verdict(store: Store) -> str | None:
    """Of the one run."""
    with store.read() as connection:
        (row,) = select_runs(connection)
    return row["verdict"]  # type: ignore[no-any-return]


def test_a_verdict_is_added_and_the_run_stays_sound(store: Store) -> None:
    key = save_run(store, example_run())
    add_to_run(store, key, {"verdict": "saddle", "hessian_min": -0.25})
    assert verdict(store) == "saddle"
    assert all(finding.ok for finding in check_store(store))


def test_only_what_is_found_later_can_be_added(store: Store) -> None:
    key = save_run(store, example_run())
    with pytest.raises(ValueError, match="not found out later: loss"):
        add_to_run(store, key, {"loss": 0.0})
    with pytest.raises(InputError, match="damaged or gone"):
        add_to_run(store, "0" * 12, {"verdict": "saddle"})


@pytest.mark.parametrize("judged_first", [True, False])
def test_a_merge_keeps_the_copy_that_has_a_verdict(tmp_path: Path, judged_first: bool) -> None:
    stores = [Store.create(str(tmp_path / name)) for name in ("a.db", "b.db")]
    for store in stores:
        key = save_run(store, example_run())
    add_to_run(stores[not judged_first], key, {"verdict": "minimum"})
    into = Store.create(str(tmp_path / "into.db"))
    report = merge_stores([str(tmp_path / "a.db"), str(tmp_path / "b.db")], into)
    assert report.conflicts == []
    assert verdict(into) == "minimum"

"""What of a grid is left to train."""

import pytest

from nccli.dufm.config import DufmConfig
from nccli.store import FINISHED, FinishedRun, Store, run_id, save_run
from nccli.sweep import plan_runs
from tests.store.example_runs import example_run
from tests.sweep.sweeps import tiny_grid


def pretend(store: Store, config: DufmConfig, status: str) -> str:
    """Store a run of a configuration without training it."""
    row = example_run().row | {"status": status}
    return save_run(store, FinishedRun(row, config.as_dict(), [], []))


def ids(configs: list[DufmConfig]) -> tuple[str, ...]:
    """Their run ids."""
    return tuple(run_id("dufm", config.as_dict()) for config in configs)


def test_without_a_store_everything_is_left() -> None:
    configs = tiny_grid(range(3))
    plan = plan_runs(configs, None, force=False)
    assert tuple(plan.configs) == ids(configs)
    assert plan.stored == {}
    assert list(plan.left.values()) == configs


@pytest.mark.parametrize("status", FINISHED)
def test_a_stored_run_is_returned_not_made_again(store: Store, status: str) -> None:
    configs = tiny_grid(range(3))
    key = pretend(store, configs[1], status)
    plan = plan_runs(configs, store, force=False)
    assert tuple(plan.configs) == ids(configs)
    assert plan.stored == {key: status}
    assert list(plan.left.values()) == [configs[0], configs[2]]


@pytest.mark.parametrize("status", ["interrupted", "failed", "running"])
def test_a_run_that_did_not_end_is_made_again(store: Store, status: str) -> None:
    configs = tiny_grid(range(2))
    pretend(store, configs[0], status)
    plan = plan_runs(configs, store, force=False)
    assert plan.stored == {}
    assert list(plan.left.values()) == configs


def test_force_makes_every_run_again(store: Store) -> None:
    configs = tiny_grid(range(2))
    pretend(store, configs[0], "converged")
    plan = plan_runs(configs, store, force=True)
    assert plan.stored == {}
    assert list(plan.left.values()) == configs


def test_a_grid_that_is_stored_leaves_nothing(store: Store) -> None:
    configs = tiny_grid(range(2))
    for config in configs:
        pretend(store, config, "stopped")
    assert plan_runs(configs, store, force=False).left == {}


def test_a_configuration_given_twice_is_trained_once() -> None:
    plan = plan_runs([*tiny_grid([0, 1]), *tiny_grid([1, 0])], None, force=False)
    assert tuple(plan.configs) == ids(tiny_grid([0, 1]))
    assert list(plan.left.values()) == tiny_grid([0, 1])

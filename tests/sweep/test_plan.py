"""What of a grid is left to train."""

import pytest

from nccli.dufm.config import DufmConfig
from nccli.store import FINISHED, FinishedRun, Store, run_id, save_run
from nccli.sweep import plan_dufm
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
    plan = plan_dufm(configs, None, force=False)
    assert plan.ids == ids(configs)
    assert plan.stored == {}
    assert plan.batches == (tuple(configs),)


@pytest.mark.parametrize("status", FINISHED)
def test_a_stored_run_is_returned_not_made_again(store: Store, status: str) -> None:
    configs = tiny_grid(range(3))
    key = pretend(store, configs[1], status)
    plan = plan_dufm(configs, store, force=False)
    assert plan.ids == ids(configs)
    assert plan.stored == {key: status}
    assert plan.batches == ((configs[0], configs[2]),)


@pytest.mark.parametrize("status", ["interrupted", "failed", "running"])
def test_a_run_that_did_not_end_is_made_again(store: Store, status: str) -> None:
    configs = tiny_grid(range(2))
    pretend(store, configs[0], status)
    plan = plan_dufm(configs, store, force=False)
    assert plan.stored == {}
    assert plan.batches == (tuple(configs),)


def test_force_makes_every_run_again(store: Store) -> None:
    configs = tiny_grid(range(2))
    pretend(store, configs[0], "converged")
    plan = plan_dufm(configs, store, force=True)
    assert plan.stored == {}
    assert plan.batches == (tuple(configs),)


def test_a_grid_that_is_stored_leaves_nothing(store: Store) -> None:
    configs = tiny_grid(range(2))
    for config in configs:
        pretend(store, config, "stopped")
    assert plan_dufm(configs, store, force=False).batches == ()


def test_runs_of_one_shape_share_a_batch_whatever_their_rates_and_seeds() -> None:
    configs = tiny_grid([0, 1], K=[3, 4], width=[5, 6], lr=[0.5, 0.1])
    plan = plan_dufm(configs, None, force=False)
    shapes = [{(config.K, config.width) for config in batch} for batch in plan.batches]
    assert shapes == [{(3, 5)}, {(3, 6)}, {(4, 5)}, {(4, 6)}]
    assert [len(batch) for batch in plan.batches] == [4, 4, 4, 4]
    assert sorted(config.seed for batch in plan.batches for config in batch) == [0] * 8 + [1] * 8
    assert plan.ids == ids(configs)


@pytest.mark.parametrize(
    "change",
    [
        {"steps": 51},
        {"dtype": "float64"},
        {"activation": "linear"},
        {"activation": "relu-eps", "epsilon": 0.1},
    ],
)
def test_runs_that_no_one_program_can_train_are_kept_apart(change: dict[str, object]) -> None:
    configs = [*tiny_grid([0]), *tiny_grid([0], **change)]
    assert [len(batch) for batch in plan_dufm(configs, None, force=False).batches] == [1, 1]


def test_a_configuration_given_twice_is_trained_once() -> None:
    plan = plan_dufm([*tiny_grid([0, 1]), *tiny_grid([1, 0])], None, force=False)
    assert plan.ids == ids(tiny_grid([0, 1]))
    assert plan.batches == (tuple(tiny_grid([0, 1])),)

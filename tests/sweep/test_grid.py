"""From value lists to configurations."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import pytest

from nccli.errors import InputError
from nccli.sweep import ProblemGrid, dufm_grid
from nccli.theory import Problem

FIXED: dict[str, Any] = {"steps": 50, "dtype": "float64", "tol": 0.0}
LISTS: dict[str, Any] = {"width": [5], "lr": [0.5], "seed": [0, 1]}


def grid(**changes: Any) -> ProblemGrid:
    """One problem, and whatever is asked for."""
    return ProblemGrid(**{"K": [3], "L": [3], "n": [2], "wd": [0.004], **changes})


def test_one_value_each_makes_one_problem() -> None:
    assert grid().problems() == [Problem(3, 3, 2, 0.004, (0.004,) * 3)]


def test_problems_come_in_the_order_of_the_lists_the_last_running_fastest() -> None:
    problems = grid(K=[6, 4], L=[3, 2], n=[1, 5], wd=[0.1, 0.01]).problems()
    found = [(p.K, p.L, p.n, p.lambda_h1) for p in problems]
    assert found == list(product([6, 4], [3, 2], [1, 5], [0.1, 0.01]))


def test_configurations_are_every_combination_the_seed_running_fastest() -> None:
    configs = dufm_grid(grid(K=[3, 4]), {"seed": [1, 0], "width": [5, 6], "lr": [0.5, 0.1]}, FIXED)
    found = [(c.K, c.width, c.lr, c.seed) for c in configs]
    assert found == list(product([3, 4], [5, 6], [0.5, 0.1], [1, 0]))
    assert len(set(configs)) == 16


def test_fixed_settings_reach_every_configuration() -> None:
    for config in dufm_grid(grid(K=[3, 4]), LISTS, FIXED):
        assert (config.steps, config.dtype, config.tol) == (50, "float64", 0.0)
        assert (config.n, config.wd_h1, config.wd_layers) == (2, 0.004, (0.004,) * 3)


def test_weight_decay_goes_to_the_features_and_every_layer() -> None:
    for problem in grid(L=[2, 4], wd=[0.1, 0.2]).problems():
        assert set(problem.lambda_w) == {problem.lambda_h1}
        assert len(problem.lambda_w) == problem.L


def test_weight_decay_of_features_and_layers_can_be_set_apart() -> None:
    assert grid(wd_h1=[0.5]).problems() == [Problem(3, 3, 2, 0.5, (0.004,) * 3)]
    assert grid(wd_layers=[[1.0, 2.0, 3.0]]).problems() == [Problem(3, 3, 2, 0.004, (1.0, 2.0, 3.0))]


@pytest.mark.parametrize("wd", [[0.1], [0.1, 0.2, 0.3]])
def test_problems_that_turn_out_equal_are_one(wd: Sequence[float]) -> None:
    problems = grid(wd=wd, wd_h1=[0.5], wd_layers=[[1.0, 2.0, 3.0]], K=[3, 4]).problems()
    assert [problem.K for problem in problems] == [3, 4]
    assert len(dufm_grid(grid(wd=wd, wd_h1=[0.5], wd_layers=[[1.0, 2.0, 3.0]]), LISTS, FIXED)) == 2


def test_weight_decays_that_do_not_fit_every_depth_are_refused() -> None:
    with pytest.raises(InputError, match="2 weight decays for L = 3 layers"):
        grid(L=[2, 3], wd_layers=[[0.1, 0.2]]).problems()


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"K": [3, 1]}, "K = 1: must be at least 2"),
        ({"L": [1]}, "L = 1: must be at least 2"),
        ({"n": [0]}, "n = 0: must be at least 1"),
        ({"wd": [0.1, 0.0]}, "wd = 0.0: must be positive"),
        ({"wd": [-1.0]}, "must be positive"),
        ({"wd": [1e308]}, r"wd = 1e\+308: must be from 1e-30 to 1e\+30"),
        ({"K": [10**30]}, "K = 10+: must be at most 2147483647"),
        ({"wd_h1": [0.1, -0.1]}, "wd-h1 = -0.1"),
        ({"wd_layers": [[0.1] * 3, [0.1, 0.0, 0.1]]}, "wd = 0.0"),
    ],
)
def test_one_value_out_of_range_refuses_the_grid(changes: dict[str, Any], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        grid(**changes).problems()


@pytest.mark.parametrize(
    ("width", "lr", "seed"), [([0], [0.5], [0]), ([5], [0.0], [0]), ([5], [-1.0], [0]), ([5], [0.5], [-1])]
)
def test_a_configuration_out_of_range_refuses_the_grid(width: list[int], lr: list[float], seed: list[int]) -> None:
    with pytest.raises(InputError, match="must be"):
        dufm_grid(grid(), {"width": width, "lr": lr, "seed": seed}, FIXED)


def test_a_grid_of_more_than_a_million_is_refused_before_it_is_made() -> None:
    with pytest.raises(InputError, match="the grid has 1001000 combinations: at most 1000000"):
        grid(K=range(2, 1002), n=range(1, 1002)).problems()
    with pytest.raises(InputError, match="the grid has 100000000000000 combinations"):
        dufm_grid(grid(), {"width": [5], "lr": [0.5] * 10**7, "seed": range(10**7)}, FIXED)


def test_every_option_of_a_configuration_makes_a_grid() -> None:
    lists = {
        **{"steps": [9, 5], "tol": [0.0, 1e-3], "init_scale": [1.0, 2.0], "init": ["he", "normal"]},
        **{"dtype": ["float32", "float64"], "schedule": ["cosine", "constant"], "collapse_tol": [0.0, 0.1]},
    }
    configs = dufm_grid(grid(wd_h1=[0.1, 0.2], wd_layers=[[0.1] * 3, [0.2] * 3]), {**lists, **LISTS}, {})
    assert len(configs) == len(set(configs)) == 2**10
    for name, values in lists.items():
        assert list(dict.fromkeys(getattr(config, name) for config in configs)) == values
    assert {(config.wd_h1, config.wd_layers[0]) for config in configs} == set(product([0.1, 0.2], [0.1, 0.2]))


def test_a_way_down_gets_what_suits_it_where_nothing_is_said() -> None:
    ways = {"optimizer": ["gd", "heavy-ball", "adam"], "lr": [None], "momentum": [None], "seed": [0], "width": [5]}
    found = [(config.lr, config.momentum) for config in dufm_grid(grid(), ways, FIXED)]
    assert found == [(0.5, 0.0), (0.05, 0.9), (1e-3, 0.9)]


def test_values_are_for_those_that_take_them() -> None:
    ways = {"optimizer": ["gd", "nesterov"], "lr": [0.1], "momentum": [0.5, 0.8], "seed": [0], "width": [5]}
    found = [(config.optimizer, config.momentum) for config in dufm_grid(grid(), ways, FIXED)]
    assert found == [("gd", 0.0), ("nesterov", 0.5), ("nesterov", 0.8)]
    bent = {"activation": ["relu", "relu-eps"], "epsilon": [0.1, 0.2], **LISTS, "seed": [0]}
    assert [config.epsilon for config in dufm_grid(grid(), bent, FIXED)] == [None, 0.1, 0.2]
    assert [config.epsilon for config in dufm_grid(grid(), {**bent, "epsilon": [None]}, FIXED)] == [None, 0.05]


@pytest.mark.parametrize(
    ("lists", "complaint"),
    [
        (
            {"optimizer": ["gd"], "momentum": [0.5]},
            r"momentum belongs to .*, adamw; gd has none",
        ),
        ({"activation": ["relu", "linear"], "epsilon": [0.1]}, "epsilon belongs to activation relu-eps"),
        ({"init": ["xavier"]}, "init 'xavier': must be one of normal, uniform, orthogonal, he"),
    ],
)
def test_values_that_no_run_takes_are_refused(lists: dict[str, list[Any]], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        dufm_grid(grid(), {**lists, **LISTS}, FIXED)

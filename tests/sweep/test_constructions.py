"""Constructions as rows of the store."""

import math

import numpy as np
import pytest

from nccli.errors import InputError
from nccli.store import Stage, Store, save_run, select_matrix, select_runs, select_spectra
from nccli.sweep import construction_config, construction_run
from nccli.theory import Problem, Solution, explicit_loss, solve_dnc, solve_srg

PROBLEMS = [
    Problem.uniform(6, 3, 1e-3, n=2),
    Problem.uniform(6, 2, 1e-3),
    Problem(6, 4, 3, 1e-3, (1e-3, 2e-3, 3e-3, 1e-3)),
]


def solutions() -> list[Solution]:
    """DNC and SRG of each problem."""
    found = [solve(problem) for problem in PROBLEMS for solve in (solve_dnc, solve_srg)]
    return [solution for solution in found if solution is not None]


@pytest.mark.parametrize("solution", solutions(), ids=lambda s: f"{s.construction.kind}-{s.problem.L}")
def test_a_constructed_run_says_what_the_solution_says(store: Store, solution: Solution) -> None:
    problem = solution.problem
    width = solution.construction.min_width + 1
    key = save_run(store, construction_run(solution, width))
    with store.read() as connection:
        (row,) = select_runs(connection, [key])
        spectra = select_spectra(connection, [key])[key]
    assert (row["loss"], row["fit"], row["reg"]) == (solution.loss, solution.fit, solution.reg)
    assert (row["K"], row["L"], row["n"], row["width"]) == (problem.K, problem.L, problem.n, width)
    assert (row["kind"], row["status"], row["steps"]) == (solution.construction.kind, "converged", 0)
    assert (row["lr"], row["seed"], row["torch_version"]) == (None, None, None)
    assert math.isnan(row["grad_norm"])
    assert row["loss_dnc"] == solve_dnc(problem).loss
    for stage, values in spectra.items():
        exact = solution.singular_values(stage.layer, stage.stage)
        assert values == pytest.approx(exact[: len(values)], rel=1e-6, abs=1e-7)
    assert Stage(1, "post") in spectra
    assert len(spectra) == 2 * problem.L - 1


def test_the_loss_of_a_construction_is_that_of_its_kind() -> None:
    for solution in solutions():
        row = construction_run(solution, solution.construction.min_width).row
        assert row["loss"] == row[f"loss_{solution.construction.kind}"]


def test_a_constructed_run_is_collapsed() -> None:
    for solution in solutions():
        for layer in construction_run(solution, 40).layers:
            assert layer.dnc1 == 0.0


def test_stored_class_means_are_those_of_the_explicit_point(store: Store) -> None:
    solution = solutions()[0]
    weights, features = solution.matrices(9)
    key = save_run(store, construction_run(solution, 9))
    with store.read() as connection:
        first = select_matrix(connection, key, 1, "post", "class_means")
        pre = select_matrix(connection, key, 2, "pre", "class_means")
    assert first == pytest.approx(features[:, :: solution.problem.n])
    assert pre == pytest.approx(weights[0] @ first)
    assert sum(explicit_loss(solution.problem, weights, features)) == pytest.approx(solution.loss)


def test_a_width_that_is_too_small_is_refused() -> None:
    solution = solutions()[0]
    least = solution.construction.min_width
    with pytest.raises(InputError, match=f"width {least - 1} is too small .* at least {least}"):
        construction_run(solution, least - 1)


def test_what_determines_a_construction_determines_its_id() -> None:
    solution = solutions()[0]
    base = construction_run(solution, 9)
    assert construction_run(solution, 9).id == base.id
    assert construction_run(solution, 10).id != base.id
    for other in ((6, 3, 2e-3, 2), (6, 3, 1e-3, 3), (5, 3, 1e-3, 2), (6, 4, 1e-3, 2)):
        assert construction_run(solve_dnc(Problem.uniform(*other)), 9).id != base.id


def test_no_two_constructions_share_an_id() -> None:
    names = [construction_run(solution, 40).id for solution in solutions()]
    assert len(set(names)) == len(names) == 6


def test_a_construction_config_is_json_ready() -> None:
    config = construction_config(solutions()[5], 40)
    assert config["wd_layers"] == [1e-3, 2e-3, 3e-3, 1e-3]
    assert config["wd_h1"] == 1e-3
    assert all(isinstance(value, (int, float, str, list)) for value in config.values())
    assert not any(isinstance(value, np.generic) for value in config.values())

"""Refining finds stationary points, certified on the full network, and comes back to those that are known."""

import numpy as np
import pytest

from nccli.dufm.refined import RefinedProblem, refine
from nccli.errors import InputError
from nccli.theory import Problem
from nccli.theory.best import solve_dnc, srg_solutions
from nccli.theory.bipartition import bipartition
from nccli.theory.solution import Solution, solve

WD = 4e-3


def uniform(K: int, n: int = 1, L: int = 4) -> Problem:
    return Problem.uniform(K, L, WD, n)


def srg(K: int) -> Solution:
    return srg_solutions(uniform(K))["blocks"] if "blocks" in srg_solutions(uniform(K)) else _only(K)


def _only(K: int) -> Solution:
    (found,) = srg_solutions(uniform(K)).values()
    return found


def point(solution: Solution, width: int) -> tuple[np.ndarray, list[np.ndarray]]:
    weights, H = solution.matrices(width)
    return H[:, :: solution.problem.n].copy(), weights


def refinable(problem: Problem, width: int, activation: str = "relu") -> RefinedProblem:
    return RefinedProblem(problem.K, problem.n, width, (problem.lambda_h1, *problem.lambda_w), activation)


def perturbed(arrays: list[np.ndarray], seed: int, noise: float = 0.01) -> list[np.ndarray]:
    rng, found = np.random.default_rng(seed), []
    for exact in arrays:
        drawn = rng.standard_normal(exact.shape)
        found.append(exact + noise * np.linalg.norm(exact) / np.linalg.norm(drawn) * drawn)
    return found


def known(name: str) -> tuple[Solution, int]:
    return {
        "dnc": lambda: (solve_dnc(uniform(6)), 8),
        "srg": lambda: (srg(10), 14),
        "bipartition": lambda: (solve(uniform(15), bipartition(15, 3)), 22),
    }[name]()


@pytest.mark.parametrize("name", ["dnc", "srg", "bipartition"])
def test_a_stationary_construction_is_certified_where_it_is(name: str) -> None:
    solution, width = known(name)
    means, weights = point(solution, width)
    found = refine(refinable(solution.problem, width), means, weights)
    assert found is not None
    assert found.certified
    assert found.reason == ""
    assert found.loss == pytest.approx(solution.loss, abs=1e-13)


@pytest.mark.parametrize("name", ["dnc", "srg"])
@pytest.mark.parametrize("seed", [0, 1])
def test_a_perturbed_construction_comes_back_to_its_loss(name: str, seed: int) -> None:
    solution, width = known(name)
    means, *weights = perturbed([*([point(solution, width)[0]]), *point(solution, width)[1]], seed)
    found = refine(refinable(solution.problem, width), means, weights)
    assert found is not None
    assert found.certified
    assert found.loss == pytest.approx(solution.loss, abs=1e-10)


def test_srg_t4_is_not_stationary_and_refining_leaves_it() -> None:
    solution = srg(6)
    means, weights = point(solution, 12)
    found = refine(refinable(solution.problem, 12), means, weights)
    assert found is not None
    assert found.loss < solution.loss - 1e-4


def test_a_linear_network_reaches_the_closed_form() -> None:
    problem = uniform(5, n=3)
    exact = solve_dnc(problem)
    means, weights = point(exact, 7)
    means, *weights = perturbed([means, *weights], seed=0)
    found = refine(refinable(problem, 7, "linear"), means, weights)
    assert found is not None
    assert found.certified
    assert found.kinks == 0
    assert found.loss == pytest.approx(exact.loss, abs=1e-12)


@pytest.mark.parametrize(("L", "activation"), [(2, "relu"), (3, "relu"), (4, "relu-last")])
def test_other_depths_and_activations_are_certified_below_the_start(L: int, activation: str) -> None:
    problem = Problem(4, L, 2, 3e-3, tuple(2e-3 + 1e-3 * l for l in range(L)))  # noqa: E741 - the paper's index
    solution = solve_dnc(problem)
    means, *weights = perturbed([*([point(solution, 6)[0]]), *point(solution, 6)[1]], seed=3, noise=0.003)
    found = refine(refinable(problem, 6, activation), means, weights)
    assert found is not None
    assert found.certified
    assert found.loss <= solution.loss + 1e-4


def test_zero_is_the_trivial_point_and_certified() -> None:
    problem = refinable(uniform(3, n=2), 4)
    found = refine(problem, np.zeros((4, 3)), [*(np.zeros((4, 4)) for _ in range(3)), np.zeros((3, 4))])
    assert found is not None
    assert found.certified
    assert found.loss == pytest.approx(0.5, abs=1e-15)


def test_a_class_that_has_died_stays_dead() -> None:
    solution = solve_dnc(uniform(5))
    means, weights = point(solution, 6)
    means[:, 0] = 0
    found = refine(refinable(solution.problem, 6), means, weights)
    assert found is not None
    assert found.certified
    assert not found.means[:, 0].any()
    assert found.loss == pytest.approx(solution.loss * 4 / 5 + 0.1, abs=1e-12)


def test_the_refined_point_is_not_above_the_start() -> None:
    solution = solve_dnc(uniform(4))
    means, weights = point(solution, 5)
    found = refine(refinable(solution.problem, 5), means, weights, most_loss=solution.loss / 2)
    assert found is not None
    assert "nothing stationary was found below the start" in found.reason or found.certified
    assert found.means is means or found.loss <= solution.loss / 2


def test_refining_stops_when_asked_to() -> None:
    solution = solve_dnc(uniform(4))
    means, *weights = perturbed([*([point(solution, 5)[0]]), *point(solution, 5)[1]], seed=1)
    assert refine(refinable(solution.problem, 5), means, weights, should_stop=lambda: True) is None


def test_what_cannot_be_refined_is_refused() -> None:
    with pytest.raises(InputError, match="relu-eps"):
        RefinedProblem(3, 1, 4, (WD,) * 5, "relu-eps")
    with pytest.raises(InputError, match="objective"):
        RefinedProblem(3, 1, 4, (WD,) * 5, objective="hinge")
    problem = refinable(uniform(3), 4)
    with pytest.raises(InputError, match="not finite"):
        refine(problem, np.full((4, 3), np.nan), [*(np.zeros((4, 4)) for _ in range(3)), np.zeros((3, 4))])
    huge = RefinedProblem(2000, 1, 4000, (WD,) * 4)
    with pytest.raises(InputError, match="refining K 2000"):
        refine(huge, np.zeros((4000, 2000)), [np.zeros((1, 1))] * 3)


def test_a_decomposition_that_fails_leaves_the_start_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise np.linalg.LinAlgError("Eigenvalues did not converge")

    monkeypatch.setattr("nccli.dufm.refined.refinement.reduced", fail)
    means, weights = point(solve_dnc(uniform(3)), 4)
    found = refine(refinable(uniform(3), 4), 1.01 * means, weights)
    assert found is not None
    assert not found.certified
    assert "Eigenvalues did not converge" in found.reason

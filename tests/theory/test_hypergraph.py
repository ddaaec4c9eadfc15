"""Hypergraph solutions: their weights are free, and contain what is known in closed form."""

from itertools import combinations

import numpy as np
import pytest

from nccli.errors import InputError
from nccli.theory import (
    Problem,
    Subsets,
    explicit_loss,
    hypergraph,
    parse_hypergraph,
    solve,
    solve_dnc,
    solve_kind,
    solve_srg,
    subsets_text,
)
from nccli.theory.hypergraph_weights import _Weights, dictionary
from nccli.theory.solution import Solution

SIX = "{0},{1},{2},{0,1},{0,2},{0,1,2}"
"""Classes of the best solution known for K = 6, L = 4 (theory sheet, section 5)."""

UNEQUAL = Problem(6, 5, 3, 2e-3, (1e-3, 3e-3, 2e-3, 4e-3, 1e-3))


def solved(problem: Problem, graph: str) -> Solution:
    return solve_kind(problem, "hypergraph", {"graph": graph})


def pairs(r: int) -> str:
    return subsets_text(list(combinations(range(r), 2)))


def test_free_weights_leave_srg_of_ten_classes_as_it_is_and_find_the_bipartition_rows_of_fifteen() -> None:
    for K, r, kind in ((10, 5, "srg"), (15, 6, "bipartition")):
        problem = Problem.uniform(K, 4, 4e-3)
        assert solved(problem, pairs(r)).loss == pytest.approx(solve_kind(problem, kind, {}).loss, rel=1e-11)


@pytest.mark.parametrize(("decay", "above"), [(4e-3, 0.0538347874), (5e-4, 0.0067669021)])
def test_six_subsets_of_three_vertices_are_better_than_srg_and_near_the_best_known(decay: float, above: float) -> None:
    problem = Problem.uniform(6, 4, decay)
    solution, srg = solved(problem, SIX), solve_srg(problem)
    assert srg is not None
    assert above < solution.loss < 1.01 * above < 0.95 * srg.loss
    assert solution.rank == 3


@pytest.mark.parametrize("problem", [Problem.uniform(6, 4, 4e-3), UNEQUAL, Problem.uniform(6, 3, 1e-3, n=2)])
@pytest.mark.parametrize("graph", [SIX, "{0,1},{1,2},{2,3},{0,3},{4},{4,5}", "{0},{1},{2},{3},{0,1},{2,3}"])
def test_the_loss_is_that_of_explicit_matrices(problem: Problem, graph: str) -> None:
    solution = solved(problem, graph)
    weights, features = solution.matrices(solution.construction.min_width)
    assert sum(explicit_loss(problem, weights, features)) == pytest.approx(solution.loss, rel=1e-11)
    assert solution.loss < min(problem.trivial_loss, solution.nontrivial_loss + 1e-15)


def test_parts_without_a_common_vertex_are_blocks_and_single_vertices_are_dnc() -> None:
    problem = Problem.uniform(4, 3, 2e-3)
    assert solved(problem, "{0},{1},{2},{3}").loss == pytest.approx(solve_dnc(problem).loss, rel=1e-11)
    mixed = hypergraph(problem, parse_hypergraph("{0,1},{5},{1},{0}"))
    assert [block.classes for block in mixed.blocks] == [3, 1]
    assert "classes are in the order {0,1},{1},{0},{2}" in mixed.note


def test_where_zero_is_best_the_solution_is_trivial_and_says_so() -> None:
    problem = Problem.uniform(6, 4, 0.5)
    assert solved(problem, SIX).trivial
    assert solved(problem, "{0},{1},{2},{3},{4},{4,5}").loss == problem.trivial_loss


def test_weights_are_stationary_where_they_are_best() -> None:
    weights = _Weights.of(UNEQUAL, [(0, 3), (1, 2), (0, 1), (2, 3)])  # a square, of rank 3
    x = np.random.default_rng(0).uniform(0.1, 1.0, len(weights.U) + 8)
    _, gradient = weights.value(x)
    for i in range(len(x)):
        step = np.eye(len(x))[i] * 1e-6
        slope = (weights.value(x + step)[0] - weights.value(x - step)[0]) / 2e-6
        assert gradient[i] == pytest.approx(slope, rel=1e-5, abs=1e-9)
    best = weights.best()
    q, by_q = best[: len(weights.U)], weights.value(best)[1][: len(weights.U)]
    assert (by_q > -1e-7).all()
    assert np.abs(by_q[q > 1e-6]).max() < 1e-7


def test_the_dictionary_has_every_sign_pattern_once() -> None:
    B = np.eye(3)
    assert len(dictionary(B)) == 3**3 - 2**3  # those that are nowhere positive left out, none a multiple of another


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{0},{1", "write each class as a set"),
        ("0-1,1-2", "write each class as a set"),
        ("{0},{0,0}", "given twice"),
        ("{0}", "K from 2 to"),
        ("{}", "write each class"),
    ],
)
def test_a_malformed_hypergraph_is_refused(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_hypergraph(text)


def test_it_needs_a_hidden_layer_and_as_many_classes_as_sets() -> None:
    three: Subsets = ((0,), (1,), (0, 1))
    with pytest.raises(InputError, match="L >= 3"):
        hypergraph(Problem.uniform(3, 2, 1e-3), three)
    with pytest.raises(InputError, match="3 sets"):
        solve(Problem.uniform(4, 3, 1e-3), hypergraph(Problem.uniform(4, 3, 1e-3), three))

"""Closed forms under cross-entropy (theory sheet, section 6): explicit matrices, optimal scales, who wins where."""

from dataclasses import replace
from math import log

import numpy as np
import pytest

from nccli.errors import InputError
from nccli.objective import OBJECTIVES
from nccli.theory import (
    Construction,
    Problem,
    best_known,
    closed_forms,
    dnc,
    explicit_loss,
    graph,
    parse_graph,
    solve,
    solve_bipartition,
    solve_dnc,
    solve_kind,
    solve_srg,
    srg,
    threshold,
)
from nccli.theory.bipartition import bipartition
from nccli.theory.graph_solution import incidence_matrix
from nccli.theory.pairs import pairs
from nccli.theory.strongly_regular_graph import complete_edges
from nccli.theory.template import Template
from tests.oracle.last_layer_cross_entropy import dense_last_layer, dnc_cross_entropy

CASES = [
    *(dnc(7), srg(6, "blocks"), srg(9, "blocks"), srg(9, "truncated"), bipartition(15, 3)),
    *(graph(parse_graph("complete-4"), "positive"), graph(parse_graph("petersen"), "disjoint")),
    graph(parse_graph("path-4"), "positive"),
]


def problem(K: int, L: int, wd: float, linear: bool = False) -> Problem:
    return Problem.uniform(K, L, wd, objective="ce", linear=linear)


def unequal(K: int, L: int, linear: bool = False) -> Problem:
    return Problem(K, L, 3, 4e-4, tuple(1e-3 * (1 + 0.5 * i) for i in range(L)), "ce", linear)


def test_check_values_of_the_theory_sheet() -> None:
    srg_loss = solve_kind(problem(10, 4, 1e-3), "srg", {}).loss
    dnc_loss = solve_dnc(problem(10, 4, 1e-3)).loss
    assert (f"{dnc_loss:.7f}", f"{srg_loss:.7f}") == ("0.0592447", "0.0471375")
    assert srg_loss / dnc_loss == pytest.approx(0.79564, abs=1e-5), "the paper's conjecture holds there"


@pytest.mark.parametrize("L", [2, 3, 5])
@pytest.mark.parametrize("construction", CASES, ids=lambda each: each.label)
def test_the_closed_form_is_the_loss_of_explicit_matrices_at_the_best_scales(
    construction: Construction, L: int
) -> None:
    there = unequal(construction.K, L)
    solution = solve(there, construction)
    assert not solution.trivial
    weights, H_1 = solution.matrices(construction.min_width + 1)
    assert explicit_loss(there, weights, H_1) == pytest.approx((solution.fit, solution.reg), rel=1e-10)
    for block in range(len(construction.blocks)):
        for factor in (0.97, 1.03):
            assert moved_loss(there, construction, block, factor) > solution.loss


def moved_loss(there: Problem, construction: Construction, block: int, factor: float) -> float:
    """The loss when α_L of a block is changed, all before it balanced for that, and W_L the best of all entries."""
    from nccli.theory.solution import _log_layer_costs

    solution, roots, before = solve(there, construction), [], 0.0
    for place, each in enumerate(solution.blocks):
        alpha = float(each.scales[-1]) * (factor if place == block else 1.0)
        costs = _log_layer_costs(there, each.template)
        log_P = 2 * costs[0] + sum(costs[1:]) + log(alpha)
        before += there.L * np.exp((log_P - log(4)) / there.L)
        roots.append(np.sqrt(alpha) * np.maximum(each.template.matrices()[1], 0.0))
    from scipy.linalg import block_diag

    return float(before + dense_last_layer(block_diag(*roots), there.lambda_w[-1])[0])


@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize(("K", "L", "wd"), [(2, 2, 1e-3), (10, 4, 1e-3), (6, 3, 1e-6), (45, 5, 4e-3)])
def test_dnc_is_the_minimum_over_one_number(K: int, L: int, wd: float, linear: bool) -> None:
    solution = solve_dnc(problem(K, L, wd, linear))
    assert solution.loss == pytest.approx(dnc_cross_entropy(K, L, wd ** (L + 1), linear), rel=1e-9)
    assert solution.rank == K - linear


def gradient_share(there: Problem, construction: Construction) -> float:
    """Norm of the gradient at the explicit point over that of weight decay alone."""
    weights, H = solve(there, construction).matrices(construction.min_width)
    features, pre = [H], []
    for W in weights[:-1]:
        pre.append(W @ features[-1])
        features.append(there.activated(pre[-1]))
    Z = weights[-1] @ features[-1]
    P = np.exp(Z - Z.max(axis=0))
    back = (P / P.sum(axis=0) - np.repeat(np.eye(there.K), there.n, axis=1)) / Z.shape[1]
    squares = 0.0
    for place in reversed(range(there.L)):
        squares += float(np.sum((back @ features[place].T + there.lambda_w[place] * weights[place]) ** 2))
        back = weights[place].T @ back
        if place and not there.linear:
            back = back * (pre[place - 1] > 1e-9)
    squares += float(np.sum((back + there.lambda_h1 * H) ** 2))
    return (squares / sum(d**2 * float(np.sum(W**2)) for d, W in zip(there.lambda_w, weights, strict=True))) ** 0.5


@pytest.mark.parametrize("L", [2, 4])
def test_dnc_is_stationary_and_so_are_the_rivals_of_linear_networks(L: int) -> None:
    assert gradient_share(unequal(6, L), dnc(6)) < 1e-10
    for K in (6, 7, 10):
        there = unequal(K, L, linear=True)
        forms = [each for each in closed_forms(there) if not each.construction.variant or K != 7]
        assert len(forms) == 3 - (K == 7)
        for solution in forms:
            assert gradient_share(there, solution.construction) < 1e-10, solution.construction.label


@pytest.mark.parametrize("K", [6, 7, 10])
@pytest.mark.parametrize("L", [2, 3, 5])
def test_linear_networks_pay_the_schatten_quasi_norm_of_their_logits(K: int, L: int) -> None:
    """reg = (L+1)/2 Λ^{1/(L+1)} Σ σ_i(Z)^{2/(L+1)} is the least; T(r) minus edges, of unequal values, is above."""
    there = unequal(K, L, linear=True)
    Lambda = there.n * there.lambda_h1 * float(np.prod(there.lambda_w))
    for solution in closed_forms(there):
        weights, H = solution.matrices(solution.construction.min_width)
        assert explicit_loss(there, weights, H) == pytest.approx((solution.fit, solution.reg), rel=1e-10)
        Z = H[:, :: there.n]
        for W in weights:
            Z = W @ Z
        values = np.linalg.svd(Z, compute_uv=False)
        least = (L + 1) / 2 * Lambda ** (1 / (L + 1)) * np.sum(values[values > 1e-9 * values[0]] ** (2 / (L + 1)))
        assert solution.reg >= least * (1 - 1e-10)
        if solution.construction.variant != "truncated":
            assert solution.reg == pytest.approx(least, rel=1e-10)


@pytest.mark.parametrize("wd", [1e-3, 1e-6])
def test_dnc_is_never_the_best_of_a_linear_network_of_enough_classes(wd: float) -> None:
    """Garrod and Keating 2025: K >= 4 with L >= 3, and K >= 6 with L = 2; below it is the best of ours."""
    for L, least in ((2, 6), (3, 4), (5, 4)):
        for K in range(least, 14):
            there = problem(K, L, wd, linear=True)
            assert best_known(there).loss < solve_dnc(there).loss * (1 - 1e-6), (K, L)
    assert best_known(problem(4, 2, wd, linear=True)).how == "etf(4)"


def test_of_an_even_number_of_classes_pairs_win_where_garrod_and_keating_say() -> None:
    for L, K in ((2, 6), (3, 4), (6, 4)):
        assert solve(problem(K, L, 1e-6, True), pairs(K)).loss < solve_dnc(problem(K, L, 1e-6, True)).loss
    assert solve(problem(4, 2, 1e-6, True), pairs(4)).loss > solve_dnc(problem(4, 2, 1e-6, True)).loss


@pytest.mark.parametrize(("L", "first"), [(3, 8), (4, 6), (5, 6)])
def test_srg_wins_from_the_same_number_of_classes_as_under_squared_error(L: int, first: int) -> None:
    before, there = (problem(K, L, 1e-5) for K in (first - 1, first))
    assert solve_kind(before, "srg", {}).loss > solve_dnc(before).loss
    assert solve_kind(there, "srg", {}).loss < solve_dnc(there).loss


def test_the_threshold_is_of_the_objective() -> None:
    assert [threshold(problem(10, 4, 1e-5), rival) for rival in ("srg", "bipartition", "best")] == [6, 6, 6]


def test_rivals_win_before_the_bounds_of_garrod_and_keating() -> None:
    """K >= 10 with L >= 5, K >= 16 with L = 4 are theirs."""
    for K, L in ((6, 5), (6, 4), (10, 4)):
        assert best_known(problem(K, L, 1e-6)).loss < solve_dnc(problem(K, L, 1e-6)).loss


def test_what_is_sure_to_be_positive_wins_against_srg_and_bipartition_rows_on_many_classes() -> None:
    there = problem(28, 4, 5e-4)
    best, srg_best = best_known(there), solve_srg(there)
    assert srg_best is not None
    assert best.how == "graph(8 vertices, 28 edges)"
    assert best.loss < solve_bipartition(there).loss < srg_best.loss < solve_dnc(there).loss
    assert best.rank == 8


@pytest.mark.parametrize("r", [4, 5, 7])
def test_no_larger_shift_of_the_positive_rows_is_better(r: int) -> None:
    B = incidence_matrix(complete_edges(r), r)
    there = problem(B.shape[1], 4, 1e-3)
    losses = [
        solve(there, Construction("graph", "positive", (Template.from_matrices("", B + c, B + c),))).loss
        for c in (0.0, 0.01, 0.1, 1.0)
    ]
    assert losses == sorted(losses)


def test_blocks_of_which_one_is_better_off_at_zero() -> None:
    """The samples of the zero block then cost log K each."""
    there = problem(44, 4, 2e-2)
    solution = solve(there, srg(44, "blocks"))
    assert [block.trivial for block in solution.blocks] == [False, True]
    assert solution.blocks[1].fit == pytest.approx(8 / 44 * log(44))
    assert solution.loss < log(44)
    assert solution.nontrivial_loss > solution.loss


def test_too_much_weight_decay_leaves_the_trivial_loss() -> None:
    for construction in CASES[:4]:
        solution = solve(problem(construction.K, 4, 0.5), construction)
        assert solution.trivial
        assert solution.loss == pytest.approx(log(construction.K), rel=1e-15)


def test_the_table_of_searches_under_squared_error_is_not_asked() -> None:
    known = best_known(problem(6, 4, 4e-3))
    assert not known.is_searched


def test_a_hypergraph_of_few_vertices_wins_over_every_graph_and_has_explicit_matrices() -> None:
    there = unequal(6, 4)
    solution = solve_kind(there, "hypergraph", {"graph": "{0},{1},{2},{0,1},{0,2},{0,1,2}"})
    weights, H_1 = solution.matrices(solution.construction.min_width)
    assert explicit_loss(there, weights, H_1) == pytest.approx((solution.fit, solution.reg), rel=1e-10)
    assert solution.rank == 3
    assert solution.loss < 0.99 * best_known(there).loss


def test_the_value_of_a_gram_matrix_has_its_derivative() -> None:
    for objective in OBJECTIVES.values():
        gram = RANDOM.T @ RANDOM
        value, slope = objective.of_gram(gram, 5, 1e-2)
        for i, j in ((0, 0), (1, 3)):
            change = np.zeros((5, 5))
            change[i, j] = change[j, i] = 1e-5
            ends = [objective.of_gram(gram + sign * change, 5, 1e-2)[0] for sign in (1, -1)]
            assert np.sum(slope * change) == pytest.approx((ends[0] - ends[1]) / 2, rel=1e-6)
        W = objective.last_weights(RANDOM, 1e-2)
        fit = float(objective.total((W @ RANDOM).T, np.eye(5))) / 5
        assert value == pytest.approx(fit + 1e-2 / 2 * np.sum(W**2), rel=1e-10)


@pytest.mark.parametrize(
    ("graph", "words"),
    [("{0},{0,1},{2},{2,3}", "several parts"), (",".join(f"{{0,{i}}}" for i in range(1, 18)), "at most 10 classes")],
)
def test_hypergraphs_that_are_too_much_for_cross_entropy_are_refused(graph: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        solve_kind(problem(graph.count("{"), 4, 1e-3), "hypergraph", {"graph": graph})


RANDOM = np.maximum(np.random.default_rng(3).normal(size=(6, 5)), 0)


@pytest.mark.parametrize(
    ("kind", "given", "linear", "words"),
    [
        ("pairs", {}, False, "which ReLU would cut"),
        ("bipartition", {}, True, "cut by ReLU"),
        ("graph", {"graph": "complete-5", "variant": "disjoint"}, True, "made by ReLU"),
        ("srg", {"variant": "blocks"}, True, "as one block"),
    ],
)
def test_what_an_activation_has_not_is_refused(kind: str, given: dict[str, str], linear: bool, words: str) -> None:
    there = replace(problem(10 if kind != "srg" else 7, 4, 1e-3), linear=linear)
    with pytest.raises(InputError, match=words):
        solve_kind(there, kind, given)

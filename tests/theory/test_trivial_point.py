"""Where zero is the optimum of a construction, the solution is zero and says so."""

import numpy as np
import pytest

from nccli.theory import (
    TRIVIAL_LOSS,
    Construction,
    Problem,
    dnc,
    explicit_loss,
    graph,
    parse_graph,
    solve,
    solve_best,
    srg,
)

EVERY_KIND = [dnc(6), srg(10, "blocks"), srg(9, "blocks"), srg(9, "truncated"), graph(parse_graph("petersen"))]


@pytest.mark.parametrize("L", [2, 3, 5])
@pytest.mark.parametrize("construction", EVERY_KIND, ids=lambda construction: construction.label)
def test_strong_weight_decay_leaves_the_zero_point(construction: Construction, L: int) -> None:
    solution = solve(Problem.uniform(construction.K, L, 1.0, n=2), construction)
    assert solution.trivial
    assert (solution.loss, solution.fit, solution.reg) == (TRIVIAL_LOSS, TRIVIAL_LOSS, 0.0)
    assert solution.nontrivial_loss > TRIVIAL_LOSS
    weights, H_1 = solution.matrices(construction.min_width)
    assert not any(matrix.any() for matrix in (*weights, H_1))
    for layer in range(1, L + 1):
        assert not solution.singular_values(layer, "post").any()


@pytest.mark.parametrize("variant", ["blocks", "truncated"])
def test_loss_is_exactly_one_half_for_every_K(variant: str) -> None:
    for K in range(6, 100):
        assert solve(Problem.uniform(K, 4, 1.0), srg(K, variant)).loss == TRIVIAL_LOSS, K


@pytest.mark.parametrize("construction", EVERY_KIND, ids=lambda construction: construction.label)
def test_loss_is_continuous_where_the_solution_turns_trivial(construction: Construction) -> None:
    """Bisect the weight decay: the non-zero point's loss reaches 1/2 there, and its scales do not go to zero."""
    low, high = 1e-4, 1.0
    for _ in range(60):
        middle = (low * high) ** 0.5
        trivial = solve(Problem.uniform(construction.K, 4, middle), construction).trivial
        low, high = (low, middle) if trivial else (middle, high)
    below = solve(Problem.uniform(construction.K, 4, low), construction)
    above = solve(Problem.uniform(construction.K, 4, high), construction)
    assert not below.trivial
    assert below.loss == pytest.approx(TRIVIAL_LOSS, rel=1e-12, abs=0)
    assert max(block.scales[-1] for block in below.blocks) > 0.1
    assert above.trivial


@pytest.mark.parametrize(("K", "L", "decay", "zero"), [(7, 4, 0.0303, "dnc"), (7, 3, 0.0374, "srg")])
def test_one_block_can_be_zero(K: int, L: int, decay: float, zero: str) -> None:
    problem = Problem.uniform(K, L, decay)
    solution = solve(problem, srg(K, "blocks"))
    srg_block, dnc_block = solution.blocks
    assert (srg_block.trivial, dnc_block.trivial) == (zero == "srg", zero == "dnc")
    assert not solution.trivial
    assert solution.loss < min(solution.nontrivial_loss, TRIVIAL_LOSS)
    weights, H_1 = solution.matrices(K)
    assert explicit_loss(problem, weights, H_1) == pytest.approx((solution.fit, solution.reg), rel=1e-12, abs=0)
    columns = slice(0, 6) if zero == "srg" else slice(6, K)
    assert not H_1[:, columns].any()
    assert np.count_nonzero(np.linalg.norm(H_1, axis=0)) == (K - 6 if zero == "srg" else 6)


def test_dnc_is_named_best_where_everything_is_trivial() -> None:
    best = solve_best(Problem.uniform(10, 4, 1.0))
    assert best.construction.kind == "dnc"
    assert best.trivial

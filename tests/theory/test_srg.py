"""Which SRG solutions exist for K classes (Definitions 9 and 11)."""

from math import comb

import numpy as np
import pytest

from nccli.theory import Problem, dnc, solve, srg, srg_template, srg_variants, triangular_root


def test_triangular_root_inverts_r_choose_2() -> None:
    roots = {comb(r, 2): r for r in range(2, 200)}
    for K in range(1, 2000):
        assert triangular_root(K) == roots.get(K), K
    assert triangular_root(comb(10**9, 2)) == 10**9
    assert triangular_root(comb(10**9, 2) + 1) is None


@pytest.mark.parametrize(
    ("K", "variants"),
    [(1, []), (3, []), (4, ["truncated"]), (5, ["truncated"]), (6, ["blocks"]), (7, ["blocks", "truncated"])],
)
def test_variants_that_exist(K: int, variants: list[str]) -> None:
    assert [construction.variant for construction in srg_variants(K)] == variants


@pytest.mark.parametrize("r", [4, 5, 6])
@pytest.mark.parametrize("variant", ["blocks", "truncated"])
def test_for_triangular_K_both_variants_are_definition_9(r: int, variant: str) -> None:
    construction = srg(comb(r, 2), variant)
    assert construction.label == f"srg t({r})"
    assert construction.min_width == construction.K == comb(r, 2)


@pytest.mark.parametrize("K", [7, 9, 14, 16, 60])
def test_blocks_are_the_largest_srg_and_dnc_on_the_rest(K: int) -> None:
    construction = srg(K, "blocks")
    first, rest = construction.blocks
    r = triangular_root(first.classes)
    assert r is not None
    assert comb(r, 2) < K < comb(r + 1, 2)
    assert rest.classes == K - comb(r, 2)
    assert construction.label == f"srg t({r}) ⊕ dnc({K - comb(r, 2)})"
    assert construction.K == construction.min_width == K


def test_losses_of_blocks_add_with_the_fit_divided_by_K() -> None:
    """Half the loss of a block alone, K_b classes, at λ scaled by K/K_b, weighs K_b/K."""
    K, L, decays = 9, 4, (2e-3, 1e-3, 4e-3, 3e-3)
    solution = solve(Problem(K, L, 1, 1e-3, decays), srg(K, "blocks"))
    total = 0.0
    for share, construction in ((6, srg(6, "blocks")), (3, dnc(3))):
        scaled = Problem(share, L, 1, 1e-3 * K / share, tuple(decay * K / share for decay in decays))
        total += share / K * solve(scaled, construction).loss
    assert solution.loss == pytest.approx(total, rel=1e-13, abs=0)


def test_blocks_have_no_entry_outside_the_diagonal() -> None:
    weights, H_1 = solve(Problem.uniform(8, 4, 2e-3), srg(8, "blocks")).matrices(8)
    M_2 = np.maximum(weights[0] @ H_1, 0)
    assert M_2[:4, 6:] == pytest.approx(np.zeros((4, 2)), abs=1e-14)
    assert M_2[4:, :6] == pytest.approx(np.zeros((4, 6)), abs=1e-14)
    assert np.linalg.matrix_rank(M_2[:4, :6]) == 4
    assert np.linalg.matrix_rank(M_2[4:, 6:]) == 2


def test_template_of_r_vertices_has_r_choose_2_classes() -> None:
    assert [srg_template(r).classes for r in range(4, 8)] == [6, 10, 15, 21]

"""Definition 11 (2): T(r) without some columns, from r × r matrices alone."""

from itertools import combinations
from math import comb

import numpy as np
import pytest

from nccli.theory import Construction, Problem, Template, solve, srg, srg_template, triangular_root

TRUNCATED = [K for K in range(4, 44) if triangular_root(K) is None]


@pytest.mark.parametrize("K", TRUNCATED)
def test_invariants_are_those_of_the_matrices(K: int) -> None:
    (closed,) = srg(K, "truncated").blocks
    dense = Template.from_matrices("dense", *closed.matrices())
    assert (closed.classes, closed.rows, closed.last_rows) == (dense.classes, dense.rows, dense.last_rows)
    assert closed.last_map_norm_sq == pytest.approx(dense.last_map_norm_sq, rel=1e-12, abs=0)
    for name in ("singular_values", "last_singular_values", "output_eigenvalues"):
        ours, theirs = getattr(closed, name), getattr(dense, name)
        assert ours.expand() == pytest.approx(theirs.expand(), abs=1e-12), name
        assert ours.rank == theirs.rank, name


@pytest.mark.parametrize("K", TRUNCATED)
def test_columns_are_the_first_K_of_the_smallest_complete_graph_that_has_enough(K: int) -> None:
    (template,) = srg(K, "truncated").blocks
    r = template.rows
    assert comb(r - 1, 2) < K < comb(r, 2)
    for ours, whole in zip(template.matrices(), srg_template(r).matrices(), strict=True):
        assert ours == pytest.approx(whole[:, :K], rel=1e-15, abs=0)


def test_the_deleted_edges_are_named() -> None:
    assert srg(8, "truncated").note == "deleted edges of K_5: 2-4, 3-4"
    assert srg(10, "truncated").note == ""


@pytest.mark.parametrize("r", range(4, 8))
def test_all_columns_have_the_same_fit_loss(r: int) -> None:
    """So any may be deleted."""
    M = np.maximum(srg_template(r).matrices()[1], 0)
    K = comb(r, 2)
    W = np.linalg.solve(M.T @ M + 0.1 * np.eye(K), M.T)
    losses = np.sum((W @ M - np.eye(K)) ** 2, axis=0)
    assert losses == pytest.approx(np.full(K, losses[0]), rel=1e-13, abs=0)


@pytest.mark.parametrize("r", [4, 5])
def test_which_single_column_is_deleted_makes_no_difference(r: int) -> None:
    K = comb(r, 2) - 1
    problem = Problem.uniform(K, 4, 2e-3)
    wanted = solve(problem, srg(K, "truncated")).loss
    T, Tt_L = srg_template(r).matrices()
    for column, _ in enumerate(combinations(range(r), 2)):
        template = Template.from_matrices("", np.delete(T, column, axis=1), np.delete(Tt_L, column, axis=1))
        assert solve(problem, Construction("srg", "truncated", (template,))).loss == pytest.approx(
            wanted, rel=1e-12, abs=0
        )

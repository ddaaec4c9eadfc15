"""Definitions 4 and 9 by dense linear algebra: the triangular graph, the template pair and its spectra."""

from math import comb, sqrt

import numpy as np
import pytest

from nccli.theory import Template, srg_template

pytestmark = pytest.mark.parametrize("r", range(4, 10))


def adjacency(r: int) -> np.ndarray:
    """A of the triangular graph, from TᵀT = (2I + A)/(r−1)."""
    T, _ = srg_template(r).matrices()
    return (r - 1) * T.T @ T - 2 * np.eye(comb(r, 2))


def test_classes_form_a_strongly_regular_graph(r: int) -> None:
    """A² = k I + a A + c (J − I − A) for (v, k, a, c) = (r(r−1)/2, 2(r−2), r−2, 4)."""
    A, v = adjacency(r), r * (r - 1) // 2
    eye, ones = np.eye(v), np.ones((v, v))
    assert A.shape == (v, v)
    assert np.unique(A.round(12)).tolist() == [0, 1]
    assert A == pytest.approx(A.round(), abs=1e-13)
    assert np.trace(A) == pytest.approx(0, abs=1e-12)
    assert A @ A == pytest.approx(2 * (r - 2) * eye + (r - 2) * A + 4 * (ones - eye - A), abs=1e-12)


def test_gram_matrix_of_T_has_eigenvalues_2_and_r_minus_2_over_r_minus_1(r: int) -> None:
    T, _ = srg_template(r).matrices()
    wanted = [2.0] + [(r - 2) / (r - 1)] * (r - 1) + [0.0] * (comb(r, 2) - r)
    assert np.linalg.eigvalsh(T.T @ T)[::-1] == pytest.approx(wanted, abs=1e-13)
    assert np.linalg.matrix_rank(T) == r
    assert np.linalg.norm(T, "nuc") == pytest.approx(sqrt(2) + sqrt((r - 1) * (r - 2)), rel=1e-13, abs=0)


def test_rows_of_the_last_template(r: int) -> None:
    """Unit norm; negative at the row's own edge, equal and positive at the disjoint edges, zero at the others."""
    T, Tt_L = srg_template(r).matrices()
    assert np.sum(Tt_L**2, axis=1) == pytest.approx(np.ones(comb(r, 2)), rel=1e-13, abs=0)
    shared = np.round((r - 1) * T.T @ T)
    size = 1 / sqrt(comb(r - 2, 2) + 1)
    assert Tt_L == pytest.approx(np.choose(shared.astype(int), [size, 0, -size]), rel=1e-13, abs=0)
    assert np.sum(Tt_L > 0, axis=1).tolist() == [comb(r - 2, 2)] * comb(r, 2)
    assert np.sum(Tt_L < 0, axis=1).tolist() == [1] * comb(r, 2)


def test_last_template_is_a_linear_image_of_T(r: int) -> None:
    T, Tt_L = srg_template(r).matrices()
    assert Tt_L @ np.linalg.pinv(T) @ T == pytest.approx(Tt_L, abs=1e-13)
    assert np.linalg.norm(Tt_L @ np.linalg.pinv(T)) ** 2 == pytest.approx(
        comb(r, 2) ** 2 / (r**2 - 5 * r + 8), rel=1e-13
    )


def test_relu_lifts_the_rank_from_at_most_r_to_K(r: int) -> None:
    _, Tt_L = srg_template(r).matrices()
    assert np.linalg.matrix_rank(Tt_L) == (r if r > 4 else r - 1)
    assert np.linalg.matrix_rank(np.maximum(Tt_L, 0)) == comb(r, 2)


def test_output_gram_matrix_is_a_combination_of_I_A_and_J(r: int) -> None:
    _, Tt_L = srg_template(r).matrices()
    A, v = adjacency(r), comb(r, 2)
    gram = np.maximum(Tt_L, 0).T @ np.maximum(Tt_L, 0)
    eye, ones = np.eye(v), np.ones((v, v))
    wanted = comb(r - 2, 2) * eye + comb(r - 3, 2) * A + comb(r - 4, 2) * (ones - eye - A)
    assert gram == pytest.approx(wanted / (comb(r - 2, 2) + 1), abs=1e-13)


def test_closed_form_invariants_are_those_of_the_matrices(r: int) -> None:
    closed = srg_template(r)
    dense = Template.from_matrices("dense", *closed.matrices())
    assert (closed.classes, closed.rows, closed.last_rows) == (dense.classes, dense.rows, dense.last_rows)
    assert closed.last_map_norm_sq == pytest.approx(dense.last_map_norm_sq, rel=1e-13, abs=0)
    for name in ("singular_values", "last_singular_values", "output_eigenvalues"):
        ours, theirs = getattr(closed, name), getattr(dense, name)
        assert ours.expand() == pytest.approx(theirs.expand(), abs=1e-13), name
        assert ours.rank == theirs.rank, name
        assert ours.total == pytest.approx(theirs.total, rel=1e-13, abs=0), name

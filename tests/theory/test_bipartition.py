"""Bipartition rows (theory sheet, section 5): its check values, its explicit matrices, SRG as the case s = r − 2."""

from math import comb

import numpy as np
import pytest

from nccli.errors import InputError
from nccli.theory import Problem, solve, solve_kind, solve_srg
from nccli.theory.bipartition import bipartition
from tests.oracle.construction_loss import construction_loss


@pytest.mark.parametrize(
    ("K", "s", "wd", "loss", "of_srg"),
    [
        (15, 3, 4e-3, "0.109809509464", "0.948146"),
        (15, 3, 5e-4, "0.013862773172", "0.945360"),
        (28, 4, 5e-4, "0.022104477487", "0.849512"),
    ],
)
def test_check_values_of_the_theory_sheet(K: int, s: int, wd: float, loss: str, of_srg: str) -> None:
    problem = Problem.uniform(K, 4, wd)
    srg = solve_srg(problem)
    assert srg is not None
    found = solve_kind(problem, "bipartition", {"s": s})
    assert f"{found.loss:.12f}" == loss
    assert f"{found.loss / srg.loss:.6f}" == of_srg


@pytest.mark.parametrize("r", [4, 5, 6, 8])
@pytest.mark.parametrize("L", [2, 3, 5])
def test_s_equal_r_minus_2_is_the_last_layer_of_srg(r: int, L: int) -> None:
    problem = Problem.uniform(comb(r, 2), L, 2e-3, n=3)
    srg = solve_srg(problem)
    assert srg is not None
    found = solve(problem, bipartition(comb(r, 2), r - 2))
    assert (found.fit, found.reg) == pytest.approx((srg.fit, srg.reg), rel=1e-12, abs=0)
    assert found.rank == srg.rank == r


@pytest.mark.parametrize(("K", "s"), [(6, 2), (10, 2), (15, 4), (21, 3), (28, 4)])
@pytest.mark.parametrize("L", [2, 4])
def test_the_scales_found_are_the_best_for_weights_found_by_least_squares(K: int, s: int, L: int) -> None:
    decays = tuple(1e-3 * (1 + i) for i in range(L))
    problem, construction = Problem(K, L, 2, 3e-3, decays), bipartition(K, s)
    solution = solve(problem, construction)
    scales = np.array([block.scales for block in solution.blocks])
    least = construction_loss(problem, construction, scales)
    assert solution.loss == pytest.approx(least, rel=1e-11, abs=0)
    for factor in (0.97, 1.03):
        for layer in range(L - 1):
            moved = scales.copy()
            moved[:, layer] *= factor
            assert construction_loss(problem, construction, moved) > least


@pytest.mark.parametrize(("K", "best"), [(6, 2), (10, 3), (15, 3), (21, 4), (28, 4), (45, 5)])
def test_without_s_it_is_the_best_s(K: int, best: int) -> None:
    """The theory sheet: r − 2 for K = 6 and 10, 3 for K = 15, near r/2 beyond."""
    problem = Problem.uniform(K, 4, 5e-4)
    found = solve_kind(problem, "bipartition", {})
    assert found.construction.about == {"s": best}
    r = round((2 * K) ** 0.5 + 0.5)
    assert found.loss == min(solve_kind(problem, "bipartition", {"s": s}).loss for s in range(2, r))


def test_its_rows_are_those_of_the_definition() -> None:
    T, Tt_L = bipartition(15, 3).blocks[0].matrices()
    assert T.shape == (6, 15)
    assert Tt_L.shape == (comb(6, 3), 15)
    rows = Tt_L * comb(6, 3) ** 0.5
    assert set(np.round(rows.ravel(), 12)) == {-2.0, 0.0, 2.0}
    assert np.all(np.sum(np.isclose(rows, 2.0), axis=1) == comb(3, 2))
    assert np.sum((Tt_L @ np.linalg.pinv(T)) ** 2) == pytest.approx(6 * 5, rel=1e-12)


@pytest.mark.parametrize(("K", "s"), [(10, 1), (10, 5), (10, 0), (12, 2), (3, 2), (1, 2)])
def test_what_is_no_such_construction_is_refused(K: int, s: int) -> None:
    with pytest.raises(InputError, match=f"K = {K}, s = {s}: bipartition rows need"):
        bipartition(K, s)
    with pytest.raises(InputError):
        solve_kind(Problem.uniform(K, 3, 1e-3), "bipartition", {"s": s}) if K > 1 else bipartition(K, s)

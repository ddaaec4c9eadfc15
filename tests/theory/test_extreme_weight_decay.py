"""Every positive finite weight decay has a solution."""

import pytest

from nccli.theory import Problem, solve_dnc, solve_srg


@pytest.mark.parametrize("decay", [1e-20, 1e-100, 1e-150, 1e-200, 1e-300])
def test_dnc_costs_K_L_plus_1_halves_for_each_unit_of_a_tiny_weight_decay(decay: float) -> None:
    assert solve_dnc(Problem.uniform(10, 4, decay)).loss == pytest.approx(25 * decay, rel=1e-9, abs=0)


@pytest.mark.parametrize("decay", [1e-150, 1e-200, 1e-300])
def test_srg_keeps_its_ratio_to_dnc_at_a_tiny_weight_decay(decay: float) -> None:
    tiny, small = (solve_srg(Problem.uniform(10, 4, value)) for value in (decay, 1e-12))
    assert tiny is not None
    assert small is not None
    assert tiny.loss / decay == pytest.approx(small.loss / 1e-12, rel=1e-9, abs=0)


@pytest.mark.parametrize("decay", [1e3, 1e100, 1e200, 1e300])
def test_a_huge_weight_decay_leaves_the_zero_point(decay: float) -> None:
    assert solve_dnc(Problem.uniform(10, 4, decay)).trivial

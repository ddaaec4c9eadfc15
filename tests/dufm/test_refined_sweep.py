"""Many points refined at once: each depends on itself alone, and a sweep that is asked to stop stops."""

import numpy as np
import pytest

from nccli.dufm.refined import Point, RefinedProblem, refine_all
from nccli.theory import Problem
from nccli.theory.best import solve_dnc


def points(count: int) -> list[Point]:
    solution, found = solve_dnc(Problem.uniform(4, 3, 4e-3, 2)), []
    weights, H = solution.matrices(6)
    for seed in range(count):
        rng = np.random.default_rng(seed)
        noisy = [p + 1e-3 * rng.standard_normal(p.shape) for p in (H[:, ::2], *weights)]
        found.append(Point(RefinedProblem(4, 2, 6, (4e-3,) * 4), noisy[0], noisy[1:]))
    return found


def test_results_do_not_depend_on_the_number_of_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nccli.dufm.refined.sweep.cores", lambda: 2)
    one, two = (dict(refine_all(points(3), workers=workers)) for workers in (1, 2))
    assert sorted(one) == sorted(two) == [0, 1, 2]
    for place, found in one.items():
        assert found.certified
        assert found.loss == two[place].loss
        np.testing.assert_array_equal(found.means, two[place].means)


@pytest.mark.parametrize("workers", [1, 2])
def test_a_sweep_stops_when_asked_to(workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nccli.dufm.refined.sweep.cores", lambda: 2)
    assert list(refine_all(points(3), should_stop=lambda: True, workers=workers)) == []


def test_an_empty_sweep_has_no_results() -> None:
    assert list(refine_all([])) == []

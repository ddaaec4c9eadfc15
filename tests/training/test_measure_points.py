"""When a run is measured: often at the start, then evenly in every octave, and never more often than it can afford."""

from itertools import pairwise

import pytest

from nccli.training.measure_points import measure_steps


@pytest.mark.parametrize("budget", [1, 2, 60, 999, 40_000])
@pytest.mark.parametrize("apart", [1, 3, 63])
def test_start_and_end_are_measured_and_the_rest_in_order(budget: int, apart: int) -> None:
    points = measure_steps(budget, apart)
    assert points[0] == 0
    assert points[-1] == budget
    assert all(before < after for before, after in pairwise(points))
    assert len(points) < 210


@pytest.mark.parametrize("apart", [1, 3, 63])
def test_a_run_that_goes_on_has_been_measured_where_a_longer_one_is(apart: int) -> None:
    short, long = (measure_steps(budget, apart) for budget in (5_000, 40_000))
    assert short[:-1] == [step for step in long if step < 5_000]


def test_measurements_as_dear_as_an_epoch_are_an_epoch_apart_after_the_first() -> None:
    points = measure_steps(40_000, 63)
    assert points[:8] == [0, 1, 2, 4, 8, 16, 32, 64]
    later = [point for point in points if point >= 64]
    assert min(after - before for before, after in pairwise(later[:-1])) >= 63


def test_an_octave_has_sixteen_points() -> None:
    assert measure_steps(20) == list(range(21))
    assert measure_steps(70) == [*range(33), *range(34, 65, 2), 68, 70]
    assert sum(4096 <= step < 8192 for step in measure_steps(10_000)) == 16

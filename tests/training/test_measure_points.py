"""When a run is measured: often at the start, then evenly, and never more often than it can afford."""

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
    assert len(points) < 140


def test_measurements_as_dear_as_an_epoch_are_an_epoch_apart_after_the_first() -> None:
    points = measure_steps(40_000, 63)
    assert points[:8] == [0, 1, 2, 4, 8, 16, 32, 64]
    later = [point for point in points if point >= 64]
    gaps = [after - before for before, after in pairwise(later)]
    assert min(gaps[:-1]) >= 63
    assert gaps[-2] == 400


def test_what_costs_nothing_is_measured_as_often_as_before() -> None:
    assert measure_steps(20) == list(range(21))
    assert measure_steps(1000)[:6] == [0, 1, 2, 3, 4, 5]

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
    assert points[:7] == [0, 1, 2, 4, 8, 16, 32]
    later = [point for point in points if point >= 32]
    assert min(after - before for before, after in pairwise(later[:-1])) >= 63


def test_an_octave_has_eight_points_at_first_and_then_sixteen() -> None:
    assert measure_steps(17) == [*range(17), 17]
    assert measure_steps(70) == [*range(16), *range(16, 32, 2), *range(32, 64, 4), 64, 70]
    assert [sum(octave <= step < 2 * octave for step in measure_steps(10_000)) for octave in (256, 512, 4096)] == [
        8,
        16,
        16,
    ]

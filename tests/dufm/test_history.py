"""What was measured of a batch is kept by run, and comes back from a checkpoint as it was."""

from dataclasses import replace

import numpy as np
import pytest

from nccli.catalogue.stages import stages
from nccli.dufm.config import DufmConfig
from nccli.dufm.history import Histories, bytes_a_run
from nccli.dufm.measurement import Measurement
from nccli.dufm.result import HistoryPoint
from nccli.dufm.train import train

STAGES, CLASSES = 5, 3


def measurement(runs: int, seed: int) -> Measurement:
    """Numbers that tell runs, stages and calls apart."""
    rng = np.random.default_rng(seed)
    fit, reg, grad_norm, deviation = rng.uniform(0.1, 1.0, (4, runs))
    dnc1, rank = rng.uniform(size=(runs, STAGES)), rng.integers(0, 10, (runs, STAGES))
    spectra, negative = rng.uniform(size=(runs, STAGES, CLASSES)), rng.uniform(size=(runs, STAGES // 2))
    yes = np.ones(runs, bool)
    return Measurement(fit, reg, grad_norm, dnc1, rank, deviation, yes, yes, spectra, negative)


def point(measured: Measurement, run: int, step: int) -> HistoryPoint:
    """The point that a measurement of a run is."""
    fit, reg, grad_norm = (float(column[run]) for column in (measured.fit, measured.reg, measured.grad_norm))
    dnc1, rank = tuple(map(float, measured.dnc1[run])), tuple(map(int, measured.rank[run]))
    return HistoryPoint(step, fit + reg, fit, reg, grad_norm, dnc1, rank)


def filled(runs: int, steps: list[int], room: int, classes: int = 0) -> tuple[Histories, list[Measurement]]:
    """Histories of runs that were all measured at these steps."""
    histories = Histories(runs, room, STAGES, classes)
    measured = [measurement(runs, seed) for seed in range(len(steps))]
    for step, each in zip(steps, measured, strict=True):
        histories.add(step, np.arange(runs), each, each.dnc1)
    return histories, measured


@pytest.mark.parametrize("room", [4, 10, 2, 1], ids=["announced", "more room", "less room", "one"])
def test_the_points_of_a_run_are_what_was_measured_of_it(room: int) -> None:
    """However many were announced."""
    steps = [0, 1, 5, 100]
    histories, measured = filled(3, steps, room)
    for run in range(3):
        assert histories.points(run) == tuple(
            point(each, run, step) for step, each in zip(steps, measured, strict=True)
        )


@pytest.mark.parametrize("room", [4, 1])
def test_trajectories_are_kept_where_they_are_wanted_and_come_back(room: int) -> None:
    histories, measured = filled(2, [0, 3, 9], room, CLASSES)
    assert histories.has_trajectory
    restored = Histories.of({name: array.copy() for name, array in histories.arrays().items()}, 2)
    for found in (histories, restored):
        for each, at in zip(measured, found.points(1), strict=True):
            np.testing.assert_allclose(at.singular_values, each.spectra[1], rtol=1e-6)
            np.testing.assert_allclose(at.negative_share, each.negative_share[1], rtol=1e-6)
    assert bytes_a_run(3, STAGES, CLASSES) - bytes_a_run(3, STAGES) == 4 * 3 * (STAGES * CLASSES + STAGES // 2)
    assert not filled(2, [0], 1)[0].has_trajectory


def test_a_point_holds_plain_numbers() -> None:
    """They are written as JSON."""
    histories, _ = filled(1, [0], 1)
    (only,) = histories.points(0)
    assert type(only.step) is int
    assert {type(number) for number in (only.loss, only.fit, only.reg, only.grad_norm, *only.dnc1)} == {float}
    assert {type(number) for number in only.rank} == {int}


def test_groups_of_a_batch_share_the_point_of_a_step() -> None:
    histories = Histories(4, 2, STAGES)
    first, second = measurement(2, 0), measurement(2, 1)
    histories.add(0, np.array([3, 0]), first, first.dnc1)
    histories.add(0, np.array([1, 2]), second, second.dnc1)
    assert [histories.points(run) for run in range(4)] == [
        (point(first, 1, 0),),
        (point(second, 0, 0),),
        (point(second, 1, 0),),
        (point(first, 0, 0),),
    ]


def test_a_run_that_has_left_has_no_further_points() -> None:
    histories, (first,) = filled(2, [0], 3)
    second = measurement(1, 7)
    histories.add(5, np.array([1]), second, second.dnc1)
    assert histories.points(0) == (point(first, 0, 0),)
    assert histories.points(1) == (point(first, 1, 0), point(second, 0, 5))


def test_dnc1_is_what_is_reported_as_such() -> None:
    histories, measured = Histories(1, 1, STAGES), measurement(1, 0)
    histories.add(0, np.array([0]), measured, np.full((1, STAGES), 0.25))
    assert histories.points(0)[0].dnc1 == (0.25,) * STAGES


@pytest.mark.parametrize("field", ["fit", "reg", "grad_norm"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_point_that_is_not_finite_is_left_out(field: str, value: float) -> None:
    histories, measured = filled(2, [0, 1], 3)
    last = measurement(2, 5)
    getattr(last, field)[0] = value
    histories.add(2, np.arange(2), last, last.dnc1)
    assert histories.points(0) == tuple(point(each, 0, step) for step, each in enumerate(measured))
    assert [each.step for each in histories.points(1)] == [0, 1, 2]


def test_a_dnc1_that_does_not_exist_is_kept() -> None:
    """That of the zero network: its loss is a number all the same."""
    histories, measured = Histories(1, 1, STAGES), measurement(1, 0)
    histories.add(0, np.array([0]), measured, np.full((1, STAGES), np.nan))
    (only,) = histories.points(0)
    assert np.isnan(only.dnc1).all()


def test_the_latest_point_is_that_of_the_last_step() -> None:
    histories, measured = filled(3, [0, 4, 9], 3)
    wanted = np.array([2, 0])
    loss, dnc1, rank = histories.latest(wanted)
    np.testing.assert_allclose(loss, (measured[-1].fit + measured[-1].reg)[wanted], rtol=1e-15)
    np.testing.assert_array_equal(dnc1, measured[-1].dnc1[wanted])
    np.testing.assert_array_equal(rank, measured[-1].rank[wanted])


def test_the_latest_loss_of_a_run_that_was_not_measured_is_not_a_number() -> None:
    histories, _ = filled(2, [0], 2)
    second = measurement(1, 7)
    histories.add(5, np.array([1]), second, second.dnc1)
    loss, _, _ = histories.latest(np.arange(2))
    assert np.isnan(loss).tolist() == [True, False]


def test_the_first_gradient_is_that_of_the_initial_point() -> None:
    histories, measured = filled(3, [0, 4, 9], 3)
    np.testing.assert_array_equal(histories.first_gradient(np.array([1, 2])), measured[0].grad_norm[1:])


@pytest.mark.parametrize("room", [0, 3, 20])
def test_arrays_hold_all_of_it(room: int) -> None:
    """And what comes after it is added as if nothing had happened."""
    histories, _ = filled(3, [0, 1, 5], 10)
    arrays = {name: array.copy() for name, array in histories.arrays().items()}
    assert {len(array) for array in arrays.values()} == {3}
    restored = Histories.of(arrays, room)
    for step in (5, 8, 13):
        later = measurement(2, step)
        for each in (histories, restored):
            each.add(step, np.array([0, 2]), later, later.dnc1)
    assert [restored.points(run) for run in range(3)] == [histories.points(run) for run in range(3)]
    np.testing.assert_array_equal(restored.first_gradient(np.arange(3)), histories.first_gradient(np.arange(3)))


def test_restored_histories_are_independent_of_the_arrays() -> None:
    histories, _ = filled(1, [0, 1], 2)
    arrays = {name: array.copy() for name, array in histories.arrays().items()}
    restored = Histories.of(arrays, 2)
    for array in arrays.values():
        array[...] = 0
    assert restored.points(0) == histories.points(0)


def test_histories_take_the_memory_that_is_announced() -> None:
    histories, _ = filled(1, [0, 1, 2], 3)
    by_run = sum(array.nbytes for name, array in histories.arrays().items() if name != "steps")
    assert bytes_a_run(3, STAGES) == by_run


def test_the_history_of_a_diverged_run_ends_where_it_was_finite() -> None:
    config = DufmConfig(K=3, L=3, n=2, width=5, wd_h1=1e-3, wd_layers=(1e-3,) * 3, lr=20.0, steps=200, seed=0)
    (result,) = train([replace(config, activation="linear")])
    assert result.status == "diverged"
    assert result.history[0].step == 0
    assert result.history[-1].step < result.steps
    assert all(len(each.dnc1) == len(each.rank) == len(stages(3)) for each in result.history)

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
from nccli.metrics.digits import SINGLE
from nccli.store.blocks.history import history_rows, pack_history

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
    """The point that a measurement of a run is, without its singular values."""
    fit, reg, grad_norm = (float(column[run]) for column in (measured.fit, measured.reg, measured.grad_norm))
    dnc1, rank = tuple(map(float, measured.dnc1[run])), tuple(map(int, measured.rank[run]))
    return HistoryPoint(step, fit + reg, fit, reg, grad_norm, dnc1, rank)


def points(histories: Histories, run: int) -> tuple[HistoryPoint, ...]:
    """The history of a run without singular values."""
    return tuple(replace(each, singular_values=()) for each in histories.points(run))


def empty(runs: int, room: int, trajectory: bool = False) -> Histories:
    return Histories(runs, room, STAGES, CLASSES, "float64", trajectory)


def filled(runs: int, steps: list[int], room: int, trajectory: bool = False) -> tuple[Histories, list[Measurement]]:
    """Histories of runs that were all measured at these steps."""
    histories = empty(runs, room, trajectory)
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
        assert points(histories, run) == tuple(
            point(each, run, step) for step, each in zip(steps, measured, strict=True)
        )


@pytest.mark.parametrize("room", [4, 1])
def test_trajectories_are_kept_where_they_are_wanted_and_come_back(room: int) -> None:
    histories, measured = filled(2, [0, 3, 9], room, trajectory=True)
    assert histories.has_trajectory
    restored = Histories.of({name: array.copy() for name, array in histories.arrays().items()}, 2, "float64")
    for found in (histories, restored):
        for each, at in zip(measured, found.points(1), strict=True):
            np.testing.assert_allclose(at.singular_values, each.spectra[1], rtol=1e-6)
            np.testing.assert_allclose(at.negative_share, each.negative_share[1], rtol=1e-6)
    assert not filled(2, [0], 1)[0].has_trajectory


def test_singular_values_are_kept_of_the_latest_points_alone() -> None:
    """Of those since half of the steps, also in what comes back from a checkpoint."""
    histories, measured = filled(2, [0, 3, 9, 20, 24, 40], 6)
    restored = Histories.of({name: array.copy() for name, array in histories.arrays().items()}, 2, "float64")
    for found in (histories.points(1), restored.points(1)):
        assert [bool(each.singular_values) for each in found] == [False, False, False, True, True, True]
        np.testing.assert_allclose(found[-1].singular_values, measured[-1].spectra[1], rtol=1e-6)
        np.testing.assert_allclose(found[-3].singular_values, measured[-3].spectra[1], rtol=1e-6)


def test_numbers_of_float32_runs_are_those_that_the_store_keeps() -> None:
    """So that whoever goes on from a stored history has the same numbers as who never stopped."""
    measured, histories = measurement(1, 0), Histories(1, 1, STAGES, CLASSES, "float32")
    histories.add(0, np.array([0]), measured, measured.dnc1)
    row = {**vars(histories.points(0)[0]), "singular_values": None, "negative_share": None}
    (kept,) = history_rows(pack_history([row], SINGLE))
    assert [kept[name] for name in ("loss", "fit", "reg", "grad_norm", "dnc1")] == [
        *(row[name] for name in ("loss", "fit", "reg", "grad_norm")),
        list(row["dnc1"]),
    ]
    assert row["fit"] != measured.fit[0]
    assert row["fit"] == pytest.approx(measured.fit[0], rel=1e-11)


def test_a_point_holds_plain_numbers() -> None:
    """They are written as JSON."""
    histories, _ = filled(1, [0], 1)
    (only,) = histories.points(0)
    assert type(only.step) is int
    assert {type(number) for number in (only.loss, only.fit, only.reg, only.grad_norm, *only.dnc1)} == {float}
    assert {type(number) for number in only.rank} == {int}


def test_groups_of_a_batch_share_the_point_of_a_step() -> None:
    histories = empty(4, 2)
    first, second = measurement(2, 0), measurement(2, 1)
    histories.add(0, np.array([3, 0]), first, first.dnc1)
    histories.add(0, np.array([1, 2]), second, second.dnc1)
    assert [points(histories, run) for run in range(4)] == [
        (point(first, 1, 0),),
        (point(second, 0, 0),),
        (point(second, 1, 0),),
        (point(first, 0, 0),),
    ]


def test_a_run_that_has_left_has_no_further_points() -> None:
    histories, (first,) = filled(2, [0], 3)
    second = measurement(1, 7)
    histories.add(5, np.array([1]), second, second.dnc1)
    assert points(histories, 0) == (point(first, 0, 0),)
    assert points(histories, 1) == (point(first, 1, 0), point(second, 0, 5))


def test_dnc1_is_what_is_reported_as_such() -> None:
    histories, measured = empty(1, 1), measurement(1, 0)
    histories.add(0, np.array([0]), measured, np.full((1, STAGES), 0.25))
    assert histories.points(0)[0].dnc1 == (0.25,) * STAGES


@pytest.mark.parametrize("field", ["fit", "reg", "grad_norm"])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_point_that_is_not_finite_is_left_out(field: str, value: float) -> None:
    histories, measured = filled(2, [0, 1], 3)
    last = measurement(2, 5)
    getattr(last, field)[0] = value
    histories.add(2, np.arange(2), last, last.dnc1)
    assert points(histories, 0) == tuple(point(each, 0, step) for step, each in enumerate(measured))
    assert [each.step for each in histories.points(1)] == [0, 1, 2]


def test_a_dnc1_that_does_not_exist_is_kept() -> None:
    """That of the zero network: its loss is a number all the same."""
    histories, measured = empty(1, 1), measurement(1, 0)
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
    assert {len(array) for name, array in arrays.items() if name != "recent"} == {3}
    restored = Histories.of(arrays, room, "float64")
    for step in (5, 8, 13):
        later = measurement(2, step)
        for each in (histories, restored):
            each.add(step, np.array([0, 2]), later, later.dnc1)
    assert [restored.points(run) for run in range(3)] == [histories.points(run) for run in range(3)]
    np.testing.assert_array_equal(restored.first_gradient(np.arange(3)), histories.first_gradient(np.arange(3)))


def test_restored_histories_are_independent_of_the_arrays() -> None:
    histories, _ = filled(1, [0, 1], 2)
    arrays = {name: array.copy() for name, array in histories.arrays().items()}
    restored = Histories.of(arrays, 2, "float64")
    for array in arrays.values():
        array[...] = 0
    assert restored.points(0) == histories.points(0)


def test_histories_take_the_memory_that_is_announced() -> None:
    for trajectory in (False, True):
        histories, _ = filled(1, [8, 9, 10], 3, trajectory)
        left_out = {"steps", "recent"} if trajectory else {"steps"}
        by_run = sum(array.nbytes for name, array in histories.arrays().items() if name not in left_out)
        room = 0 if trajectory else 4 * 3 * (STAGES // 2)
        assert bytes_a_run(3, STAGES, CLASSES, trajectory) == by_run + room


def test_the_history_of_a_diverged_run_ends_where_it_was_finite() -> None:
    config = DufmConfig(K=3, L=3, n=2, width=5, wd_h1=1e-3, wd_layers=(1e-3,) * 3, lr=20.0, steps=200, seed=0)
    (result,) = train([replace(config, activation="linear")])
    assert result.status == "diverged"
    assert result.history[0].step == 0
    assert result.history[-1].step < result.steps
    assert all(len(each.dnc1) == len(each.rank) == len(stages(3)) for each in result.history)

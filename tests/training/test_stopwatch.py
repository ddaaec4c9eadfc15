"""Seconds of a training: those in which it was stopped, or the machine slept, are not among them."""

from typing import Any

import pytest

from nccli.dufm.train import train
from nccli.e2e.train import train_network
from nccli.training import stopwatch
from nccli.training.stopwatch import Stopwatch
from nccli.training.watch import Watch
from tests.e2e.image_files import config_of, image_set
from tests.store.example_runs import example_config


class Machine:
    """A machine on which time passes when it is said so."""

    def __init__(self) -> None:
        self.wall = self.processor = 100.0

    def perf_counter(self) -> float:
        return self.wall

    def process_time(self) -> float:
        return self.processor

    def work(self, seconds: float, share: float = 1.0) -> None:
        self.wall += seconds
        self.processor += share * seconds

    def stop(self, seconds: float) -> None:
        self.wall += seconds


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    """What the stopwatch looks at."""
    machine = Machine()
    monkeypatch.setattr(stopwatch, "time", machine)
    return machine


@pytest.mark.parametrize("share", [1.0, 7.8, 0.02])
def test_a_stop_is_not_counted_whatever_work_is_usual(machine: Machine, share: float) -> None:
    """One core, eight of them, or a GPU that the processor waits for."""
    watch = Stopwatch()
    machine.work(0.5)
    watch.tick()
    for _ in range(20):
        machine.work(0.2, share)
        watch.tick()
    machine.work(0.1, share)
    machine.stop(3600)
    machine.work(0.1, share)
    assert watch.tick() == pytest.approx(4.7, abs=0.2)
    machine.work(0.5, share)
    assert watch.tick() == pytest.approx(5.2, abs=0.2)


def test_work_on_a_machine_that_is_suddenly_crowded_is_counted(machine: Machine) -> None:
    watch = Stopwatch()
    for share in (1.0, 1.0, 0.9, 0.15, 0.12, 1.0):
        machine.work(5.0, share)
        watch.tick()
    assert watch.seconds == pytest.approx(30.0)


def test_a_stop_before_the_first_call_is_not_counted(machine: Machine) -> None:
    watch = Stopwatch()
    machine.stop(60)
    machine.work(0.3)
    assert watch.tick() == pytest.approx(0.3)


def test_short_pauses_are_nothing_to_look_at(machine: Machine) -> None:
    watch = Stopwatch()
    for _ in range(10):
        machine.stop(0.9)
        watch.tick()
    assert watch.seconds == pytest.approx(9.0)


def test_a_run_tells_the_seconds_and_the_speed_of_its_training_alone(machine: Machine) -> None:
    seen: list[float] = []

    def look(progress: Any) -> None:
        machine.work(0.5)
        if len(seen) == 3:
            machine.stop(3600)
        seen.append(progress.steps_per_second)

    (result,) = train([example_config(steps=500, tol=0.0)], watch=Watch(look))
    assert result.seconds == pytest.approx(0.5 * len(seen))
    assert min(seen[1:]) > 1


def test_so_does_a_network(machine: Machine) -> None:
    images = image_set()
    config = config_of(images, steps=12)
    left = iter([0.0, 3600.0])

    def stop_once() -> bool:
        machine.work(0.5)
        machine.stop(next(left, 0.0))
        return False

    result = train_network(config, images, watch=Watch(should_stop=stop_once))
    assert result.seconds == pytest.approx(0.5 * (config.steps - 1))

"""Steps that are recorded and replayed end where plain ones do, or are not used.

On a GPU a recording is a CUDA graph; that test was never run where this was written. All else is seen on a CPU, with a
recorder that does the work again.
"""

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from nccli.e2e import captured
from nccli.e2e.captured import GraphSteps, steps_of
from nccli.e2e.checkpoint import RunCheckpoint
from nccli.e2e.descent import Descent
from nccli.e2e.device_images import DeviceSet
from nccli.e2e.recorder import CannotCaptureError
from nccli.e2e.result import NetworkProgress
from nccli.e2e.steps import PlainSteps
from nccli.e2e.train import Training, train_network
from nccli.training.watch import Watch
from tests.e2e.image_files import config_of, image_set

IMAGES = image_set()
CHANCE = random.Random(0)
"""Python's random numbers, as far as networks go; in tests the type checker draws from the others."""


@pytest.fixture(autouse=True)
def _own_chance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nccli.e2e.captured.random", CHANCE)


class Again:
    """A recorder that does the work again, and notes how often.

    Attributes:
        replayed: steps that were replayed, call by call.
        frozen: called before each replay, as what Python did is not repeated by a graph.
    """

    def __init__(self, frozen: Callable[[], None] = lambda: None) -> None:
        self.replayed: list[int] = []
        self.frozen = frozen

    def warm_up(self, work: Callable[[], None]) -> None:
        work()

    def record(self, work: Callable[[], None]) -> Callable[[], None]:
        def replay() -> None:
            self.frozen()
            self.replayed.append(1)
            work()

        return replay

    def wait(self) -> None:
        pass

    def drawn(self) -> Tensor:
        return torch.zeros(1)

    def seed(self, number: int) -> None:
        torch.manual_seed(number)


class Drawing(Again):
    """As on a GPU where a network draws random numbers there."""

    def drawn(self) -> Tensor:
        return torch.rand(1, generator=self.generator)

    generator = torch.Generator()


def recorded(monkeypatch: pytest.MonkeyPatch, recorder: Callable[[], Any] = Again) -> list[Any]:
    """Let steps be recorded; the recorders that are made."""
    made: list[Any] = []

    def graphs(descent: Descent, capture: bool, on_note: Callable[[str], None]) -> Any:
        made.append(recorder())
        monkeypatch.setattr("nccli.e2e.captured.CudaRecorder", lambda device: made[-1])
        return steps_of(descent, True, on_note)

    monkeypatch.setattr("nccli.e2e.train.steps_of", graphs)
    monkeypatch.setattr("nccli.e2e.together.steps_of", graphs)
    return made


@pytest.mark.parametrize(
    "changes",
    [
        {"steps": 301, "backbone": "mlp"},  # samples of 256 steps lie there
        {"augment": True, "schedule": "cosine"},
        {"batch_size": 5, "wd_rise": 0.4},
    ],
)
def test_replays_end_where_plain_steps_do_bit_for_bit(monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]) -> None:
    config = config_of(IMAGES, **{"steps": 61, "batch_size": 2, **changes})
    plain = train_network(config, IMAGES)
    made = recorded(monkeypatch)
    found = train_network(config, IMAGES)
    assert all(torch.equal(tensor, plain.model[name]) for name, tensor in found.model.items())
    assert [row["step"] for row in found.history] == [row["step"] for row in plain.history]
    assert len(made[0].replayed) < config.steps  # several at once


@pytest.mark.parametrize(("stop_at", "steps", "backbone"), [(1, 40, "small-cnn"), (5, 40, "mlp"), (260, 300, "mlp")])
def test_a_recorded_run_stopped_anywhere_goes_on_to_the_same_result(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, stop_at: int, steps: int, backbone: str
) -> None:
    config = config_of(IMAGES, backbone=backbone, steps=steps, batch_size=2, augment=True)
    plain = train_network(config, IMAGES)
    recorded(monkeypatch)
    run = Training(config, DeviceSet(IMAGES, "cpu"), checkpoint=RunCheckpoint(tmp_path / "state.pt"))
    run.watch = Watch[NetworkProgress](should_stop=lambda: run.step >= stop_at)
    assert run.run().status == "interrupted"
    found = train_network(config, IMAGES, checkpoint=RunCheckpoint(tmp_path / "state.pt"))
    assert all(torch.equal(tensor, plain.model[name]) for name, tensor in found.model.items())


def test_runs_side_by_side_are_recorded_too(monkeypatch: pytest.MonkeyPatch) -> None:
    from tests.e2e.test_together import grid, together

    plain = together(grid())
    made = recorded(monkeypatch)
    for found, wanted in zip(together(grid()), plain, strict=True):
        assert all(torch.equal(tensor, wanted.model[name]) for name, tensor in found.model.items())
    assert made[0].replayed


class Plain(nn.Module):
    """A backbone that does something on its way."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(64, 6)
        self.register_buffer("count", torch.zeros(6))
        self.calls = 0

    def forward(self, x: Tensor) -> Tensor:
        self.on_its_way()
        return self.linear(x.flatten(1)) * self.factor()

    def on_its_way(self) -> None:
        pass

    def factor(self) -> float | Tensor:
        return 1.0


class Chance(Plain):
    def on_its_way(self) -> None:
        captured.random.random()


class HostTensor(Plain):
    def factor(self) -> Tensor:
        return torch.rand(1) if self.training else torch.ones(1)


class Replacing(Plain):
    def on_its_way(self) -> None:
        self.count = self.count + 1


class Remembering(Plain):
    def on_its_way(self) -> None:
        self.calls += self.training

    def factor(self) -> float:
        return 1.0 if self.calls % 2 else 3.0


class Dropping(Plain):
    def factor(self) -> Tensor:
        return torch.nn.functional.dropout(torch.ones(6), 0.5, self.training)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        ("Chance", "draws random numbers on the CPU"),
        ("HostTensor", "draws random numbers on the CPU"),
        ("Replacing", "replaces its buffers"),
        ("Remembering", "goes another way"),
    ],
)
def test_a_network_that_a_recording_would_not_repeat_is_trained_by_plain_steps_with_one_note(
    monkeypatch: pytest.MonkeyPatch, network: str, said: str
) -> None:
    config = config_of(IMAGES, backbone=f"tests.e2e.test_captured:{network}", steps=40)
    plain = train_network(config, IMAGES)
    notes: list[str] = []
    run = Training(config, DeviceSet(IMAGES, "cpu"), Watch[NetworkProgress](on_note=notes.append))
    freeze = (lambda: setattr(run.network.backbone, "calls", 0)) if network == "Remembering" else (lambda: None)
    recorded(monkeypatch, lambda: Again(freeze))
    found = run.run()
    (line,) = [each for each in notes if "CUDA graph" in each]
    assert said in line
    assert isinstance(run._steps, PlainSteps)
    assert found.status == "stopped"
    if network == "HostTensor":  # what it draws is a function of the step
        assert all(torch.equal(tensor, plain.model[name]) for name, tensor in found.model.items())


def test_a_network_that_draws_on_the_device_is_recorded_step_by_step_with_a_seed_each(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = config_of(IMAGES, backbone="tests.e2e.test_captured:Plain", steps=40)
    seeds: list[int] = []

    class Seeded(Drawing):
        def seed(self, number: int) -> None:
            seeds.append(number)

    made = recorded(monkeypatch, Seeded)
    train_network(config, IMAGES)
    assert len(made[0].replayed) == 41  # one of them on trial
    assert len(set(seeds)) == 40


def test_what_cannot_be_recorded_leaves_the_run_where_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing(Again):
        def record(self, work: Callable[[], None]) -> Callable[[], None]:
            work()
            raise CannotCaptureError("operation not permitted when stream is capturing")

    config = config_of(IMAGES, steps=40)
    plain = train_network(config, IMAGES)
    recorded(monkeypatch, Failing)
    found = train_network(config, IMAGES)
    assert all(torch.equal(tensor, plain.model[name]) for name, tensor in found.model.items())


def test_a_run_that_diverges_at_once_is_recorded_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    notes: list[str] = []
    recorded(monkeypatch)
    config = config_of(IMAGES, steps=40, lr=1e12, clip=0)
    run = Training(config, DeviceSet(IMAGES, "cpu"), Watch[NetworkProgress](on_note=notes.append))
    assert run.run().status == "diverged"
    assert isinstance(run._steps, GraphSteps)
    assert notes == []


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
@pytest.mark.parametrize("backbone", ["mlp", "small-cnn", "resnet20"])
@pytest.mark.parametrize("changes", [{}, {"augment": True}, {"precision": "bf16"}, {"precision": "tf32"}])
def test_a_cuda_graph_ends_where_plain_steps_on_the_gpu_do(backbone: str, changes: dict[str, Any]) -> None:
    images = image_set(size=16)
    config = config_of(images, backbone=backbone, steps=21, lr=1e-3, **changes)
    notes: list[str] = []
    before = torch.backends.cudnn.deterministic
    torch.backends.cudnn.deterministic = True
    try:
        run = Training(config, DeviceSet(images, "cuda"), Watch[NetworkProgress](on_note=notes.append))
        found = run.run()
        plain = Training(config, DeviceSet(images, "cuda"))
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("nccli.e2e.train.steps_of", lambda descent, capture, on_note: PlainSteps(descent))
            wanted = plain.run()
    finally:
        torch.backends.cudnn.deterministic = before
    assert isinstance(run._steps, GraphSteps)
    assert notes == []
    rel = 5e-2 if "precision" in changes else 1e-3
    for name, tensor in found.model.items():
        torch.testing.assert_close(tensor, wanted.model[name], rtol=rel, atol=rel / 10)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_dropout_on_a_gpu_is_recorded_and_draws_what_plain_steps_draw() -> None:
    config = config_of(IMAGES, backbone="tests.e2e.test_captured:DeviceDropout", steps=12)
    run = Training(config, DeviceSet(IMAGES, "cuda"))
    found = run.run()
    assert isinstance(run._steps, GraphSteps)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nccli.e2e.train.steps_of", lambda descent, capture, on_note: PlainSteps(descent))
        wanted = Training(config, DeviceSet(IMAGES, "cuda")).run()
    torch.testing.assert_close(found.model, wanted.model, rtol=1e-3, atol=1e-4)


class DeviceDropout(nn.Sequential):
    def __init__(self) -> None:
        super().__init__(nn.Flatten(), nn.Linear(64, 6), nn.Dropout(0.5))

"""The examples for loggers run as they are: TensorBoard's writes its files, the others say what a logger takes."""

import runpy
import struct
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
EPOCHS = [0, 1, 2, 3, 4, 6, 8, 10]


@pytest.fixture(autouse=True)
def _in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("QUICK", "1")
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.delitem(sys.modules, "digits_loop", raising=False)


def run(name: str) -> None:
    runpy.run_path(str(EXAMPLES / name), run_name="__main__")


def is_complete(metrics: dict[str, float]) -> bool:
    wanted = {"train/fc1/dnc1", "train/out.input/nc4", "train/out.input/self_duality", "train/fc3/effective_rank"}
    return wanted <= set(metrics) and all(isinstance(value, float) for value in metrics.values())


def events(path: Path) -> Iterator[Any]:
    """Of a file of TensorBoard: records of a length, its checksum, the event, its checksum."""
    from tensorboardX.proto import event_pb2

    raw = path.read_bytes()
    while raw:
        (length,) = struct.unpack("<Q", raw[:8])
        yield event_pb2.Event.FromString(raw[12 : 12 + length])
        raw = raw[16 + length :]


def test_tensorboard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)  # whether or not it is installed
    run("log_tensorboard.py")
    (file,) = (tmp_path / "runs" / "digits").iterdir()
    written: dict[int, dict[str, float]] = {}
    for event in events(file):
        for value in event.summary.value:
            written.setdefault(event.step, {})[value.tag] = value.simple_value
    assert list(written) == EPOCHS
    assert all(map(is_complete, written.values()))
    assert written[10]["train/out.input/nc4"] < 0.5 < written[0]["train/out.input/nc4"]


class Recorder:
    """Takes what wandb's run and MLflow's client take, by the same names."""

    def __init__(self) -> None:
        self.logged: list[tuple[int, dict[str, float]]] = []

    @contextmanager
    def start(self, **_: str) -> Iterator["Recorder"]:
        """A run."""
        yield self

    def log(self, metrics: dict[str, float], step: int) -> None:
        """Numbers of a step."""
        self.logged.append((step, metrics))

    def set_experiment(self, name: str) -> None:
        """Of MLflow."""
        assert name


@pytest.mark.parametrize(
    ("module", "names"),
    [
        ("wandb", {"init": "start"}),
        ("mlflow", {"start_run": "start", "log_metrics": "log", "set_experiment": "set_experiment"}),
    ],
)
def test_wandb_and_mlflow_by_their_calls(module: str, names: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    recorder, stand_in = Recorder(), ModuleType(module)
    for name, own in names.items():
        setattr(stand_in, name, getattr(recorder, own))
    monkeypatch.setitem(sys.modules, module, stand_in)
    run(f"log_{module}.py")
    assert [step for step, _ in recorder.logged] == EPOCHS
    assert all(is_complete(metrics) for _, metrics in recorder.logged)

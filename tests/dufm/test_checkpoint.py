"""A batch that is stopped anywhere goes on from its checkpoint and ends as if nothing had happened, to the bit."""

import io
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from nccli.dufm import checkpoint as module
from nccli.dufm import compiler, native
from nccli.dufm.checkpoint import Checkpoint, read_checkpoint
from nccli.dufm.config import DufmConfig
from nccli.dufm.result import DufmResult
from nccli.dufm.saved import Saved
from nccli.dufm.train import resume, train
from nccli.errors import InputError
from nccli.training import paced_file
from nccli.training.watch import Watch

BASE = DufmConfig(
    K=3, L=3, n=3, width=5, wd_h1=2e-2, wd_layers=(2e-2,) * 3, lr=0.3, steps=3000, seed=4, dtype="float64", tol=0.0
)


@pytest.fixture(params=["compiled", "plain"])
def steps(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Both ways of taking steps on the CPU."""
    if request.param == "plain":
        monkeypatch.setenv("CC", "")
    for cached in (compiler._compiler, native.build):
        cached.cache_clear()
    yield request.param
    monkeypatch.undo()
    for cached in (compiler._compiler, native.build):
        cached.cache_clear()


def facts(result: DufmResult) -> tuple[object, ...]:
    """Everything about a run but its wall time."""
    layers = [(layer.dnc1, layer.singular_values.tobytes(), layer.class_means.tobytes()) for layer in result.layers]
    numbers = (result.status, result.steps, result.loss, result.fit, result.reg, result.grad_norm, result.collapsed_at)
    return (*numbers, result.history, layers)


def by_seed(results: list[DufmResult]) -> dict[int, tuple[object, ...]]:
    return {result.config.seed: facts(result) for result in results}


def stopped_at(configs: list[DufmConfig], path: Path, step: int) -> list[DufmResult]:
    """Train until that step or a little later, then stop; the state is at `path`."""
    taken = [0]
    watch = Watch(
        on_progress=lambda progress: taken.append(progress.step),
        should_stop=lambda: taken[-1] >= step,
    )
    return list(train(configs, watch=watch, checkpoint=Checkpoint(path)))


@cache
def undisturbed(steps: str) -> dict[int, tuple[object, ...]]:
    """Three runs that nobody stops, by seed; `steps` says how they are taken just now."""
    assert steps in ("compiled", "plain")
    return by_seed(list(train([replace(BASE, seed=seed) for seed in (2, 3, 4)])))


@pytest.mark.parametrize("step", [1, 200, 2000])
def test_a_resumed_batch_ends_as_an_undisturbed_one(steps: str, tmp_path: Path, step: int) -> None:
    configs = [replace(BASE, seed=seed) for seed in (2, 3, 4)]
    stopped = stopped_at(configs, tmp_path / "state.npz", step)
    assert {result.status for result in stopped} == {"interrupted"}
    saved = read_checkpoint(tmp_path / "state.npz")
    assert step <= saved.step < BASE.steps
    resumed = list(resume(saved, configs, checkpoint=Checkpoint(tmp_path / "state.npz")))
    assert by_seed(resumed) == undisturbed(steps)
    assert not (tmp_path / "state.npz").exists(), "the state of a finished batch is of no use"


@pytest.mark.parametrize(
    "changes",
    [
        {"optimizer": "heavy-ball", "momentum": 0.9, "schedule": "cosine"},
        {"optimizer": "nesterov", "momentum": 0.5, "schedule": "step"},
        {"optimizer": "adam", "momentum": 0.9, "lr": 1e-3},
        {"dtype": "float32", "activation": "relu-eps", "epsilon": 0.1},
    ],
)
def test_what_the_optimiser_remembers_is_kept(steps: str, tmp_path: Path, changes: dict[str, object]) -> None:
    config = replace(BASE, steps=600, **changes)  # type: ignore[arg-type]
    stopped_at([config], tmp_path / "state.npz", 100)
    (resumed,) = resume(read_checkpoint(tmp_path / "state.npz"), [config])
    (undisturbed,) = train([config])
    assert facts(resumed) == facts(undisturbed)


def test_only_the_wanted_runs_go_on(tmp_path: Path) -> None:
    configs = [replace(BASE, seed=seed, steps=600) for seed in (2, 3, 4)]
    stopped_at(configs, tmp_path / "state.npz", 100)
    (resumed,) = resume(read_checkpoint(tmp_path / "state.npz"), configs[1:2])
    (undisturbed,) = train(configs[1:2])
    assert facts(resumed) == facts(undisturbed)


def test_runs_that_have_ended_are_not_in_the_state(tmp_path: Path) -> None:
    early, late = replace(BASE, tol=0.2), replace(BASE, seed=3)
    done = stopped_at([early, late], tmp_path / "state.npz", 1500)
    assert {result.config: result.status for result in done} == {early: "converged", late: "interrupted"}
    saved = read_checkpoint(tmp_path / "state.npz")
    assert [saved.configs[run] for run in saved.going] == [late]


def test_the_time_of_training_adds_up(tmp_path: Path) -> None:
    (stopped,) = stopped_at([BASE], tmp_path / "state.npz", 1000)
    (resumed,) = resume(read_checkpoint(tmp_path / "state.npz"), [BASE])
    assert resumed.seconds > stopped.seconds


def test_states_are_written_while_training_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paced_file, "_SECONDS", 0.0)
    monkeypatch.setattr(paced_file, "_COST", 1e9)
    path, seen = tmp_path / "state.npz", []
    watch = Watch(on_progress=lambda progress: seen.append(path.exists()))
    list(train([BASE], watch=watch, checkpoint=Checkpoint(path)))
    assert seen[0] is False
    assert seen[-1] is True
    assert list(tmp_path.iterdir()) == []


def test_writing_is_at_most_once_a_minute_and_one_percent_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = [1000.0]
    monkeypatch.setattr(paced_file.time, "monotonic", lambda: now[0])
    checkpoint = Checkpoint(tmp_path / "state.npz")
    now[0] += 59
    assert not checkpoint.due
    now[0] += 1
    assert checkpoint.due

    def slow(*_: object, **__: object) -> None:
        now[0] += 5.0

    monkeypatch.setattr(np, "savez", slow)
    checkpoint.save(Saved.start([BASE], "cpu", reduction=True), pytest.fail)
    now[0] += 499
    assert not checkpoint.due
    now[0] += 1
    assert checkpoint.due


def test_a_disk_that_is_full_stops_no_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paced_file, "_SECONDS", 0.0)
    said: list[str] = []
    nowhere = Checkpoint(tmp_path / "missing" / "state.npz")
    (result,) = train([replace(BASE, steps=300)], watch=Watch(on_trouble=said.append), checkpoint=nowhere)
    assert result.status == "stopped"
    assert said == [f"the checkpoint {nowhere.path} cannot be written: No such file or directory"]


@pytest.mark.parametrize("damage", ["cut", "empty", "text", "pickle", "version"])
def test_what_is_no_checkpoint_is_refused(tmp_path: Path, damage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "state.npz"
    stopped_at([replace(BASE, steps=600)], path, 100)
    whole = path.read_bytes()
    if damage == "version":
        monkeypatch.setattr(module, "__version__", "999")
    elif damage == "pickle":
        np.savez(path, header=np.array([{"format": 1}], dtype=object), allow_pickle=True)
    else:
        path.write_bytes({"cut": whole[: len(whole) // 2], "empty": b"", "text": b"not a checkpoint"}[damage])
    with pytest.raises(InputError, match=r"checkpoint .*state\.npz"):
        read_checkpoint(path)


def test_the_interval_can_be_set_and_nonsense_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NCCLI_CHECKPOINT_SECONDS", "0")
    assert Checkpoint(tmp_path / "state.npz").due
    for text in ("often", "nan", "-1"):
        monkeypatch.setenv("NCCLI_CHECKPOINT_SECONDS", text)
        with pytest.raises(InputError, match="NCCLI_CHECKPOINT_SECONDS"):
            Checkpoint(tmp_path / "state.npz")


def test_a_checkpoint_that_claims_more_than_it_holds_is_refused_before_anything_is_allocated(tmp_path: Path) -> None:
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, {"descr": "|u1", "fortran_order": False, "shape": (10**12,)})
    with zipfile.ZipFile(tmp_path / "state.npz", "w") as archive:
        archive.writestr("header.npy", header.getvalue())
    with pytest.raises(InputError, match=r"header\.npy says that it is larger than the file"):
        read_checkpoint(tmp_path / "state.npz")


def test_a_compressed_checkpoint_is_refused(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "state.npz", header=np.zeros(10**6, np.uint8))
    with pytest.raises(InputError, match=r"header\.npy is compressed"):
        read_checkpoint(tmp_path / "state.npz")

"""measure --weights of several files: a series of runs that goes on where it was."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from nccli.cli.entry import run as nccli_main
from nccli.measure import own_network
from tests.e2e.image_files import write_npz

NETS = """
from torch import nn

def make(K, shape):
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.ReLU(), nn.Linear(6, K))
"""
LINE = ("measure", "--model", "series_nets:make", "--dataset", "own.npz", "--format", "jsonl")

Measured = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A network, its data and three checkpoints."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "series_nets", raising=False)
    write_npz(tmp_path / "own.npz")
    Path("series_nets.py").write_text(NETS)
    for epoch in (2, 9, 10):
        torch.manual_seed(epoch)
        layers = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 6), torch.nn.ReLU(), torch.nn.Linear(6, 4))
        torch.save(layers.state_dict(), f"ep{epoch}.pt")
    return tmp_path


@pytest.fixture
def measured(folder: Path, capsys: pytest.CaptureFixture[str]) -> Measured:
    """What measuring prints, a record a layer."""

    def go(*options: str, code: int = 0) -> list[dict[str, Any]]:
        capsys.readouterr()
        assert nccli_main([*LINE, *options]) == code
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return go


def places(records: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return list(dict.fromkeys((r["series"], r["step"], r["split"], r["file"]) for r in records))


def ids(records: list[dict[str, Any]]) -> list[str]:
    return list(dict.fromkeys(record["id"] for record in records))


def test_a_pattern_is_one_series_in_natural_order_with_steps_from_the_names(measured: Measured) -> None:
    found = measured("--weights", "ep*.pt", "--step-from", r"ep(\d+)", "--series", "a", "--split", "train,test")
    assert places(found) == [("a", e, part, f"ep{e}.pt") for e in (2, 9, 10) for part in ("train", "test")]
    assert {record["name"] for record in found} >= {"1", "3.input", "3"}
    in_order = measured("--weights", "ep*.pt", "--series", "b")
    assert [(step, file) for _, step, _, file in places(in_order)] == [(1, "ep2.pt"), (2, "ep9.pt"), (3, "ep10.pt")]
    assert ids(in_order) == ids([record for record in found if record["split"] == "train"])
    assert {record["series"] for record in in_order} == {"a,b"}


def test_files_may_be_named_one_by_one(measured: Measured) -> None:
    one_by_one = measured("--weights", "ep9.pt", "--weights", "ep10.pt")
    by_the_shell = measured("--weights", "ep9.pt", "ep10.pt")
    assert ids(one_by_one) == ids(by_the_shell)
    assert [step for _, step, *_ in places(by_the_shell)] == [1, 2]
    assert places(measured("--weights", "ep2.pt")) == [(None, None, "train", "ep2.pt")]


def test_ctrl_c_keeps_what_is_measured_and_nothing_is_measured_twice(
    measured: Measured, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    measure = own_network.measure_network

    def interrupted(*arguments: Any) -> Any:
        calls.append(1)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return measure(*arguments)

    monkeypatch.setattr(own_network, "measure_network", interrupted)
    first = measured("--weights", "ep*.pt", "--series", "a", code=130)
    assert [file for *_, file in places(first)] == ["ep2.pt", "ep9.pt"]
    whole = measured("--weights", "ep*.pt", "--series", "a")
    assert len(calls) == 4
    assert len(ids(whole)) == 3
    assert measured("--weights", "ep*.pt", "--series", "a") == whole
    assert len(calls) == 4
    measured("--weights", "ep*.pt", "--force")
    assert len(calls) == 7


def test_a_file_that_cannot_be_read_is_named_and_the_rest_is_measured(
    measured: Measured, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("ep5.pt").write_bytes(b"junk")
    Path("ep7.pt").write_bytes(Path("ep2.pt").read_bytes())
    found = measured("--weights", "ep*.pt", "--step-from", r"(\d+)", code=4)
    assert [step for _, step, *_ in places(found)] == [2, 9, 10], "7 has the content of 2"


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--weights", "none*.pt"], "no file matches"),
        (["--weights", "ep2.pt", "--series", "a"], "--step-from"),
        (["--weights", "ep*.pt", "--step-from", "ep"], "0 groups"),
        (["--weights", "ep*.pt", "--split", "dev"], "train, test"),
        (["--weights", "ep*.pt", "--series", "a,b"], "no comma"),
        (["--series", "a"], "--weights"),
    ],
)
def test_what_is_no_series_is_refused_in_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert nccli_main([*LINE, *options, "--quiet"]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert len(printed.err.strip().splitlines()) == 1
    assert not Path("nccli.db").exists()


def test_files_of_features_are_a_series_where_one_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = np.repeat(np.arange(3), 5)
    for step in (1, 10, 2):
        features = np.eye(3)[labels] + np.random.default_rng(step).normal(size=(15, 3)) / step
        np.savez(f"step{step}.npz", features=features, labels=labels)
    line = ["measure", "step*.npz", "--step-from", r"step(\d+)", "--series", "f", "--format", "jsonl"]
    assert nccli_main(line) == 0
    found = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [(r["series"], r["step"], r["file"]) for r in found] == [("f", s, f"step{s}.npz") for s in (1, 2, 10)]
    assert nccli_main(["measure", "step1.npz", "step2.npz", "--format", "jsonl"]) == 0
    found = [json.loads(text) for text in capsys.readouterr().out.splitlines()]
    assert [(r["series"], r["step"]) for r in found] == [("f", 1), ("f", 2)], "a place is kept"

"""`--dry-run` tells for every run a command that makes exactly that run."""

import re
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from nccli.cli import run_command
from nccli.cli.arguments import arguments, parameters
from nccli.cli.entry import run as run_nccli
from nccli.cli.options import OutputFormat
from nccli.cli.output import collected, emit
from nccli.cli.run_command import AS_ASKED
from nccli.cli.training import Request
from nccli.dufm.config import DufmConfig
from nccli.sweep import Plan
from tests.cli.command import Nccli
from tests.cli.conftest import Made

NOT_OF_A_RUN = {"format", "quiet", "dry_run", "jobs", "executor", "slurm", "name", "detach"}
"""Options of how a sweep is carried out and told."""

SAID_OTHERWISE = {"train-dufm": set[str](), "train-e2e": {"epochs", "time_constants", "autocast"}}
SAID_OTHERWISE |= {"construct": {"s", "graph", "rank"}, "search": set()}
"""Options that are told as others, or that a construction names by itself."""

IDS = OutputFormat.ids
decays = st.floats(1e-6, 1e-1)


def planned(argv: Sequence[str]) -> list[dict[str, Any]]:
    """What `--dry-run` prints, as records."""
    with collected() as found:
        assert run_nccli([*argv, "--dry-run", "--quiet"]) == 0
    return [dict(record) for record in found]


def check(command: str, options: Mapping[str, Any]) -> None:
    """Every run of a grid has the id that its own command plans."""
    grid = planned(arguments(command, options))
    assert grid
    for record in grid:
        nccli, *alone = shlex.split(record["command"])
        assert nccli == "nccli"
        assert [each["id"] for each in planned(alone)] == [record["id"]], record["command"]


@st.composite
def problems(draw: st.DrawFn) -> dict[str, Any]:
    L = draw(st.integers(2, 5))
    options: dict[str, Any] = {"K": draw(st.lists(st.integers(2, 12), min_size=1, max_size=2)), "L": L}
    options["n"] = draw(st.none() | st.integers(1, 5))
    options["wd"] = draw(st.none() | decays)
    options["wd_h1"] = draw(st.none() | decays)
    options["wd_layers"] = draw(st.none() | st.lists(decays, min_size=L, max_size=L))
    return options


@st.composite
def descents(draw: st.DrawFn) -> dict[str, Any]:
    options = draw(problems())
    of_numbers = {"lr": st.floats(1e-4, 2), "tol": st.floats(0, 0.5), "init_scale": st.floats(0.1, 3)}
    of_numbers |= {"width": st.integers(1, 40), "steps": st.integers(1, 10**6), "seed": st.integers(0, 2**63 - 1)}
    of_words = {"init": ["normal", "he", "orthogonal"], "dtype": ["float32", "float64"]}
    of_words |= {"schedule": ["constant", "cosine", "step:0.1@0.5,0.75"]}
    of_numbers |= {name: st.sampled_from(words) for name, words in of_words.items()}
    options |= {name: draw(st.none() | values) for name, values in of_numbers.items()}
    options["optimizer"] = draw(st.none() | st.sampled_from(["gd", "nesterov", "adam"]))
    if options["optimizer"] in ("nesterov", "adam"):
        options["momentum"] = draw(st.none() | st.floats(0, 0.99))
    options["activation"] = draw(st.none() | st.sampled_from(["relu", "linear", "relu-eps"]))
    if options["activation"] == "relu-eps":
        options["epsilon"] = draw(st.none() | st.floats(1e-3, 1))
    options["polish"] = draw(st.booleans())
    if draw(st.booleans()):
        options["reduction"] = False
    else:
        options["collapse_tol"] = draw(st.none() | st.floats(0, 0.1))
    return options


def show_ids(plan: Plan[DufmConfig], trainer: object, store: object, request: Request, size: object) -> None:
    """The plan without what its batches cost, which takes a compiler."""
    emit(({"id": key, "command": request.command(config)} for key, config in plan.configs.items()), None, IDS, ())


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(options=descents())
def test_a_descent(options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nccli.cli.commands.train_dufm.show_plan", show_ids)
    check("train-dufm", options | {"store": tmp_path / "no store.db", "tag": "a"})


@settings(max_examples=20)
@given(options=problems(), kind=st.sampled_from(["dnc", "best", "srg", "bipartition"]), width=st.none() | st.just(40))
def test_a_construction(options: dict[str, Any], kind: str, width: int | None) -> None:
    options["K"] = [max(each, 6) for each in options["K"]] if kind == "srg" else options["K"]
    options["K"] = 6 if kind == "bipartition" else options["K"]
    check("construct", options | {"kind": kind, "width": width})


@pytest.mark.parametrize("graph", ["petersen", "complete-5", "3-0,0-1,1-2,2-3"])
def test_a_graph(graph: str) -> None:
    check("construct", {"kind": "graph", "graph": graph, "L": [3, 4]})


@pytest.mark.parametrize(
    "options",
    [
        {"reg": ["dufm", "standard"], "L": 3, "wd": 0.1 + 0.2, "time_constants": 2},
        {"wd_layers": [[1e-3, 2e-3]], "L": 2, "epochs": [1, 2], "precision": "bf16"},
        {"wd_h1": 3e-6, "steps": 7, "schedule": "cosine", "augment": True, "clip": 0, "together": False},
        {"backbone": "own:little", "dataset": "mine.npz", "dataset_name": "mine", "per_class": 3, "momentum": 0.9},
    ],
)
def test_a_network(options: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    Path("own.py").write_text("import torch\ndef little(): return torch.nn.Sequential(torch.nn.Flatten())\n")
    images = np.random.default_rng(0).random((12, 1, 4, 5)).astype(np.float32)
    np.savez("mine.npz", x_train=images, y_train=np.arange(12) % 3)
    usual = {"dataset": "mine.npz", "backbone": "own:little", "width": 8}
    check("train-e2e", usual | options)


@pytest.mark.parametrize(
    "options",
    [
        {"from": "RUN"},
        {"from": "RUN", "wd": [1e-3, 3e-3], "noise": [0, 0.1], "seed": [0, 1], "refine": True},
        {"from": "RUN", "optimizer": ["gd", "adam"], "activation": "relu-eps", "until": "settled", "lr": 0.25},
        {"from": "srg", "K": [6, 10], "noise": 1e-3, "seed": range(2), "polish": True},
        {"from": "point.npz", "n": 3, "wd_h1": 1e-3, "optimizer": "nesterov"},
    ],
)
def test_a_run_that_begins_at_a_point(options: dict[str, Any], grid: Made, run: Nccli) -> None:
    if options["from"] == "RUN":
        options = options | {"from": grid.ids[1][:7], "store": grid.path}
        if "until" in options:
            options["optimizer"] = "heavy-ball"
    else:
        run("construct --kind dnc --K 4 --L 3 --width 9 --export point.npz --quiet")
    line = shlex.join(arguments("train-dufm", options))
    records = run(f"{line} --dry-run --quiet --format jsonl").records
    assert records
    for record in records:
        alone = record["command"].removeprefix("nccli ")
        assert run(f"{alone} --dry-run --quiet --format ids").ids == [record["id"]], alone


@pytest.mark.parametrize("command", AS_ASKED)
def test_every_option_is_told_or_is_not_of_one_run(command: str) -> None:
    told = {*AS_ASKED[command], *NOT_OF_A_RUN, *SAID_OTHERWISE[command]}
    named = set(re.findall(r'"(\w+)"', Path(str(run_command.__file__)).read_text()))
    assert {str(each.name) for each in parameters(command).values()} - told <= named


@pytest.mark.long
def test_lines_given_to_a_shell_side_by_side_fill_one_store(run: Nccli) -> None:
    grid = "train-dufm --K 3 --L 2 --width 4 --n 1 --steps 60 --seed 0,1 --polish"
    made = run.sh(
        f"nccli {grid} --dry-run --quiet --format jsonl --store 'one store.db' | jq -r .command | tr '\\n' '\\0' |"
        " xargs -0 -P2 -I{} sh -c '{} --quiet'"
    )
    again = run(f"{grid} --store 'one store.db'")
    assert sorted(made.ids) == sorted(again.ids)
    assert len(again.ids) == 2
    assert "2 of 2 runs are in the store already" in again.err

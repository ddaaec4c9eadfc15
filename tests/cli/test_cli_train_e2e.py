"""train-e2e: from images to a stored run, from which figures and comparisons are queries."""

import json
import re
import signal
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from nccli.cli.entry import run as nccli_main
from tests.cli.command import Nccli
from tests.cli.conftest import Made
from tests.cli.sql import class_means, histories, query
from tests.cli.test_cli_killed import kill_when_saved
from tests.e2e.image_files import patterns, write_npz

TINY = "train-e2e --dataset own.npz --backbone small-cnn --L 3 --width 6 --batch-size 16"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One run of each regularisation, and an exported network."""
    nccli = Nccli(tmp_path_factory.mktemp("e2e"))
    write_npz(nccli.folder / "own.npz")
    ended = nccli(f"{TINY} --epochs 20 --export net.safetensors")
    nccli(f"{TINY} --epochs 5 --reg standard --quiet")
    return Made(nccli.folder / "nccli.db", ended)


def test_a_run_is_stored_with_its_data_accuracy_layers_and_history(trained: Made) -> None:
    (record,) = Nccli(trained.path.parent)(f"runs show {trained.ids[0]}").records
    assert (record["kind"], record["status"], record["K"], record["n"], record["L"]) == ("e2e", "stopped", 4, 12, 3)
    assert (record["dataset"], record["backbone"], record["reg_kind"]) == ("own.npz", "small-cnn", "dufm")
    assert 0.25 < record["train_accuracy"] <= 1
    assert record["config"]["wd_h1"] == pytest.approx(5 * 5e-3 / 12)
    assert record["loss_dnc"] > 0
    assert [(layer["layer"], layer["stage"]) for layer in record["layers"]] == [
        *((1, "post"), (2, "pre"), (2, "post"), (3, "pre"), (3, "post"))
    ]
    assert record["layers"][-1]["nc4"] is not None
    steps = [row["step"] for row in histories(trained.path)[record["id"]]]
    assert steps[0] == 0
    assert max(steps) == record["steps"] == 60


def test_too_few_steps_are_told_with_the_time_constants_that_would_do(trained: Made) -> None:
    assert "time constants" in trained.ended.err
    assert "60 steps are 0.2 time constants" in trained.ended.err
    assert "--time-constants 45" in trained.ended.err


def test_standard_weight_decay_has_no_dnc_loss_to_be_compared_with(trained: Made) -> None:
    nccli = Nccli(trained.path.parent)
    by_kind = {record["reg_kind"]: record for record in nccli("compare").records}
    assert by_kind["standard"]["loss_dnc"] is None
    assert by_kind["standard"]["below_dnc"] is None
    assert by_kind["dufm"]["below_dnc"] is False
    assert [row["runs"] for row in nccli("compare --group-by reg_kind").records] == [1, 1]
    assert nccli("runs list --where reg_kind=standard --format ids").ids == [by_kind["standard"]["id"]]


@pytest.mark.parametrize("figure", ["training", "spectra"])
def test_figures_are_drawn_of_such_runs(trained: Made, tmp_path: Path, figure: str) -> None:
    Nccli(tmp_path)(f"plot {figure} --store {trained.path} -o figure.svg")
    assert (tmp_path / "figure.svg").stat().st_size > 5000


def test_a_set_in_a_file_is_found_by_the_name_that_the_user_gave_it(trained: Made) -> None:
    nccli = Nccli(trained.path.parent)
    (named,) = nccli(f"{TINY} --epochs 1 --dataset-name cifar10 --quiet --format jsonl").records
    assert named["dataset"] == named["config"]["dataset"] == "cifar10"
    assert nccli("runs list --where config.dataset=cifar10 --format ids").ids == [named["id"]]
    assert named["config"]["data"] == nccli(f"runs show {trained.ids[0]}").records[0]["config"]["data"]
    nccli(f"runs rm {named['id']} --yes")


def test_the_same_command_returns_the_stored_run_and_an_export_of_it_needs_force(trained: Made) -> None:
    nccli = Nccli(trained.path.parent)
    again = nccli(f"{TINY} --epochs 20")
    assert again.ids == trained.ids
    assert "in the store already" in again.err
    assert "--force" in nccli(f"{TINY} --epochs 20 --export again.pt", code=2).err


def test_an_exported_network_measures_as_the_run_did(trained: Made) -> None:
    nccli = Nccli(trained.path.parent)
    (nccli.folder / "their_net.py").write_text(
        "from nccli.e2e.backbones import build_backbone\n"
        "from nccli.e2e.network import Head, Network\n"
        "class Logits(Network):\n"
        "    def forward(self, x): return super().forward(x)[1]\n"
        "def make(shape, K): return Logits(build_backbone('small-cnn', shape)[0], Head(64, 6, K, 3))\n"
    )
    assert set(load_file(nccli.folder / "net.safetensors")) >= {f"head.layers.{i}.weight" for i in range(3)}
    options = "--weights net.safetensors --dataset own.npz --pixels standard --layers ^head.layers"
    ended = nccli(f"measure --model their_net:make {options} --format jsonl")
    theirs = {record["name"]: record for record in ended.records}
    (run,) = nccli(f"runs show {trained.ids[0]}").records
    ours = {(layer["layer"], layer["stage"]): layer for layer in run["layers"]}
    for name, place in (
        ("head.layers.0", (2, "pre")),
        ("head.layers.1", (3, "pre")),
        ("head.layers.2.input", (3, "post")),
    ):
        for metric in ("dnc1", "nc1_pinv", "etf_distance"):
            assert theirs[name][metric] == pytest.approx(ours[place][metric], rel=1e-3)
    assert theirs["head.layers.2.input"]["nc4"] == ours[3, "post"]["nc4"]
    assert "measured head.layers.0, head.layers.1, head.layers.2.input" in ended.err


@pytest.mark.long
def test_a_killed_run_goes_on_and_ends_as_an_undisturbed_one(
    run: Nccli, tmp_path_factory: pytest.TempPathFactory
) -> None:
    line = f"{TINY} --epochs 40 --seed 3 --quiet"
    write_npz(run.folder / "own.npz")
    kill_when_saved(run, line, 1)
    ids = run(line).ids
    undisturbed = Nccli(tmp_path_factory.mktemp("undisturbed"))
    write_npz(undisturbed.folder / "own.npz")
    assert undisturbed(line).ids == ids
    result = "SELECT loss, fit, reg, steps, status, train_accuracy, test_accuracy FROM run"
    for question in (lambda store: query(store, result), histories, class_means):
        assert question(run.folder / "nccli.db") == question(undisturbed.folder / "nccli.db")
    assert list(run.folder.glob("*checkpoint*")) == []


@pytest.mark.long
def test_processes_that_share_a_sweep_train_each_run_once_and_take_over_from_one_that_is_killed(run: Nccli) -> None:
    write_npz(run.folder / "own.npz")
    line = f"{TINY} --epochs 25 --seed 0..3"
    run(f"{TINY} --epochs 1 --seed 9 --quiet")
    with run.start(line, {}) as first, run.start(line, {}) as second:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and first.poll() is None:
            if query(run.folder / "nccli.db", "SELECT 1 FROM claim"):
                break
            time.sleep(0.02)
        first.send_signal(signal.SIGKILL)
        first.communicate(timeout=30)
        out, err = second.communicate(timeout=120)
    assert (first.returncode, second.returncode) == (-signal.SIGKILL, 0), err
    ids = out.decode().split()
    assert len(ids) == 4
    statuses = query(run.folder / "nccli.db", "SELECT id, status FROM run WHERE seed < 9")
    assert {row["id"]: row["status"] for row in statuses} == dict.fromkeys(ids, "stopped")
    assert query(run.folder / "nccli.db", "SELECT 1 FROM claim") == []
    assert all(record["ok"] for record in run("store check").records)


@pytest.mark.long
def test_runs_side_by_side_are_those_of_one_by_one(run: Nccli) -> None:
    write_npz(run.folder / "own.npz")
    together = run(f"{TINY} --epochs 3 --seed 0..2 --together --store a.db")
    alone = run(f"{TINY} --epochs 3 --seed 0..2 --one-by-one --store b.db")
    assert together.ids == alone.ids
    losses = [query(run.folder / name, "SELECT loss FROM run ORDER BY id") for name in ("a.db", "b.db")]
    assert [row["loss"] for row in losses[0]] == pytest.approx([row["loss"] for row in losses[1]], rel=1e-4)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--dataset nowhere", "no such file or folder"),
        ("--dataset mnist --no-download --data-dir empty", "train-images-idx3-ubyte.gz"),
        ("--dataset own.npz --per-class 100", "choose 1 to 12"),
        ("--dataset own.npz --backbone resnet21", "must be resnet20"),
        ("--dataset own.npz --export net.onnx", "suffix"),
        ("--dataset own.npz --seed 0,1 --export net.pt", "2 runs"),
        ("--dataset own.npz --backbone resnet20 --together", "--together: not with --backbone resnet20"),
        ("--dataset own.npz --reg standard --wd-h1 1e-3", "one weight decay"),
        ("--dataset broken.npz", "truncated"),
        ("--dataset own.npz --dataset-name a=b", "--dataset-name 'a=b'"),
        ("--dataset own.npz --epochs 0", "epochs = 0: must be at least 1"),
        ("--dataset own.npz --steps -3", "steps = -3: must be at least 1"),
        ("--dataset own.npz --time-constants 0", "time-constants = 0.0: must be positive"),
        ("--dataset own.npz --epochs 3 --steps 9", "--steps and --epochs say the same: give one of them"),
        ("--dataset own.npz --precision tf32 --device cpu", "--precision tf32 is for GPUs"),
        ("--dataset own.npz --autocast --precision float32", "--precision float32 says otherwise"),
        ("--dataset own.npz --backbone mlp --feature-scale 4", "backbone mlp has no normalisation"),
        ("--dataset own.npz --reg standard --feature-scale 4", "it needs --reg dufm"),
        ("--dataset own.npz --lr 1e-30", "time constants 1/(lr·λ) are"),
        ("--dataset own.npz --wd -1", "λ_W1 = -1.0: must be positive"),
    ],
)
def test_what_cannot_be_trained_is_refused_in_one_line_and_nothing_is_stored(
    here: Path, capsys: pytest.CaptureFixture[str], options: str, said: str
) -> None:
    (here / "broken.npz").write_bytes((here / "own.npz").read_bytes()[:500])
    assert nccli_main(["train-e2e", *options.split(), "--quiet"]) == 2
    printed = capsys.readouterr()
    assert said in printed.err
    assert len(printed.err.strip().splitlines()) == 1
    assert printed.out == ""
    assert not runs_of(here / "nccli.db")


@pytest.mark.parametrize(
    ("options", "said"),
    [("--wd 0.5 --epochs 40", "ended at the trivial point"), ("--width 1 --epochs 1", "More --steps may help")],
)
def test_a_run_at_the_trivial_point_is_told_with_the_way_out(
    here: Path, capsys: pytest.CaptureFixture[str], options: str, said: str
) -> None:
    assert nccli_main([*TINY.split(), *options.split()]) == 0
    assert said in capsys.readouterr().err


@pytest.mark.long
def test_lost_classes_are_told_while_a_run_trains_and_not_again_where_it_ends_constant(
    here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    line = f"{TINY} --wd 0.03 --width 3 --lr 0.05 --momentum 0.9 --lr-rise 0 --schedule constant --epochs 400"
    assert nccli_main(line.split()) == 0
    told = [text for text in capsys.readouterr().err.splitlines() if "seed 0" in text]
    assert len(told) == 2
    assert "of 4 classes kept at step" in told[0]
    assert "ended at the trivial point" in told[1]
    assert all("--momentum 0" in text for text in told)


@pytest.mark.parametrize("K", [2, 3])
def test_so_few_classes_that_no_graph_exists_are_trained_and_compared(
    here: Path, capsys: pytest.CaptureFixture[str], K: int
) -> None:
    images, labels = patterns()
    few = labels < K
    np.savez(here / "few.npz", x_train=images[few], y_train=labels[few])
    line = f"{TINY.replace('own', 'few')} --epochs 2 --quiet"
    assert nccli_main(line.split()) == 0
    assert nccli_main(["compare", capsys.readouterr().out.strip(), "--format", "jsonl"]) == 0
    (record,) = map(json.loads, capsys.readouterr().out.splitlines())
    assert (record["K"], record["loss_srg"]) == (K, None)
    assert record["loss_dnc"] > 0


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, with a data set in it."""
    write_npz(tmp_path / "own.npz")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def runs_of(path: Path) -> list[object]:
    """Runs of a store that may not exist."""
    return list(query(path, "SELECT id FROM run")) if path.exists() else []


def test_a_sweep_is_planned_without_training(run: Nccli) -> None:
    write_npz(run.folder / "own.npz")
    records = run(f"{TINY} --wd 5e-3,1e-2 --seed 0..2 --dry-run").records
    assert [(r["wd_layers"][0], r["seed"]) for r in records] == [(wd, s) for wd in (5e-3, 1e-2) for s in range(3)]
    assert [r["steps"] for r in records] == [13432] * 3 + [6716] * 3
    assert records[0]["epochs"] == 13432 * 16 // 48
    assert records[0]["time_constants"] == pytest.approx(45, rel=1e-3)
    assert not (run.folder / "nccli.db").exists()


def test_a_plan_says_what_it_costs(run: Nccli) -> None:
    write_npz(run.folder / "own.npz")
    ended = run(f"{TINY} --seed 0,1 --steps 500,1000 --backbone mlp --dry-run")
    (told,) = re.findall(r"note: 4 runs, 3000 steps in all: about (\d+):(\d\d):(\d\d) on cpu", ended.err)
    assert 0 < 3600 * int(told[0]) + 60 * int(told[1]) + int(told[2]) < 600
    assert run(f"{TINY} --steps 500 --dry-run --quiet").err == ""


def test_an_exported_pt_file_is_plain_tensors(run: Nccli) -> None:
    write_npz(run.folder / "own.npz")
    run(f"{TINY} --epochs 1 --export net.pt --quiet")
    assert torch.load(run.folder / "net.pt", weights_only=True)["head.layers.2.weight"].shape == (4, 6)


def test_every_option_of_a_configuration_sweeps(run: Nccli) -> None:
    lists = "--backbone mlp,small-cnn --reg dufm,standard --momentum 0,0.9 --init he,default --batch-size 8,16"
    planned = run(f"train-e2e --per-class 3 --steps 2,3 {lists} --dry-run --quiet").records
    assert len(planned) == len({record["id"] for record in planned}) == 2**6
    assert {(each["wd_h1"] == 0.0, each["reg"]) for each in planned} == {(True, "standard"), (False, "dufm")}
    repeated = (
        "--schedule cosine --schedule step:0.1@0.5,0.75 --wd-layers 1e-3,1e-3 --wd-layers 1e-3,2e-3 --wd-h1 1e-4,1e-3"
    )
    planned = run(f"train-e2e --per-class 3 --backbone mlp --L 2 --epochs 1,2 {repeated} --dry-run --quiet").records
    found = {(each["schedule"], each["wd_layers"][1], each["wd_h1"], each["epochs"]) for each in planned}
    assert len(planned) == len(found) == 2**4


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ("--backbone mlp,", "--backbone: empty value in 'mlp,'"),
        ("--reg both", "--reg: 'both' is none of dufm, standard"),
        ("--steps 3 --epochs 1,2", "--steps and --epochs say the same"),
        ("--steps 3 --precision bf16,half", "--precision: 'half' is none of float32, tf32, bf16"),
        ("--steps 3 --momentum 0.5,1", "momentum = 1.0: must be in [0, 1)"),
    ],
)
def test_one_value_that_will_not_do_refuses_the_grid(run: Nccli, options: str, complaint: str) -> None:
    ended = run(f"train-e2e --per-class 3 --quiet {options}", code=2)
    assert complaint in ended.err
    assert len(ended.err.splitlines()) == 1

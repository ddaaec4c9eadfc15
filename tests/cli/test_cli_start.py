"""`train-dufm --from`, `--keep`, `--export`, `runs export --matrices`: points kept, written, and begun at."""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.cli.command import Nccli

RUN = "--K 4 --L 3 --n 2 --width 6 --steps 60 --lr 0.25 --seed 3"


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Nccli:
    """A folder with a store, a run, and its matrices in point.npz."""
    nccli = Nccli(tmp_path_factory.mktemp("start"))
    ended = nccli(f"train-dufm {RUN} --export point.npz --quiet")
    (nccli.folder / "id").write_text(ended.ids[0])
    return nccli


def key(made: Nccli) -> str:
    return (made.folder / "id").read_text()


def test_settings_are_those_of_the_run_but_for_what_is_given(made: Nccli) -> None:
    (record,) = made(f"train-dufm --from {key(made)} --noise 0.01 --lr 0.125 --format jsonl --quiet").records
    config = record["config"]
    assert [config[name] for name in ("K", "L", "n", "width", "steps", "seed", "lr")] == [4, 3, 2, 6, 60, 3, 0.125]
    assert (config["start"], config["noise"]) == (f"run {key(made)}", 0.01)
    (same,) = made(f"train-dufm --from {key(made)[:6]} --noise 0.01 --lr 0.125 --quiet").ids
    assert same == record["id"]


def test_seeds_are_noise_and_share_a_setting(made: Nccli) -> None:
    ids = made(f"train-dufm --from {key(made)} --noise 0.1 --seed 0..2 --quiet").ids
    grouped = f"compare {' '.join(ids)} --group-by config.start,config.noise --format jsonl"
    (group,) = made(grouped).records
    assert group["runs"] == 3
    assert len(made(f"train-dufm --from {key(made)} --noise 0,0.1,0.2 --seed 0..2 --quiet").ids) == 9
    assert made("runs list --where 'config.start~run and config.noise=0.2' --format ids").out.count("\n") == 3


def test_a_file_gives_the_sizes_and_a_construction_is_made_for_each_problem(made: Nccli) -> None:
    (record,) = made("train-dufm --from point.npz --steps 20 --format jsonl --quiet").records
    assert (record["K"], record["L"], record["width"], record["n"]) == (4, 3, 6, 10)
    assert record["config"]["start"] == "file point.npz"
    records = made("train-dufm --from dnc --K 3,4 --L 3 --n 1 --width 6 --steps 20 --format jsonl --quiet").records
    assert len({record["config"]["start_print"] for record in records}) == 2
    assert all(record["loss"] == pytest.approx(record["loss_dnc"], rel=1e-4) for record in records)


def test_a_constructed_run_is_a_point_too(made: Nccli) -> None:
    (built,) = made("construct --kind graph --graph square --L 3 --n 1 --width 8 --quiet").ids
    (record,) = made(f"train-dufm --from {built} --steps 20 --format jsonl --quiet").records
    assert (record["K"], record["width"], record["config"]["start"]) == (4, 8, f"run {built}")
    (large,) = made("construct --kind dnc --K 4 --L 3 --width 100 --quiet").ids
    assert "--from FILE.npz takes what construct --export writes" in made(f"train-dufm --from {large}", code=2).err


def test_exports_have_weights_and_class_means_in_the_orientation_of_the_paper(made: Nccli) -> None:
    means = dict.fromkeys(("M_1", "M_2", "M_3", "Mt_2", "Mt_3"), (6, 4))
    shapes = {"W_1": (6, 6), "W_2": (6, 6), "W_3": (4, 6), **means}
    made(f"runs export --matrices {key(made)} -o one.npz --quiet")
    made(f"runs export --matrices {key(made)} -o folder --quiet")
    contents = []
    for name in ("point.npz", "one.npz", f"folder/{key(made)}.npz"):
        with np.load(made.folder / name) as arrays:
            assert {k: arrays[k].shape for k in arrays.files} == {**shapes, **dict.fromkeys(("loss", "fit", "reg"), ())}
            np.testing.assert_allclose(arrays["Mt_2"], arrays["W_1"] @ arrays["M_1"], rtol=1e-5, atol=1e-6)
            contents.append({k: arrays[k].tobytes() for k in arrays.files})
    assert contents[0] == contents[1] == contents[2]


def test_large_weights_are_kept_on_demand(made: Nccli) -> None:
    wide = "train-dufm --K 4 --L 3 --n 1 --width 100 --steps 2"
    (run,) = made(f"{wide} --quiet").ids
    refused = made(f"train-dufm --from {run} --quiet", code=2)
    assert "has no weights in the store: --force --keep weights makes it again, with them" in refused.err
    assert "made without their weights: --force makes them again" in made(f"{wide} --keep weights").err
    made(f"{wide} --keep weights --force --quiet")
    assert made(f"train-dufm --from {run} --steps 3 --quiet").ids


REFUSED = {
    "--from zz": "must be a run id, a FILE.npz, or one of dnc, srg, bipartition, best",
    "--from gone.npz": "--from 'gone.npz': No such file",
    "--from text.npz": "it is no .npz file of matrices",
    "--from odd.npz": "it has no W_1, W_2",
    "--from pipe.npz": "--from 'pipe.npz': not a regular file",
    "--from point.npz --K 5": "the point has K = 4, and the run K = 5: drop --K",
    "--from dnc --wd 1": "it is the trivial point, all zero",
    "--noise 0.1": "--noise is added to the point that --from names",
    "--from dnc --noise much": "--noise",
    "--from dnc --noise=-1": "noise",
    "--keep gradients": "--keep gradients: must be among weights",
    "--export point.txt": "the suffix must be .npz",
    "--export two.npz --seed 0,1": "--export writes one run and the grid has 2",
}


@pytest.mark.parametrize("options", REFUSED)
def test_what_cannot_be_begun_is_refused_in_a_line(made: Nccli, options: str) -> None:
    (made.folder / "text.npz").write_text("no zip")
    np.savez(Path(made.folder / "odd.npz"), M_1=np.ones((3, 3)))
    if not (made.folder / "pipe.npz").exists():
        os.mkfifo(made.folder / "pipe.npz")
    ended = made(f"train-dufm {options} --steps 20 --quiet", code=2)
    assert REFUSED[options] in ended.err
    assert len(ended.err.splitlines()) == 1


def test_what_draws_a_point_is_refused_where_there_is_one(made: Nccli) -> None:
    for options, complaint in (
        ("--init he", "--init draws the point that --from names already"),
        ("--init-scale 2", "--init-scale draws the point that --from names already"),
        ("--seed 0..3", "--seed draws the noise that is added to the point of --from"),
    ):
        ended = made(f"train-dufm --from dnc --K 4 --L 3 --n 2 --width 6 --steps 9 --quiet {options}", code=2)
        assert complaint in ended.err


def test_a_run_that_had_not_collapsed_is_begun_at_its_class_means_and_it_is_said(run: Nccli) -> None:
    (key,) = run("train-dufm --K 4 --L 3 --n 2 --width 6 --steps 20 --quiet").ids
    assert f"run {key} had not collapsed (DNC1 " in run(f"train-dufm --from {key} --steps 10").err

"""`nccli compare --path` as a user meets it."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.cli.command import Nccli


@dataclass(frozen=True)
class Points:
    """A store, and runs in it."""

    path: Path
    ids: list[str]


@pytest.fixture(scope="module")
def points(tmp_path_factory: pytest.TempPathFactory) -> Points:
    """Two constructions of one problem, the second at another width; one of another problem, and a run of that."""
    nccli = Nccli(tmp_path_factory.mktemp("paths"))
    lines = (
        "construct --kind dnc --K 4 --L 3 --n 1 --wd 1e-2 --width 8",
        "construct --kind graph --graph square --L 3 --n 1 --wd 1e-2 --width 10 --quiet",
        "construct --kind dnc --K 4 --L 3 --n 2 --wd 1e-2 --width 8",
        "train-dufm --K 4 --L 3 --n 2 --width 8 --wd 1e-2 --steps 20 --quiet",
    )
    return Points(nccli.folder / "nccli.db", [nccli(line).ids[0] for line in lines])


def test_a_record_tells_what_each_path_climbs(points: Points, run: Nccli) -> None:
    dnc, square, *_ = points.ids
    (record,) = run(f"compare --path {dnc} {square} --starts 2 --store {points.path}").records
    assert (record["id_a"], record["id_b"], record["width_a"], record["width_b"]) == (dnc, square, 8, 10)
    climbed = record["loss_b"] - record["loss_a"]
    assert record["stored_barrier"] > record["straight_barrier"] > climbed
    assert record["relaxed_barrier"] == pytest.approx(climbed, abs=1e-11)
    assert record["relaxed_above_higher"] == pytest.approx(0, abs=1e-11)


def test_ids_come_from_a_pipe_and_places_along_the_way_go_into_one(points: Points, run: Nccli) -> None:
    dnc, square, *_ = points.ids
    rows = run(
        f"compare --path - --points --starts 2 --format csv --store {points.path}", stdin=f"{square}\n{dnc}\n"
    ).rows
    assert set(rows[0]) == {"position", "loss_straight", "loss_relaxed"}
    positions = [float(row["position"]) for row in rows]
    assert (positions[0], positions[-1], sorted(positions)) == (0.0, 1.0, positions)
    assert max(float(row["loss_relaxed"]) for row in rows) < max(float(row["loss_straight"]) for row in rows)


def test_class_means_stand_for_samples_that_have_not_collapsed(points: Points, run: Nccli) -> None:
    *_, dnc, trained = points.ids
    ended = run(f"compare --path {dnc} {trained} --starts 2 --store {points.path}")
    assert f"note: run {trained} is not collapsed: its class means stand for its samples, loss " in ended.err
    assert f"run {dnc}" not in ended.err


def test_what_is_no_path_is_refused(points: Points, run: Nccli) -> None:
    dnc, square, other, _ = points.ids
    refused = {
        f"compare --path {dnc} {dnc}": "name two different ones, not 1",
        f"compare --path {dnc}": "name two different ones, not 1",
        "compare --path": "name two",
        f"compare --path {dnc} {other}": "of different problems: n 1 and n 2",
        f"compare --path {dnc} {square} --outcomes": "--path is about two runs",
        "compare --points": "--points belongs to --path",
        "compare --starts 3": "--starts belongs to --path",
    }
    commands = {f"{command} --store {points.path}": said for command, said in refused.items()}
    for ended, said in zip(run.all(commands, code=2).values(), commands.values(), strict=True):
        assert said in ended.err
    assert "no run" in run(f"compare --path {dnc} 000000000000 --store {points.path}", code=3).err

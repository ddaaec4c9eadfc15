"""Runs that diverge: exit code 4, and all else as if they were not there."""

from tests.cli.command import Nccli
from tests.cli.conftest import Made
from tests.cli.sql import query


def test_a_grid_with_diverging_runs_ends_with_4_and_prints_all_ids(diverging: Made) -> None:
    assert diverging.ended.code == 4
    good, *lost = diverging.ids
    stored = {row["id"]: row["status"] for row in query(diverging.path, "SELECT id, status FROM run")}
    assert stored == {good: "stopped", **dict.fromkeys(lost, "diverged")}


def test_the_error_counts_and_names_the_runs_and_says_what_may_help(diverging: Made) -> None:
    _, first, second = diverging.ids
    (error,) = [line for line in diverging.ended.err.splitlines() if line.startswith("nccli: ")]
    assert error.startswith(f"nccli: 2 of 3 runs diverged ({first}, {second}): ")
    assert "--lr" in error


def test_a_diverged_run_is_stored_whole_with_its_config(diverging: Made, run: Nccli) -> None:
    (record,) = run(f"runs show {diverging.ids[1]} --store {diverging.path}").records
    assert record["config"]["lr"] == 1e4
    assert record["layers"] == []
    assert record["ratio_dnc"] == "nan" or float(record["ratio_dnc"]) > 1


def test_diverged_runs_are_left_out_where_no_run_is_named_and_stderr_says_so(diverging: Made, run: Nccli) -> None:
    ended = run(f"compare --store {diverging.path}")
    assert [record["id"] for record in ended.records] == diverging.ids[:1]
    assert ended.err.startswith("note: 2 runs left out: diverged\n")


def test_several_diverged_runs_can_be_grouped(diverging: Made, run: Nccli) -> None:
    line = f"compare --group-by K --where kind=dufm --quiet --store {diverging.path}"
    for ended in run.all(f"{line} --format {format}" for format in ("jsonl", "table")).values():
        assert "nan" in ended.out or "inf" in ended.out


def test_asking_again_for_a_diverged_run_ends_with_4_again_without_training(diverging: Made, run: Nccli) -> None:
    before = query(diverging.path, "SELECT id, created FROM run")
    again = run(f"train-dufm --K 4 --L 3 --n 2 --width 6 --steps 800 --lr 1e4 --store {diverging.path} -q", code=4)
    assert again.ids == diverging.ids[1:2]
    assert query(diverging.path, "SELECT id, created FROM run") == before

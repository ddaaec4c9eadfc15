"""What would take more than the machine has is refused at once, in one line that names a way out."""

import re

import pytest

from nccli.cli import problems
from nccli.training import memory
from tests.cli.command import Nccli

HUGE = [
    *(f"construct --kind {kind} --K 499500" for kind in ("dnc", "srg", "bipartition", "best")),
    *("construct --kind dnc --K 100000000000000000", "construct --kind bipartition --K 199990000"),
    *(f"construct --kind srg --K 6 --{name} 1000000000" for name in ("L", "n", "width")),
    "construct --kind graph --graph complete-999",
    "construct --kind dnc --K 499500 --export point.npz",
    *(f"train-dufm --{name} 1000000000" for name in ("K", "L", "n", "width")),
    *("train-dufm --seed 0..1000000000000", "train-dufm --wd 1e-9..1:1000000000"),
    *("compare --theory --K 1..1000000000", "compare --theory --L 1000000000"),
    *("plot loss-ratio --K 1..1000000000 -o a.pdf", "plot loss-ratio --L 1000000000 -o a.pdf"),
]


@pytest.mark.parametrize("line", HUGE)
def test_what_no_machine_has_is_refused(run: Nccli, line: str) -> None:
    err = run(line, code=2).err
    assert err.startswith("nccli: ")
    assert 1 <= err.count("\n") <= 2
    assert len(err) < 600


@pytest.mark.parametrize("line", ["construct --kind dnc --K 10 --L 4", "construct --kind srg --K 10 --export a.npz"])
def test_the_limit_is_what_the_machine_has(run: Nccli, line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    run(line)
    monkeypatch.setattr(memory, "free_bytes", lambda device: 2**16)
    assert "may be used here: choose smaller sizes; --dry-run" in run(f"{line} --force", code=2).err
    run(f"{line} --dry-run")


def test_no_point_of_a_grid_is_stored_where_one_does_not_fit(run: Nccli) -> None:
    run("construct --kind dnc --K 4,499500", code=2)
    assert not (run.folder / "nccli.db").exists()


@pytest.mark.parametrize(
    ("options", "way_out"),
    [
        ("--K 6..5000", r"--K 6\.\.\d+ would do"),
        ("--K 5000,6..4000", r"the first \d+ values of --K would do"),
        ("--wd 1e-4..1e-2:5000", r"at most \d+ of them"),
    ],
)
def test_a_table_that_would_take_minutes_is_refused_with_the_range_that_would_not(
    run: Nccli, options: str, way_out: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(problems, "_MOST_SECONDS", 0.1)
    err = run(f"compare --theory {options}", code=2).err
    assert "problems in closed form take about" in err
    assert re.search(way_out, err)


def test_a_thousand_classes_more_or_less_take_no_time(run: Nccli) -> None:
    records = run("compare --theory --K 99990..100010").records
    assert [record["K"] for record in records] == list(range(99990, 100011))
    assert all(record["loss_srg_truncated"] is not None for record in records)

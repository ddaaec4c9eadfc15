"""What is not there ends with exit code 3, and says how to make it."""

import shlex
from pathlib import Path

from tests.cli.command import Nccli


def offered(err: str) -> str:
    """The nccli command on the last line of stderr, without `nccli`."""
    last = err.splitlines()[-1].strip()
    assert last.startswith("nccli train-dufm "), err
    return last.removeprefix("nccli ")


def test_without_a_store_every_reading_command_says_so_and_makes_none(run: Nccli) -> None:
    for ended in run.all(["compare", "runs list", "store check"], code=3).values():
        assert ended.err.startswith("nccli: no store at nccli.db: ")
        assert ended.out == ""
    assert list(run.folder.iterdir()) == []


def test_an_id_of_no_run_is_not_found(own_grid: Path, run: Nccli) -> None:
    assert own_grid.is_file()
    for ended in run.all(["runs show ffffffffffff", "compare ffffffffffff"], code=3).values():
        assert ended.err.startswith("nccli: no run ffffffffffff in the store")


def test_a_condition_that_no_run_meets_finds_nothing(own_grid: Path, run: Nccli) -> None:
    assert own_grid.is_file()
    for ended in run.all(["runs list --where 'K=99'", "compare --where 'K=99'"], code=3).values():
        assert ended.err == "nccli: no run matches --where 'K=99'\n"


def test_a_figure_without_runs_offers_the_command_that_makes_them_and_it_does(run: Nccli) -> None:
    figure = "plot rank-vs-wd --where 'K=4 and L=3 and n=1 and width=6 and seed=3' --store 'my runs.db'"
    missing = run(figure, code=3)
    assert missing.out == ""
    assert missing.err.splitlines()[0].startswith("nccli: no store at my runs.db")
    run(f"{offered(missing.err)} --steps 20 --quiet")
    assert run(f"{figure} --quiet").out == "rank-vs-wd.pdf\n"


def test_the_command_offered_for_a_figure_has_the_very_values_asked_for(run: Nccli) -> None:
    conditions = {"wd": 0.00123456789, "steps": 1_000_000, "seed": 12_345_678}
    where = " and ".join(f"{name}={value}" for name, value in conditions.items())
    command = offered(run(f"plot training --where '{where}'", code=3).err)
    given = shlex.split(command)
    assert {name: float(given[given.index(f"--{name}") + 1]) for name in conditions} == conditions
    assert run(f"{command} --dry-run --quiet").records

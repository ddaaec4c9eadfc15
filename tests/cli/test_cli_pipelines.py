"""Commands joined by pipes in a real shell, as the README shows them."""

import pytest

from tests.cli.command import Nccli
from tests.cli.conftest import TINY, Made


def test_training_pipes_into_compare_in_an_empty_folder(run: Nccli) -> None:
    ended = run.sh(f"nccli train-dufm {TINY} --seed 0,1 --quiet | nccli compare - --quiet")
    assert [record["seed"] for record in ended.records] == [0, 1]
    assert ended.err == ""


def test_construct_pipes_into_runs_show_in_an_empty_folder(run: Nccli) -> None:
    ended = run.sh("nccli construct --kind dnc --K 4,5 --L 3 | nccli runs show - --format csv")
    assert [(row["kind"], row["K"]) for row in ended.rows] == [("dnc", "4"), ("dnc", "5")]


@pytest.mark.long
def test_json_lines_of_one_command_name_the_runs_of_the_next(grid: Made, run: Nccli) -> None:
    ended = run.sh(
        f"export NCCLI_STORE={grid.path}; nccli compare --where wd=4e-3 | nccli runs list - --format ids; "
        "nccli compare --where wd=4e-3 --format ids"
    )
    listed, compared = ended.ids[:2], ended.ids[2:]
    assert len(compared) == 2
    assert listed == compared


@pytest.mark.long
def test_ids_pipe_into_a_figure(grid: Made, run: Nccli) -> None:
    script = f"echo {grid.ids[1]} | nccli plot spectra - -o spectra.svg --data spectra.csv --store {grid.path}"
    assert run.sh(script).out == "spectra.svg\n"
    assert set(grid.ids) & set((run.folder / "spectra.csv").read_text().split('"')) == {grid.ids[1]}


def test_a_failure_at_the_head_of_a_pipeline_is_the_failure_of_the_pipeline(run: Nccli) -> None:
    ended = run.sh("nccli train-dufm --K 1 | nccli compare -", code=3)
    first, second = sorted(ended.err.splitlines())
    assert first == "nccli: K = 1: must be at least 2"
    assert second.startswith("nccli: no run ids on stdin")
    assert not (run.folder / "nccli.db").exists()

"""stdout is data, stderr is everything else."""

import pytest

from tests.cli.command import Nccli
from tests.cli.conftest import TINY, Made

HELP = [
    "--help",
    *(f"{name} --help" for name in ("construct", "train-dufm", "compare", "plot", "runs", "store")),
    *(f"{name} --help" for name in ("runs list", "runs show", "store path", "store check")),
]
REFUSED = ["bogus", "train-dufm --K 1", "construct", "construct --kind foo", "compare --no-such"]
COLOURFUL = {
    "FORCE_COLOR": "1",
    "CLICOLOR_FORCE": "1",
    "TTY_COMPATIBLE": "1",
    "GITHUB_ACTIONS": "true",
    "PY_COLORS": "1",
}
ENVIRONMENTS = [{"FORCE_COLOR": "1"}, {"NO_COLOR": "1"}]


def test_training_prints_ids_on_stdout_and_notes_on_stderr(first_steps: Made) -> None:
    assert first_steps.ended.out == f"{first_steps.ids[0]}\n"
    assert first_steps.ended.err.startswith("note: --steps 50 is ")


def test_quiet_training_leaves_stderr_empty(grid: Made) -> None:
    assert grid.ended.err == ""


def test_quiet_commands_leave_stderr_empty_where_they_would_say_something(diverging: Made, run: Nccli) -> None:
    chatty = [
        f"compare --store {diverging.path}",
        "construct --kind dnc --K 60",
    ]
    assert all(ended.err.startswith("note: ") for ended in run.all(chatty).values())
    assert all(ended.err == "" for ended in run.all(f"{line} --quiet" for line in chatty).values())


def test_help_and_errors_in_a_pipe_have_no_escape_codes_whatever_the_environment_asks(run: Nccli) -> None:
    """Of every command here; of one of each kind where it is a process that finds the environment at its start."""
    helped = [*run.all(HELP, **COLOURFUL).values(), *run.apart.all(HELP[:2], **COLOURFUL).values()]
    refused = [*run.all(REFUSED, code=2, **COLOURFUL).values(), *run.apart.all(REFUSED[:2], 2, **COLOURFUL).values()]
    assert all("\x1b" not in ended.out + ended.err for ended in (*helped, *refused))


@pytest.mark.long
@pytest.mark.parametrize("env", ENVIRONMENTS, ids=" ".join)
def test_data_in_a_pipe_has_no_escape_codes_whatever_the_environment_asks(
    grid: Made, run: Nccli, env: dict[str, str]
) -> None:
    ended = run.apart(f"runs list --format table --store {grid.path}", **env)
    assert grid.ids[0] in ended.out
    assert "\x1b" not in ended.out + ended.err


def test_no_command_colours_its_data_in_a_pipe(grid: Made, run: Nccli) -> None:
    stored = f"--store {grid.path}"
    lines = [
        f"train-dufm {TINY} --wd 2e-3,4e-3 --seed 0,1 --format table {stored}",
        f"compare --format table {stored}",
        f"store check --format table {stored}",
        f"plot rank-vs-wd {stored}",
        "compare --theory --format table",
        "plot --list",
        "construct --kind dnc --K 4 --format table",
    ]
    for ended in (*run.all(lines, **COLOURFUL).values(), *run.apart.all(lines[:2], **COLOURFUL).values()):
        assert ended.out
        assert "\x1b" not in ended.out + ended.err


def test_without_stderr_the_notes_do_not_land_in_the_data(run: Nccli, grid: Made) -> None:
    ended = run.sh(f"nccli train-dufm {TINY} --wd 2e-3,4e-3 --seed 0,1 --store {grid.path} 2>&-")
    assert ended.ids == grid.ids


@pytest.mark.parametrize("line", ["--help", "compare --theory", "plot loss-ratio --K 4..9 -o -", "bogus"])
def test_without_stdout_a_command_ends_without_a_traceback(run: Nccli, line: str) -> None:
    ended = run.sh(f"nccli {line} >&-; true")
    assert ended.out == ""
    assert all(text.startswith(("nccli: ", "note: ")) for text in ended.err.splitlines())


def test_a_locale_without_unicode_still_gets_its_data_in_utf_8(grid: Made, run: Nccli) -> None:
    ascii_only = {"LANG": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "PYTHONIOENCODING": "ascii"}
    assert "λ" in run.apart(f"runs list --format table --store {grid.path}", **ascii_only).out


def test_a_locale_without_unicode_still_gets_the_name_of_the_figure(run: Nccli) -> None:
    ascii_only = {"LANG": "C.UTF-8", "PYTHONIOENCODING": "ascii"}
    assert run.apart("plot loss-ratio --K 4..8 -o résumé.svg", **ascii_only).out == "résumé.svg\n"

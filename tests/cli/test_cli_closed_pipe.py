"""A reader that has seen enough ends a command quietly, with 141."""

import pytest

from tests.cli.command import Nccli

LARGE = "nccli compare --theory --K 4..80 --L 3..6 --wd 5e-4"  # more than a pipe holds


@pytest.mark.parametrize("env", [{}, {"PYTHONUNBUFFERED": "1"}], ids=["buffered", "unbuffered"])
def test_a_closed_pipe_ends_quietly_with_141(run: Nccli, env: dict[str, str]) -> None:
    ended = run.sh(f"{LARGE} | head -1; echo ${{PIPESTATUS[0]}}", **env)
    first, code = ended.out.splitlines()
    assert first.startswith('{"K": 4, ')
    assert code == "141"
    assert ended.err == ""


@pytest.mark.parametrize(
    "line", ["--help", pytest.param("plot loss-ratio --K 4..9 -o -", marks=pytest.mark.long), "store path"]
)
def test_a_reader_that_never_reads_ends_a_command_quietly_with_141(run: Nccli, line: str) -> None:
    ended = run.sh(f"nccli {line} | true; echo ${{PIPESTATUS[0]}}")
    assert ended.out == "141\n"
    assert ended.err == ""


def test_an_output_that_is_read_to_its_end_ends_with_0_however_slow_the_reader(run: Nccli) -> None:
    ended = run.sh(f"{LARGE} | (sleep 1; wc -l); echo ${{PIPESTATUS[0]}}", PYTHONUNBUFFERED="1")
    assert ended.out.split() == [str(77 * 4), "0"]


@pytest.mark.parametrize(
    "line",
    [
        "--help",
        pytest.param("plot loss-ratio --K 4..9 -o -", marks=pytest.mark.long),
        "compare --theory --K 4 --L 3 --wd 5e-4",
    ],
)
def test_a_full_disk_behind_stdout_is_said_in_a_line(run: Nccli, line: str) -> None:
    ended = run.sh(f"nccli {line} > /dev/full; echo $?")
    assert ended.out == "1\n"
    assert ended.err.splitlines()[-1].endswith("No space left on device")
    assert len(ended.err.splitlines()) == 1

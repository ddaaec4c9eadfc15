"""On a terminal a command prints a table, and one that fits."""

import subprocess

import pytest

from tests.cli.command import Nccli
from tests.cli.conftest import Made
from tests.cli.terminal import Terminal, terminal

WIDTH = 100


def show(run: Nccli, line: str, columns: int = WIDTH) -> Terminal:
    """Run a command with a terminal for stdout."""
    with terminal(columns) as screen:
        with run.start(line, stdout=screen.end, stderr=subprocess.DEVNULL) as process:
            screen.wait_for(r"\n")
            screen.drain()
        screen.drain()
    assert process.returncode == 0
    return screen


@pytest.mark.parametrize(
    ("line", "headers"),
    [
        ("runs list", ["id", "kind", "status", "K", "L", "loss", "ranks"]),
        ("compare", ["id", "loss", "/DNC", "/SRG", "ranks"]),
        ("compare --group-by wd --all", ["λ", "runs", "mean rank"]),
        ("train-dufm --K 10 --L 4 --wd 1e-3 --steps 50", ["id", "seed", "lr"]),
        ("store check", ["check", "value", "ok"]),
    ],
)
def test_a_table_appears_on_a_terminal_and_fits_it(
    first_steps: Made, run: Nccli, line: str, headers: list[str]
) -> None:
    shown = show(run, f"{line} --store {first_steps.path}").lines
    assert all(header in shown[0] for header in headers)
    assert set(shown[1]) == {"─"}
    assert len(shown) > 2
    assert max(len(text) for text in shown) <= WIDTH


@pytest.mark.parametrize("columns", [60, 80, 160])
def test_a_table_fits_narrow_terminals_and_names_what_is_not_shown(grid: Made, run: Nccli, columns: int) -> None:
    *table, last = show(run, f"runs list --store {grid.path}", columns).lines
    assert max(len(text) for text in (*table, last)) <= columns
    shown = [text.split()[0] for text in (*table[2:], *([] if "not shown" in last else [last]))]
    assert {len(key) for key in shown} == {len(shown[0])}
    assert 4 <= len(shown[0]) < 12
    assert [run(f"runs show {key} --format ids --store {grid.path}").code for key in shown[:2]] == [0, 0]
    assert ("not shown: " in last) == (columns < 100)


def test_the_list_of_figures_fits_a_terminal(run: Nccli) -> None:
    lines = show(run, "plot --list", 80).lines
    assert max(len(text) for text in lines) <= 80
    assert not any("…" in text for text in lines)


def test_a_format_that_is_asked_for_is_the_same_on_a_terminal(run: Nccli) -> None:
    line = "compare --theory --format jsonl"
    assert show(run, line).shown.replace("\r\n", "\n") == run(line).out


def test_a_figure_is_not_poured_onto_a_terminal(run: Nccli) -> None:
    with terminal() as screen, run.start("plot loss-ratio -o -", stdout=screen.end) as process:
        _, err = process.communicate()
        assert screen.drain() == ""
    assert process.returncode == 2
    assert err.startswith(b"nccli: -o -: stdout is a terminal")


def test_ids_are_not_waited_for_at_a_terminal(grid: Made, run: Nccli) -> None:
    with terminal() as screen, run.start(f"compare - --store {grid.path}", stdin=screen.end) as process:
        _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert err.startswith(b"nccli: '-' reads run ids from stdin, which is a terminal")


@pytest.mark.parametrize("line", ["", "runs"])
def test_without_a_command_help_is_all_that_is_said(run: Nccli, line: str) -> None:
    with terminal() as screen, run.start(line, stdout=screen.end) as process:
        _, err = process.communicate(timeout=30)
        screen.drain()
    assert "Commands" in "\n".join(screen.lines)
    assert (process.returncode, err) == (2, b"")

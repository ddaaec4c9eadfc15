"""`plot --text` and `--inline`: a figure on the terminal itself."""

import base64
import re
import subprocess
import sys

import pytest

from tests.cli.command import Nccli
from tests.cli.conftest import Made
from tests.cli.terminal import terminal


def on_screen(run: Nccli, line: str, columns: int, **env: str) -> str:
    """What a terminal of so many columns gets."""
    with terminal(columns) as screen:
        with run.start(line, env, stdout=screen.end, stderr=subprocess.DEVNULL) as process:
            screen.wait_for(r"\n")
            while process.poll() is None:
                screen.drain()
        screen.drain()
    assert process.returncode == 0
    return screen.shown.replace("\r\n", "\n")


def test_curves_are_drawn_in_characters_without_escape_codes(grid: Made, run: Nccli) -> None:
    pytest.importorskip("plotext")
    drawn = run(f"plot rank-vs-wd --text --quiet --store {grid.path}").out
    assert "\x1b" not in drawn
    assert max(map(len, drawn.splitlines())) == 100
    assert drawn.startswith("mean hidden rank\n")
    assert "weight decay λ" in drawn
    assert re.search(r"[│┤].*o.*│", drawn)
    assert "- from the top: DNC" in drawn
    assert list(run.folder.iterdir()) == []


@pytest.mark.parametrize("columns", [60, 130])
def test_they_are_as_wide_as_the_terminal(grid: Made, run: Nccli, columns: int) -> None:
    pytest.importorskip("plotext")
    drawn = on_screen(run, f"plot training --text --store {grid.path}", columns)
    assert columns - 3 <= max(map(len, drawn.splitlines())) <= columns  # less for a label at the right edge


def test_what_characters_cannot_show_is_refused_in_words(
    grid: Made, run: Nccli, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = f"--quiet --store {grid.path}"
    assert "--text writes no file" in run(f"plot rank-vs-wd --text -o a.svg {here}", code=2).err
    assert "choose one" in run(f"plot rank-vs-wd --text --inline {here}", code=2).err
    assert "stdout is none" in run(f"plot rank-vs-wd --inline {here}", code=2).err
    pytest.importorskip("plotext")
    assert "curves, points and bars" in run(f"plot gram --text {here}", code=2).err
    monkeypatch.setitem(sys.modules, "plotext", None)
    assert "pip install 'nccli[text]'" in run(f"plot rank-vs-wd --text {here}", code=2).err


@pytest.mark.parametrize(
    ("env", "parts"),
    [
        ({"TERM": "xterm-kitty"}, r"\x1b_G[^;]*;([^\x1b]*)\x1b\\"),
        ({"TERM_PROGRAM": "iTerm.app"}, r"\x1b\]1337;File=[^:]*:([^\a]*)\a"),
    ],
    ids=["kitty", "iterm2"],
)
def test_a_terminal_that_shows_pictures_gets_a_png(grid: Made, run: Nccli, env: dict[str, str], parts: str) -> None:
    shown = on_screen(run, f"plot rank-vs-wd --inline --store {grid.path}", 100, **env)
    assert base64.b64decode("".join(re.findall(parts, shown))).startswith(b"\x89PNG")


def test_another_terminal_gets_no_picture(grid: Made, run: Nccli) -> None:
    line = f"plot rank-vs-wd --inline --store {grid.path}"
    with terminal() as screen, run.start(line, stdout=screen.end) as process:
        _, err = process.communicate()
        assert screen.drain() == ""
    assert process.returncode == 2
    assert err.startswith(b"nccli: --inline: terminal 'xterm-256color' is not known to show pictures")

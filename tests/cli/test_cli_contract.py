"""The contract of streams and formats, a row of a table each: a pipe gets data, a terminal gets a table that is whole.

Worlds and terminals are those of a process of its own. Signals and closed pipes have files of their own beside this.
"""

import re
import subprocess

import pytest

from tests.cli.command import Nccli
from tests.cli.conftest import Made
from tests.cli.terminal import terminal

COLOUR = re.compile(r"\x1b\[[0-9;]*m")
ESCAPE = "\x1b"
ASCII = {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
WORLDS: dict[str, dict[str, str]] = {
    "plain": {},
    "FORCE_COLOR": {"FORCE_COLOR": "1"},
    "GITHUB_ACTIONS": {"GITHUB_ACTIONS": "true"},
    "NO_COLOR": {"NO_COLOR": "1"},
    "TERM=dumb": {"TERM": "dumb"},
    "no UTF-8": ASCII,
}
READING = {
    "runs list": r'\{"id": "',
    "compare": r'\{"id": "',
    "compare --group-by wd": r'\{"wd": ',
    "store check": r'\{"check": "schema"',
    "plot --list": r'\{"name": ',
    "store upgrade": r'\{"store": ',
    "runs list --format ids": r"[0-9a-f]{12}$",
    "runs export --where kind=dnc": r'\{"run": \{',
}


@pytest.fixture(scope="module")
def places(grid: Made) -> Nccli:
    return Nccli(grid.path.parent)


@pytest.mark.parametrize("world", WORLDS)
def test_a_pipe_gets_the_same_plain_data_in_every_world(places: Nccli, world: str) -> None:
    grouped = "compare --group-by wd"
    lines = {"plain": list(READING), "no UTF-8": ["runs list", grouped]}.get(world, [grouped])
    plain = places.all(lines) if world != "plain" else {}
    nccli = places if world == "plain" else places.apart
    for line, ended in nccli.all(lines, **WORLDS[world]).items():
        assert re.match(READING[line], ended.out.splitlines()[0]), line
        assert ESCAPE not in ended.out + ended.err
        assert ended.err == "" or (line.startswith("compare") and "have not settled" in ended.err)
        assert ended.raw == plain.get(line, ended).raw


def shown(places: Nccli, line: str, columns: int, env: dict[str, str]) -> str:
    """What a terminal shows."""
    with terminal(columns) as screen:
        with places.start(line, env, stdout=screen.end, stderr=subprocess.DEVNULL) as process:
            screen.wait_for(r"\n")
            screen.drain()
        screen.drain()
    assert process.returncode == 0
    return screen.shown.replace("\r", "")


@pytest.mark.parametrize(
    ("world", "columns"), [("plain", 60), ("plain", 200), ("NO_COLOR", 200), ("TERM=dumb", 60), ("no UTF-8", 60)]
)
def test_a_terminal_gets_a_table_that_fits_it(places: Nccli, grid: Made, world: str, columns: int) -> None:
    """Ids by as many digits as tell them apart, all values whole, and a line that names the columns left out."""
    text = shown(places, "runs list --where kind=dufm", columns, WORLDS[world])
    lines = [COLOUR.sub("", row) for row in text.splitlines()]
    rows = [row for row in lines if not row.startswith("not shown")]
    assert max(map(len, lines)) <= columns
    assert rows[0].split()[0] == "id"
    shortened = [row.split()[0] for row in rows[2:] if row.strip()][: len(grid.ids)]
    assert all(len(each) >= 4 for each in shortened)
    assert [sum(key.startswith(each) for key in grid.ids) for each in shortened] == [1] * len(grid.ids)
    assert "…" not in text
    if world in ("NO_COLOR", "TERM=dumb"):
        assert not re.search(r"\x1b\[[0-9;]*3[0-7]", text), "a colour"
    if world == "TERM=dumb":
        assert ESCAPE not in text


@pytest.mark.parametrize("columns", [60, 200])
def test_help_fits_the_terminal(places: Nccli, columns: int) -> None:
    text = shown(places, "runs rm --help", columns, {})
    assert max(len(COLOUR.sub("", row)) for row in text.splitlines()) <= columns


@pytest.mark.parametrize("line", ["runs show -", "compare -", "plot spectra -", "runs export -", "runs rm - --yes"])
def test_nothing_on_stdin_is_nothing_found(places: Nccli, line: str) -> None:
    assert places(line, code=3).err.startswith("nccli: no run ids on stdin")

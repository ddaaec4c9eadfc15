"""The command, and a few small stores that it made, shared by the tests that only read."""

import shutil
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path

import pytest

from tests.cli.command import Ended, Nccli
from tests.cli.in_process import one_app

FIGURES = ("loss-ratio", "rank-vs-wd", "spectra", "training")
FORMATS = {"pdf": ".json", "svg": ".csv", "png": ""}  # and the numbers that are written beside a figure
TINY = "--K 4 --L 3 --n 2 --width 6 --steps 800"


@dataclass(frozen=True)
class Made:
    """A store, and how the command that made it ended.

    Attributes:
        path: the SQLite file; tests read it, and copy it to change it.
        ended: the command.
    """

    path: Path
    ended: Ended

    @property
    def ids(self) -> list[str]:
        """Runs that the command printed."""
        return self.ended.ids


@dataclass(frozen=True)
class Drawn:
    """Every figure of the grid in every format, and its numbers.

    Attributes:
        folder: where NAME.FORMAT, NAME.json and NAME.csv lie.
        ended: commands by figure and format.
            store_before, store_after: content of the store.
    """

    folder: Path
    ended: dict[tuple[str, str], Ended]
    store_before: bytes
    store_after: bytes


def plot_lines(grid: Made, wanted: list[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The commands that draw figures of the grid; loss-ratio for the problems of its smaller weight decay."""
    lines = {}
    for name, format in wanted:
        options = "--K 4..9 --L 3,4 --n 2 --wd 2e-3 " if name == "loss-ratio" else ""
        data = f"--data {name}{FORMATS[format]} " if FORMATS[format] else ""
        lines[name, format] = f"plot {name} {options}{data}-o {name}.{format} --store {grid.path} --quiet"
    return lines


@pytest.fixture(scope="session", autouse=True)
def app_of_all_commands() -> Iterator[None]:
    """Tests that call the entry point get the same app too."""
    with one_app():
        yield


@pytest.fixture(autouse=True)
def handlers() -> Iterator[None]:
    """Signals mean to the tests what they meant before, whatever a command made of them."""
    before = {each: signal.getsignal(each) for each in (signal.SIGINT, signal.SIGTERM)}
    yield
    for each, handler in before.items():
        signal.signal(each, handler)


@pytest.fixture
def run(tmp_path: Path) -> Nccli:
    """The command in the empty folder of this test."""
    return Nccli(tmp_path)


@pytest.fixture(scope="session")
def grid(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Two weight decays, two seeds, trained quietly in one command; a DNC and an SRG solution beside them."""
    nccli = Nccli(tmp_path_factory.mktemp("grid"))
    trained = nccli(f"train-dufm {TINY} --wd 2e-3,4e-3 --seed 0,1 --quiet")
    for kind in ("dnc", "srg"):
        nccli(f"construct --kind {kind} --K 4 --L 3 --n 2 --width 6 --wd 2e-3")
    return Made(nccli.folder / "nccli.db", trained)


@pytest.fixture(scope="session")
def diverging(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One run that ends well, and two with a step size that no run survives."""
    nccli = Nccli(tmp_path_factory.mktemp("diverging"))
    lost = nccli(f"train-dufm {TINY} --lr 0.5,1e4,2e4", code=4)
    return Made(nccli.folder / "nccli.db", lost)


@pytest.fixture(scope="session")
def first_steps(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """The first command of the README in an empty folder; only --steps is added, for 200,000 take a minute."""
    nccli = Nccli(tmp_path_factory.mktemp("first"))
    return Made(nccli.folder / "nccli.db", nccli("train-dufm --K 10 --L 4 --wd 1e-3 --steps 50"))


@pytest.fixture
def own_grid(grid: Made, tmp_path: Path) -> Path:
    """A copy of the grid, as nccli.db of this test's folder."""
    return shutil.copy(grid.path, tmp_path / "nccli.db")


@pytest.fixture(scope="session")
def drawn(grid: Made, tmp_path_factory: pytest.TempPathFactory) -> Drawn:
    """Twelve drawings."""
    nccli = Nccli(tmp_path_factory.mktemp("drawn"))
    before = grid.path.read_bytes()
    lines = plot_lines(grid, list(product(FIGURES, FORMATS)))
    ended = nccli.all(lines.values())
    return Drawn(nccli.folder, dict(zip(lines, ended.values(), strict=True)), before, grid.path.read_bytes())

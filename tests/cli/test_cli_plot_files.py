"""Every figure in every file format: the same bytes whenever and wherever it is drawn, and never torch."""

import time
from pathlib import Path

import pytest

from tests.cli.command import Nccli
from tests.cli.conftest import FIGURES, FORMATS, Drawn, Made, plot_lines

AGAIN = {"loss-ratio": "pdf", "rank-vs-wd": "svg", "training": "png"}
STARTS = {"pdf": b"%PDF-1.", "svg": b"<?xml", "png": b"\x89PNG\r\n"}


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_comes_in_every_format_and_its_name_is_printed(drawn: Drawn, name: str, format: str) -> None:
    assert (drawn.folder / f"{name}.{format}").read_bytes().startswith(STARTS[format])
    ended = drawn.ended[name, format]
    assert (ended.out, ended.err) == (f"{name}.{format}\n", "")


@pytest.fixture(scope="module")
def again(drawn: Drawn, grid: Made, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, set[str]]]:
    """Each figure in one format from a process of its own, at least a second later, and what that had loaded."""
    assert drawn.ended
    nccli = Nccli(tmp_path_factory.mktemp("again"))
    time.sleep(1.1)
    lines = plot_lines(grid, list(AGAIN.items()))
    _, modules = nccli.observed(lines.values(), PYTHONHASHSEED="2")
    return nccli.folder, {name: modules[line] for (name, _), line in lines.items()}


@pytest.mark.parametrize("name", AGAIN)
def test_a_figure_has_the_same_bytes_from_another_process_and_at_another_time(
    drawn: Drawn, again: tuple[Path, dict[str, set[str]]], name: str
) -> None:
    file = f"{name}.{AGAIN[name]}"
    assert (again[0] / file).read_bytes() == (drawn.folder / file).read_bytes()


def test_a_figure_on_stdout_has_the_bytes_of_the_file(drawn: Drawn, grid: Made, run: Nccli) -> None:
    piped = run(f"plot rank-vs-wd -o - --format svg --store {grid.path}")
    assert piped.raw == (drawn.folder / "rank-vs-wd.svg").read_bytes()
    assert list(run.folder.iterdir()) == []


def test_drawing_leaves_the_store_as_it_is(drawn: Drawn) -> None:
    assert drawn.store_after == drawn.store_before


@pytest.mark.parametrize("name", AGAIN)
def test_drawing_never_loads_torch(again: tuple[Path, dict[str, set[str]]], name: str) -> None:
    modules = again[1][name]
    assert "matplotlib" in modules
    assert not modules & {"torch", "torchvision"}

"""`nccli report`: one file that tells runs, and works by itself."""

import html
import re
import shlex
import shutil
from pathlib import Path

import pytest

from tests.cli.command import Nccli
from tests.cli.conftest import Made
from tests.report.browser import CHROMIUM, page

LOADS = re.compile(r'(?:\bsrc|\shref|xlink:href|url)\s*[=(]\s*"?(?!#|data:)([^"\s>)]+)')


@pytest.fixture(scope="module")
def reported(grid: Made, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of the grid and its constructions."""
    nccli = Nccli(tmp_path_factory.mktemp("report"))
    shutil.copy(grid.path, nccli.folder / "nccli.db")
    assert nccli("report --quiet").out == "report.html\n"
    return nccli.folder / "report.html"


def commands_of(text: str) -> list[str]:
    found = re.search(r'<pre id="commands">(.*?)</pre>', text, re.DOTALL)
    assert found is not None
    return html.unescape(found[1]).splitlines()


def test_it_loads_nothing_and_runs_no_script_but_its_own(reported: Path) -> None:
    text = reported.read_text()
    assert LOADS.findall(re.sub(r"<nav>.*?</nav>|<script>.*?</script>", "", text, flags=re.DOTALL)) == []
    assert "default-src 'none'" in text


def test_the_same_store_and_command_give_the_same_bytes(own_grid: Path, run: Nccli) -> None:
    line = "report --where kind=dnc -o - --quiet"
    assert run.apart(line, PYTHONHASHSEED="7").raw == run.apart(line, PYTHONHASHSEED="8").raw


def test_ids_in_its_figures_are_unique(reported: Path) -> None:
    ids = re.findall(r'\bid="([^"]+)"', reported.read_text())
    assert len(ids) == len(set(ids))
    assert {"figure-rank-vs-wd", "figure-spectra", "figure-training"} <= set(ids)


def test_its_commands_make_exactly_its_runs(reported: Path, run: Nccli) -> None:
    *making, telling = commands_of(reported.read_text())
    assert telling == "nccli report -o report.html"
    assert len(making) == 3
    made = [key for line in making for key in run(f"{line.removeprefix('nccli ')} --dry-run --format ids").ids]
    stored = Nccli(reported.parent)("runs list --format ids").ids
    assert sorted(made) == sorted(stored)


def test_what_was_kept_and_what_was_followed_are_asked_for_again(run: Nccli) -> None:
    run("train-dufm --K 2 --L 2 --n 1 --width 3 --steps 3 --seed 0,1 --keep trajectory --quiet")
    best = run("construct --kind best --K 6 --L 4 --wd 4e-3 --n 1").ids
    *making, _ = commands_of(run("report -o -").out)
    assert [("--keep trajectory" in line, "--kind best" in line) for line in making] == [(False, True), (True, False)]
    (followed,) = (line for line in making if "--kind best" in line)
    assert run(f"{followed.removeprefix('nccli ')} --store other.db").ids == best


def test_runs_from_a_pipe_are_told_again_by_their_ids(own_grid: Path, run: Nccli) -> None:
    ids = run("runs list --where 'kind in (dnc,srg)' --format ids").ids
    *_, line = commands_of(run("report - -o -", stdin="\n".join(ids)).out)
    assert line == shlex.join(["nccli", "report", *ids, "-o", "-"])


def test_no_run_is_no_report(own_grid: Path, run: Nccli) -> None:
    assert "no run matches" in run("report --where K=99", code=3).err
    assert "suffix must be .html" in run("report -o runs.pdf", code=2).err
    assert [file.name for file in run.folder.iterdir()] == ["nccli.db"]


@pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here to click in the report")
def test_a_browser_opens_runs_sorts_and_filters_without_a_complaint(reported: Path, grid: Made) -> None:
    with page() as browser:
        browser.open(reported)
        shown = "[...document.querySelectorAll('#runs > tbody > tr:not([hidden])')]"
        runs = browser.run(f"{shown}.length")
        assert browser.run("document.querySelector('#count').textContent") == f"{runs} runs"
        browser.click("#runs tbody button")
        layers = browser.run("document.querySelectorAll('.open tbody tr:not(.spectrum)').length")
        assert layers == 5  # M_1, and two layers before and after the activation
        titles = browser.run("[...document.querySelectorAll('#runs > thead th')].map(e => e.textContent)")
        loss = titles.index("loss") + 1
        losses = f"{shown}.map(e => Number(e.cells[{loss - 1}].dataset.v))"
        browser.click(f"#runs thead th:nth-child({loss})")
        rising = browser.run(losses)
        browser.click(f"#runs thead th:nth-child({loss})")
        assert rising == sorted(rising)
        assert browser.run(losses) == rising[::-1]
        browser.click("#filter")
        browser.write("dufm wd=0.004")
        assert browser.run("document.querySelector('#count').textContent") == f"2 of {runs} runs"
        assert browser.run(f"{shown}.length") == 2
        light = browser.run("getComputedStyle(document.body).backgroundColor")
        browser.click("#theme")
        assert browser.run("getComputedStyle(document.body).backgroundColor") != light
        asked = [each["params"]["request"]["url"] for each in browser.said if "request" in each["params"]]
        assert {url.partition(":")[0] for url in asked} <= {"file", "data"}
        assert len(asked) == len(browser.said), "the console was told something"

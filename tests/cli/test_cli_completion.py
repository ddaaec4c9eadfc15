"""Tab offers commands, figures and run ids, in bash, zsh and fish, and loads nothing that makes a person wait."""

import pytest

from nccli.cli.completion import complete_where
from tests.cli.command import Nccli
from tests.cli.conftest import Made

HEAVY = {*("torch", "torchvision", "sqlalchemy", "sqlmodel", "matplotlib", "numpy", "scipy", "alembic", "rich.console")}


def asked(shell: str, line: str) -> dict[str, str]:
    """What a shell sets when Tab is pressed at the end of a line."""
    words = line.split(" ")
    if shell == "bash":
        return {"_NCCLI_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    fish = {"_TYPER_COMPLETE_FISH_ACTION": "get-args"} if shell == "fish" else {}
    return {"_NCCLI_COMPLETE": f"complete_{shell}", "_TYPER_COMPLETE_ARGS": line, **fish}


@pytest.mark.parametrize(
    ("so_far", "offered"),
    [
        ("wid", ["width"]),
        ("wd", ["wd", "wd_h1"]),
        ("K=10 and stru", ["K=10 and structure"]),
        ("K=10 AND (wd=1e-3 or not lr", ["K=10 AND (wd=1e-3 or not lr"]),
        ("conf", ["config."]),
        ("max.dnc", ["max.dnc1", "max.dnc2", "max.dnc3"]),
        ("K=3 and config.sche", ["K=3 and config.schedule"]),
        ("K=1", []),
        ("K in (1", []),
        ("structure=an", []),
        ("nothing", []),
    ],
)
def test_the_columns_of_where_are_offered_where_a_condition_begins(so_far: str, offered: list[str]) -> None:
    assert complete_where(so_far) == offered
    assert set(complete_where("")) >= {"K", "wd", "config."}


def test_a_shell_gets_the_columns_of_where(run: Nccli) -> None:
    for shell in ("bash", "zsh", "fish"):
        assert "structure" in run("", **asked(shell, "nccli plot spectra --where str")).out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_commands_figures_and_run_ids_are_offered(grid: Made, shell: str) -> None:
    nccli = Nccli(grid.path.parent)
    key = grid.ids[0]
    for line, offered in (
        ("nccli pl", "plot"),
        ("nccli plot sp", "spectra"),
        (f"nccli compare {key[:6]}", key),
        (f"nccli plot spectra {key[:6]}", key),
        ("nccli runs exp", "export"),
    ):
        out = nccli("", **asked(shell, line)).out
        assert offered in out
        assert "loss-ratio" not in out
    if shell != "bash":
        assert "dufm, stopped, K 4" in nccli("", **asked(shell, f"nccli runs show {key[:6]}")).out


def test_run_ids_are_those_of_the_store_that_the_line_names(grid: Made, run: Nccli) -> None:
    line = f"nccli runs show --store {grid.path} "
    assert set(grid.ids) <= set(run("", **asked("bash", line)).out.split())
    assert run("", **asked("bash", "nccli runs show ")).out.strip() == ""


@pytest.mark.parametrize("content", ["", "no database"])
def test_a_store_that_is_none_offers_nothing_and_says_nothing(run: Nccli, content: str) -> None:
    (run.folder / "nccli.db").write_text(content)
    ended = run("", **asked("bash", "nccli runs show a"))
    assert (ended.out.strip(), ended.err) == ("", "")


def test_nothing_heavy_is_loaded_for_it(grid: Made) -> None:
    nccli = Nccli(grid.path.parent)
    for line in ("nccli plot spectra a", "nccli plot spectra --where st"):
        _, modules = nccli.observed([""], **asked("bash", line))
        assert not modules[""] & HEAVY

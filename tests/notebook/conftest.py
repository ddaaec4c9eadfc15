"""A folder of its own for each test, in which the usual store lies."""

from pathlib import Path

import pytest

from nccli.store import Store, save_run
from tests.cli.command import Nccli
from tests.store.example_runs import example_run


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Nccli:
    """The command line in the same folder."""
    return Nccli(folder)


@pytest.fixture
def stored(folder: Path) -> Store:
    """The usual store, with runs as they should be, one that diverged, and one that lacks what a run may lack."""
    store = Store.create("nccli.db")
    for seed in range(3):
        save_run(store, example_run(seed, tag=f"tag {seed % 2}"))
    save_run(store, example_run(3, loss=float("inf"), fit=float("nan"), reg=float("nan"), status="diverged"))
    save_run(store, example_run(4, loss_srg=None, layers=[], history=[], status="diverged"))
    return store

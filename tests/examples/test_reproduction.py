"""The table of examples/REPRODUCTION.md is what the committed store says, by criteria that can fail."""

import runpy
import shutil
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
CODE = EXAMPLES / "reproduction"


@pytest.fixture(autouse=True)
def _modules_of_the_folder_go_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its modules have plain names, for they are no package."""
    for path in CODE.glob("*.py"):
        if path.stem != "__main__":
            monkeypatch.setitem(sys.modules, path.stem, None)
            del sys.modules[path.stem]  # what monkeypatch puts back is what was there


@pytest.fixture
def store(tmp_path: Path) -> Path:
    """A copy of the committed store, which a test may alter."""
    return Path(shutil.copyfile(EXAMPLES / "paper.db", tmp_path / "paper.db"))


def check(store: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    """Exit code of `python examples/reproduction STORE --check`."""
    monkeypatch.setattr(sys, "argv", [str(CODE), str(store), "--check"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(CODE), run_name="__main__")
    return int(ended.value.code or 0)


def test_the_page_is_what_the_store_says(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert check(store, monkeypatch) == 0


def test_a_run_above_dnc_is_told(
    store: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(store)) as connection, connection:
        connection.execute("UPDATE run SET loss = 2 * loss_dnc WHERE kind = 'dufm' AND L = 4 AND wd = 4e-3 AND n = 10")
    assert check(store, monkeypatch) == 1
    assert "REPRODUCTION.md, line " in capsys.readouterr().err

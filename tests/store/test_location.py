"""How a store is named: by a path or a URL."""

from pathlib import Path

import pytest

from nccli.errors import InputError, NccliError, StoreError
from nccli.store import Store, save_run, select_runs, store_location
from tests.store.example_runs import example_run


def test_the_option_beats_the_environment_beats_the_current_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    assert store_location(None) == "nccli.db"
    monkeypatch.setenv("NCCLI_STORE", "lab.db")
    assert store_location(None) == "lab.db"
    assert store_location("mine.db") == "mine.db"


@pytest.mark.parametrize("form", ["{}", "sqlite:///{}", "sqlite+pysqlite:///{}"])
def test_a_path_and_an_sqlite_url_name_the_same_file(path: Path, form: str) -> None:
    key = save_run(Store.create(form.format(path)), example_run())
    opened = Store.open(str(path))
    assert opened.path == path
    with opened.read() as connection:
        assert [row["id"] for row in select_runs(connection)] == [key]


@pytest.mark.parametrize("name", ["100% sure?.db", "a#b&c=d.db", "Ergebnisse für später.db"])
def test_any_file_name_will_do(tmp_path: Path, name: str) -> None:
    Store.create(str(tmp_path / name))
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_a_relative_path_is_of_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Store.create("here.db")
    assert (tmp_path / "here.db").is_file()


@pytest.mark.parametrize("name", ["x" * 300, "nul\0byte.db"])
def test_an_impossible_file_name_is_refused_in_words(tmp_path: Path, name: str) -> None:
    for way in (Store.open, Store.create):
        with pytest.raises(NccliError):
            way(str(tmp_path / name))


@pytest.mark.parametrize("location", ["sqlite://", "sqlite:///:memory:"])
def test_a_store_in_memory_is_refused(location: str) -> None:
    with pytest.raises(InputError, match="in memory would be lost"):
        Store.create(location)


@pytest.mark.parametrize(
    "location",
    [
        "mysql://lab/runs",
        "://",
        "sqlite+nosuchdriver:///runs.db",
        "sqlite+aiosqlite:///runs.db",
        "sqlite:///runs.db?mode=ro",
        "postgresql+nosuchdriver://lab/runs",
        "postgresql://lab:port/runs",
    ],
)
def test_a_url_that_cannot_be_used_is_bad_input(location: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError):
        Store.create(location)


def test_no_message_shows_a_password() -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(StoreError) as caught:
        Store.open("postgresql+psycopg://me:secret@127.0.0.1:1/runs?connect_timeout=1")
    assert "secret" not in str(caught.value)
    assert "127.0.0.1:1" in str(caught.value)

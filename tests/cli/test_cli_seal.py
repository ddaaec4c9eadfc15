"""`nccli store seal`: what reads a sealed store leaves it alone, what would write it says how to go on."""

import gzip
from pathlib import Path

import pytest

from nccli.store.connection.read_only import SEAL
from tests.cli.command import Nccli
from tests.cli.conftest import Made
from tests.store.plain_sql import plain

OLDER = Path(__file__).parents[1] / "store" / "released" / "0009.db.gz"

READING = [
    *("runs list --format jsonl", "runs show {id} --format table", "runs export -o out/runs.jsonl", "compare"),
    *("compare --group-by wd", "measure {id}", "plot spectra -o out/spectra.svg", "report -o out/report.html"),
    *("store path", "store check", "store backup out/copy.db", "train-dufm --K 4 --L 3 --steps 100 --dry-run"),
    "store merge {store} --into out/all.db",
]
WRITING = [
    *("train-dufm --K 4 --L 3 --steps 100", "construct --kind dnc --K 4 --L 3", "runs rm {id} --yes"),
    *("runs tag name {id}", "measure --hessian {id}", "store merge out/other.db --into {store}", "store upgrade"),
    *("search --K 3 --L 3 --wd 4e-3", "train-dufm --K 4 --L 3 --n 2 --width 6 --steps 800 --wd 2e-3 --force"),
]


@pytest.fixture
def shut(run: Nccli, own_grid: Path) -> Path:
    """The grid, sealed, in a folder of its own."""
    (run.folder / "shut").mkdir()
    (run.folder / "out").mkdir()
    place = own_grid.rename(run.folder / "shut" / "grid.db")
    run(f"store seal {place}")
    return place


def carried_out(run: Nccli, line: str, store: Path, key: str, code: int) -> str:
    """What a command says on stderr; the store and what lies beside it stay."""
    before, stamp = store.read_bytes(), store.stat().st_mtime_ns
    run("construct --kind srg --K 6 --L 4 --store out/other.db")
    told = run(line.format(store=store, id=key), code, NCCLI_STORE=str(store)).err
    assert (store.read_bytes(), store.stat().st_mtime_ns) == (before, stamp)
    assert list(store.parent.iterdir()) == [store]
    return told


@pytest.mark.parametrize("line", READING)
def test_what_reads_it_changes_nothing(run: Nccli, grid: Made, shut: Path, line: str) -> None:
    assert "copy is read" not in carried_out(run, line, shut, grid.ids[0], 0)


@pytest.mark.parametrize("line", WRITING)
def test_what_would_write_it_names_the_way_out(run: Nccli, grid: Made, shut: Path, line: str) -> None:
    if line == "store upgrade":
        with plain(shut) as connection:
            connection.execute("UPDATE nccli_schema_version SET version_num = '0022'")
    told = carried_out(run, line, shut, grid.ids[0], 5)
    error = told[told.index("nccli: ") :]
    assert error.count("\n") == 2
    assert f"the store {shut} is sealed" in error
    assert f"nccli store seal --unseal {shut}" in error


@pytest.mark.parametrize("line", ["runs list --format table", "plot spectra -o out/spectra.svg", "store check"])
@pytest.mark.parametrize("quiet", ["", " --quiet"])
def test_an_older_one_is_read_through_a_copy_and_that_is_told_once(run: Nccli, line: str, quiet: str) -> None:
    (run.folder / "shut").mkdir()
    (run.folder / "out").mkdir()
    store = run.folder / "shut" / "older.db"
    store.write_bytes(gzip.decompress(OLDER.read_bytes()))
    with plain(store) as connection:
        connection.execute(f"PRAGMA application_id={SEAL}")
    told = carried_out(run, line + quiet, store, "", 0)
    assert told.count(f"note: {store} has the older schema 0009, and it is sealed") == (not quiet)


def test_a_store_is_sealed_and_unsealed_by_name(run: Nccli, own_grid: Path) -> None:
    (sealed,) = run("store seal --format jsonl").records
    assert (sealed["sealed"], sealed["bytes"]) == (True, own_grid.stat().st_size)
    assert "is sealed already" in run("store seal nccli.db").err
    assert {record["check"]: record["value"] for record in run("store check").records}["sealed"] is True
    (opened,) = run("store seal --unseal nccli.db --format jsonl").records
    assert opened["sealed"] is False
    assert run("runs list --format ids --limit 1").ids == run("runs list --format ids --limit 1").ids
    run("construct --kind dnc --K 5 --L 3")


def test_only_a_store_is_sealed(run: Nccli) -> None:
    (run.folder / "notes.txt").write_text("a longer text\n" * 100)
    assert "is not an SQLite database" in run("store seal notes.txt", code=5).err
    assert "no store at" in run("store seal none.db", code=3).err
    assert "drop one of them" in run("store seal a.db --store b.db", code=2).err

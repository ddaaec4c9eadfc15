"""The stores below examples/: sealed, sound, and as they were after they are read."""

from pathlib import Path

import pytest

from nccli.store import Store, check_store
from tests.cli.command import Nccli

STORES = sorted((Path(__file__).parents[2] / "examples").glob("*.db"))


@pytest.mark.parametrize("path", STORES, ids=lambda path: path.name)
def test_a_committed_store_is_sealed_and_reading_leaves_it_and_its_folder_alone(path: Path, tmp_path: Path) -> None:
    run = Nccli(tmp_path)
    before, listing = path.read_bytes(), sorted(path.parent.iterdir())
    store = Store.open(str(path))
    assert store.is_sealed
    assert all(finding.ok for finding in check_store(store))
    assert run(f"runs list --store {path} --format ids --limit 3").ids
    assert run(f"compare --store {path} --group-by kind").records
    run(f"plot fig9 --store {path} -o fig9.svg")
    assert (path.read_bytes(), sorted(path.parent.iterdir())) == (before, listing)

"""Networks stored before precision was a column get it where it is known, and checksums that fit."""

import gzip
import json
from pathlib import Path

import pytest
from sqlalchemy import make_url

from nccli.store import Store, check_store
from nccli.store.connection.engine import make_engine
from nccli.store.schema.checksum import seal_runs
from tests.e2e.image_files import config_of, image_set
from tests.store.plain_sql import plain

RELEASED = Path(__file__).with_name("released") / "0009.db.gz"
KEY = "ce999cac771c"


def old_store(path: Path, autocast: bool | None, device: str) -> None:
    """A store of schema 0009 with one network that was trained there."""
    path.write_bytes(gzip.decompress(RELEASED.read_bytes()))
    config = config_of(image_set()).as_dict()
    del config["precision"], config["steps"]
    config |= {"epochs": 2} | ({} if autocast is None else {"autocast": autocast})
    about = ("e2e", device, "patterns", "small-cnn", json.dumps(config, sort_keys=True))
    with plain(path) as connection:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("DELETE FROM run WHERE id != ?", (KEY,))
        connection.execute("UPDATE run SET kind = ?, device = ?, dataset = ?, backbone = ?, config = ?", about)
        connection.commit()
    with make_engine(make_url(f"sqlite:///{path}"), 1.0).begin() as sealing:
        seal_runs(sealing, [KEY])


@pytest.mark.parametrize(
    ("autocast", "device", "known"),
    [
        (None, "cpu", "float32"),
        (False, "cpu", "float32"),
        (True, "cpu", "bf16"),
        (None, "cuda", "bf16"),
        (True, "cuda", "bf16"),
        (False, "cuda", None),
    ],
)
def test_precision_is_told_where_it_is_known(path: Path, autocast: bool | None, device: str, known: str | None) -> None:
    old_store(path, autocast, device)
    store = Store.open(str(path))
    with plain(path) as connection:
        assert connection.execute("SELECT precision FROM run").fetchall() == [(known,)]
    assert store.upgraded_from == "0009"


def test_a_configuration_in_epochs_stays_as_it_was(path: Path) -> None:
    old_store(path, None, "cpu")
    Store.open(str(path))
    with plain(path) as connection:
        (config,) = connection.execute("SELECT config FROM run").fetchone()
    assert json.loads(config)["epochs"] == 2


@pytest.mark.parametrize("config", ["no JSON", "[1]", "3", "[" * 100_000])
def test_a_damaged_configuration_stops_no_upgrade(path: Path, config: str) -> None:
    old_store(path, None, "cpu")
    with plain(path) as connection:
        connection.execute("UPDATE run SET config = ?", (config,))
        connection.commit()
    store = Store.open(str(path))
    assert not all(finding.ok for finding in check_store(store))
    with plain(path) as connection:
        assert connection.execute("SELECT precision FROM run").fetchall() == [(None,)]

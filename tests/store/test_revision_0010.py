"""Networks stored before precision was a column get it where it is known, and checksums that fit."""

import json
from pathlib import Path

import pytest

from nccli.store import FinishedRun, Store, check_store, save_run
from tests.e2e.image_files import config_of, image_set
from tests.store.example_runs import example_run
from tests.store.plain_sql import plain


def old_store(path: Path, autocast: bool | None, device: str) -> str:
    """A store of schema 0009 with one network that was trained there; its id."""
    run = example_run()
    config = config_of(image_set()).as_dict()
    row = {**run.row, "kind": "e2e", "device": device, "dataset": "patterns", "backbone": "small-cnn"}
    key = save_run(Store.create(str(path)), FinishedRun(row, config, run.layers, run.history))
    del config["precision"], config["steps"]
    config |= {"epochs": 2} | ({} if autocast is None else {"autocast": autocast})
    with plain(path) as connection:
        connection.execute("UPDATE run SET config = ?", (json.dumps(config, sort_keys=True),))
        connection.execute("ALTER TABLE run DROP COLUMN precision")
        connection.execute("UPDATE run SET checksum = NULL")
        connection.execute("UPDATE nccli_schema_version SET version_num = '0008'")
        connection.execute("ALTER TABLE run DROP COLUMN checksum")
        connection.commit()
    return key


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
    assert store.upgraded_from == "0008"


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

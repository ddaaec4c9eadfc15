"""Every schema there has been, in a store that nccli of that time made: opening upgrades it, and all comes out equal.

`released/NNNN.db.gz` is the store, `released/NNNN.jsonl.gz` what `nccli runs list --limit 0` printed of it then.
"""

import gzip
import json
import math
import sqlite3
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sqlalchemy import Connection, select

from nccli.errors import StoreError, StoreVersionError
from nccli.figures import FIGURES, Options, render, style
from nccli.metrics.relu import negative_share
from nccli.store import (
    MergeReport,
    Selection,
    Store,
    check_store,
    from_lines,
    merge_contents,
    merge_stores,
    run_records,
    select_history,
    select_layers,
    select_matrix,
    select_runs,
)
from nccli.store.schema.migrate import REVISIONS
from nccli.store.schema.tables import RUN
from nccli.strict_json import encodable
from tests.store.plain_sql import dump, plain
from tests.store.revisions import add_revision

RELEASED = Path(__file__).with_name("released")
NAMES = sorted(file.name.split(".")[0] for file in RELEASED.glob("*.db.gz"))


RENEWED = {"structure", "structure_distance", "structure_order", "checksum", "residual"}
"""Columns that upgrades work out anew from what else is stored."""

ENDS_0009 = {
    "ca04fd8c8690": ("frame plus mean", "frame plus mean", 4),  # "star-4" then
    "942ab9ec44a6": ("dnc", "dnc", 4),
    "2d45bcf47b35": ("srg t(5) minus 2", "srg", 8),
    "f318538c1f63": ("none", "lost_classes", 3),
    "231902c06862": ("none", "lost_classes", 3),
    "c61344790fc4": ("none", "lost_classes", 2),
    "4208aa9040ce": ("zero", "zero", 0),
    "4776bfcaafb6": ("zero", "zero", 0),
    "ce999cac771c": ("none", "full_rank", 4),
}
"""Structure, outcome and classes kept of runs that were stored before there were outcomes."""


def released_0009(path: Path) -> Store:
    path.write_bytes(gzip.decompress((RELEASED / "0009.db.gz").read_bytes()))
    return Store.open(str(path))


def test_runs_from_before_there_were_outcomes_get_theirs(path: Path) -> None:
    with released_0009(path).read() as connection:
        runs = {run["id"]: (run["structure"], run["outcome"], run["classes_kept"]) for run in select_runs(connection)}
        layers = select_layers(connection, ["2d45bcf47b35"])["2d45bcf47b35"]
    assert {key: runs[key] for key in ENDS_0009} == ENDS_0009
    assert all(layer["structure_distance"] < 1e-6 for layer in layers), "0.09 and 0.1 in the last layer then"


def test_an_export_from_before_there_were_outcomes_is_imported_as_an_upgrade_has_it(path: Path, tmp_path: Path) -> None:
    upgraded, imported = released_0009(path), Store.create(str(tmp_path / "imported.db"))
    file = RELEASED / "0009.exported.jsonl.gz"
    with gzip.open(file) as lines:
        offers = [(content, file.name) for content in from_lines(lines, file.name)]
    with imported.write() as connection:
        merge_contents(offers, connection, report := MergeReport())
    assert report.added == 4
    records = []
    for store in (upgraded, imported):
        with store.read() as connection:
            found = run_records(connection, select_runs(connection))
        records.append({record["id"]: {**record, "created": None} for record in found})
        assert all(finding.ok for finding in check_store(store))
    assert {key: encodable(records[0][key]) for key in records[1]} == encodable(records[1])


def test_a_run_that_is_damaged_stops_no_upgrade(path: Path) -> None:
    path.write_bytes(gzip.decompress((RELEASED / "0009.db.gz").read_bytes()))
    with plain(path) as connection:
        connection.execute("UPDATE matrix SET bytes = x'00' WHERE run_id = 'ca04fd8c8690'")
        connection.execute("UPDATE run SET config = 'no JSON' WHERE id = '942ab9ec44a6'")
        connection.commit()
    with Store.open(str(path)).read() as connection:
        outcomes = dict(connection.execute(select(RUN.c.id, RUN.c.outcome)).all())
    assert outcomes["ca04fd8c8690"] is outcomes["942ab9ec44a6"] is None
    assert outcomes["2d45bcf47b35"] == "srg"


@pytest.fixture(params=[NAMES[0], *(pytest.param(name, marks=pytest.mark.long) for name in NAMES[1:-1]), NAMES[-1]])
def released(request: pytest.FixtureRequest, path: Path) -> str:
    """The schema of the store that lies at `path`."""
    path.write_bytes(gzip.decompress((RELEASED / f"{request.param}.db.gz").read_bytes()))
    return str(request.param)


def backups(path: Path) -> list[Path]:
    return sorted(path.parent.glob(f"{path.name}-before-upgrade-*"))


def rows(path: Path, table: str) -> list[dict[str, Any]]:
    """All rows of a table, by plain SQL."""
    with plain(path) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(f"SELECT * FROM {table}")]


def test_every_schema_before_this_one_is_kept() -> None:
    assert {*REVISIONS[:2], "0009"} <= set(NAMES) <= set(REVISIONS)


def test_an_old_store_comes_out_with_every_value_it_had(released: str, path: Path) -> None:
    tables = ("run", "layer", "singular_value")
    before = {table: rows(path, table) for table in (*tables, "history", "matrix")}
    said = [json.loads(line) for line in gzip.decompress((RELEASED / f"{released}.jsonl.gz").read_bytes()).splitlines()]
    store = Store.open(str(path))
    assert store.upgraded_from == released
    for table in tables:
        for old, new in zip(before[table], rows(path, table), strict=True):
            kept = set(old) - RENEWED
            assert {name: new[name] for name in kept} == {name: old[name] for name in kept}
    with store.read() as connection:
        assert_histories(connection, before["history"])
        assert_matrices(connection, before["matrix"])
        records = {record["id"]: encodable(record) for record in run_records(connection, select_runs(connection))}
    assert len(said) == len(records) > 0
    for record in said:
        layers, now = record.pop("layers"), records[record["id"]]
        if record.pop("residual", None) is not None:  # relative since 0014
            assert (now["finish"], 0 < now["residual"] < 1e-8) == ("refined", True)
        assert {name: now[name] for name in record} == record
        for old, new in zip(layers, now["layers"], strict=True):
            kept = set(old) - RENEWED
            assert {name: new[name] for name in kept} == {name: old[name] for name in kept}
            assert new["structure"] == new["structure"].lower()
    assert all(finding.ok for finding in check_store(store))


def assert_histories(connection: Connection, before: list[dict[str, Any]]) -> None:
    """Steps and ranks are what they were, losses to 37 bits, the rest to the digits of single precision."""
    now = select_history(connection, list({row["run_id"] for row in before}))
    assert sum(map(len, now.values())) == len(before) > 0
    found = {(key, row["step"]): row for key, rows in now.items() for row in rows}
    for row in before:
        new = found[row["run_id"], row["step"]]
        for name in ("loss", "fit", "reg"):
            assert new[name] == pytest.approx(row[name], rel=7.3e-12, abs=0.0)
        assert new["rank"] == json.loads(row["rank"])
        assert new["grad_norm"] == pytest.approx(row["grad_norm"], rel=1e-7)
        assert new["dnc1"] == pytest.approx([float(value) for value in json.loads(row["dnc1"])], rel=1e-7, nan_ok=True)


def assert_matrices(connection: Connection, before: list[dict[str, Any]]) -> None:
    """To the digits of single precision; and Gram matrices are those of the class means."""
    assert {row["name"] for row in before} == {"class_means", "gram"}
    for row in before:
        old = np.frombuffer(row["bytes"], row["dtype"]).reshape(json.loads(row["shape"]))
        new = select_matrix(connection, row["run_id"], row["layer"], row["stage"], row["name"])
        assert np.abs(new - old).max() <= 1e-6 * np.abs(old).max()


def test_metrics_that_came_later_are_those_of_the_class_means_that_the_store_keeps(released: str, path: Path) -> None:
    store = Store.open(str(path))
    told = {(row["run_id"], row["layer"], row["stage"]): row["negative_share"] for row in rows(path, "layer")}
    with store.read() as connection:
        means = {key: select_matrix(connection, *key, "class_means") for key in told}
    assert {stage for _, _, stage in told} == {"pre", "post"}
    for key, share in told.items():
        expected = negative_share(means[key].T)
        assert share == (None if key[2] == "post" or math.isnan(expected) else pytest.approx(expected, rel=1e-5))
    assert any(share for share in told.values())


def test_figures_of_an_upgraded_store_are_those_of_a_new_one(released: str, path: Path, tmp_path: Path) -> None:
    fresh = Store.create(str(tmp_path / "fresh.db"))
    assert merge_stores([str(path)], fresh).added > 0
    drawn = []
    for store in (Store.open(str(path)), fresh):
        with store.read() as connection:
            runs = [row for row in select_runs(connection) if row["kind"] == "dufm" and row["status"] != "diverged"]
            figure = FIGURES["spectra"]
            chosen = Selection(tuple(row["id"] for row in runs))
            with style():
                drawn.append(render(figure.draw(figure.collect(connection, chosen, Options()), 5.5), "svg"))
            assert all(select_history(connection, [row["id"] for row in runs]).values())
            assert select_matrix(connection, runs[0]["id"], 2, "pre", "class_means").shape == (6, 4)
    assert drawn[0] == drawn[1]


def test_the_file_as_it_was_stays_beside_the_upgraded_one(released: str, path: Path) -> None:
    before = dump(path)
    store = Store.open(str(path))
    assert backups(path) == [store.backup]
    assert dump(backups(path)[0]) == before
    Store.open(str(path))
    assert len(backups(path)) == 1


def test_an_upgrade_that_fails_leaves_the_old_store_and_no_copy(
    released: str, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = dump(path)
    add_revision(
        tmp_path, 'op.execute("UPDATE run SET loss = 0")\nop.execute("INSERT INTO nowhere VALUES (1)")', monkeypatch
    )
    with pytest.raises(StoreVersionError, match=f"needs an upgrade from schema {released}.*nowhere.*\nIt is as it was"):
        Store.open(str(path))
    assert dump(path) == before
    assert backups(path) == []


def test_an_upgrade_without_room_for_the_copy_is_not_begun(
    released: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(source: Path, target: Path) -> None:
        raise StoreError("no copy can be made: No space left on device")

    monkeypatch.setattr("nccli.store.connection.store.copy_file", full)
    before = path.read_bytes()
    with pytest.raises(StoreVersionError, match="No space left"):
        Store.open(str(path))
    assert path.read_bytes() == before


def test_merging_an_old_store_leaves_it_as_it_is(released: str, path: Path, tmp_path: Path) -> None:
    before = path.read_bytes()
    merge_stores([str(path)], Store.create(str(tmp_path / "all.db")))
    assert path.read_bytes() == before
    assert backups(path) == []

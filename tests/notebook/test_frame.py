"""`nccli.frame`: a row a run, a layer, a singular value, as the store has them."""

import json
import math
import sqlite3
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import nccli
from nccli.catalogue.columns import BY_NAME, GROUP, LAYER_COLUMNS, RUN_COLUMNS, names
from nccli.errors import InputError, NothingFoundError, SomeRunsFailedError, SomeRunsFailedWarning
from nccli.store import Store, run_records, select_runs
from nccli.store.query import columnar
from tests.cli.command import Nccli


def records(store: Store) -> list[dict[str, Any]]:
    """Of all runs, newest first."""
    with store.read() as connection:
        return run_records(connection, select_runs(connection))


def is_same(found: Any, wanted: Any) -> bool:
    """Equality of a value of a frame with one of a record, in which nan and NA stand for None and nan."""
    if wanted is None or (isinstance(wanted, float) and math.isnan(wanted)):
        return bool(pd.isna(found))
    return bool(pd.Timestamp(wanted, tz="UTC") == found if isinstance(found, pd.Timestamp) else found == wanted)


@pytest.mark.parametrize("at_once", [1, 2, 1000])
def test_rows_are_those_of_records(stored: Store, monkeypatch: pytest.MonkeyPatch, at_once: int) -> None:
    monkeypatch.setattr(columnar, "_AT_ONCE", at_once)
    monkeypatch.setattr(columnar, "_MANY", at_once)
    wanted = records(stored)
    runs, layers, spectra = nccli.frame(), nccli.frame(of="layers"), nccli.frame(of="spectra")
    assert list(runs.id) == [record["id"] for record in wanted]
    for (_, row), record in zip(runs.iterrows(), wanted, strict=True):
        assert json.loads(row.config) == record["config"]
        for name in set(runs.columns) & set(record) - {"config"}:
            assert is_same(row[name], record[name]), name
    of_layers = [(record, layer) for record in wanted for layer in record["layers"]]
    for (_, row), (record, layer) in zip(layers.iterrows(), of_layers, strict=True):
        assert (row.run_id, row.K, row.wd) == (record["id"], record["K"], record["wd"])
        assert all(is_same(row[name], layer[name]) for name in set(layers.columns) & set(layer))
    values = [(r, each, i, s) for r, each in of_layers for i, s in enumerate(each["singular_values"], 1)]
    for (_, row), (record, layer, index, value) in zip(spectra.iterrows(), values, strict=True):
        assert (row.run_id, row.layer, row.stage) == (record["id"], layer["layer"], layer["stage"])
        assert (row["index"], row.value, row.structure) == (index, value, layer["structure"])
        assert is_same(row.seed, record["seed"])


def test_columns_are_of_types_with_meanings_and_units(stored: Store) -> None:
    runs, layers, spectra = nccli.frame(), nccli.frame(of="layers"), nccli.frame(of="spectra")
    assert list(runs.columns.drop(["ratio_dnc", "ratio_srg"])) == [c.name for c in RUN_COLUMNS if c.name != "checksum"]
    assert set(layers.columns) == {column.name for column in LAYER_COLUMNS} | set(names(GROUP))
    kinds = {"K": "int64", "seed": "Int64", "wd": "float64", "kind": "category", "collapsed_at": "Int64"}
    assert {name: str(runs[name].dtype) for name in kinds} == kinds
    assert str(runs.created.dtype.tz) == "UTC"
    assert [str(spectra[name].dtype) for name in ("run_id", "index", "value")] == ["category", "int64", "float64"]
    assert layers.structure_order.map(lambda order: order is None or sorted(order) == list(range(4))).all()
    for table in (runs, layers, spectra):
        assert table.attrs["descriptions"].keys() == set(table.columns)
    assert runs.attrs["descriptions"]["wd"] == BY_NAME["wd"].means
    assert runs.attrs["units"] == {"seconds": "s"}
    ratios = runs[["loss", "loss_dnc", "ratio_dnc"]].dropna()
    assert (ratios.loss / ratios.loss_dnc).equals(ratios.ratio_dnc)


def test_runs_and_columns_are_chosen(stored: Store, run: Nccli) -> None:
    ids = run("runs list --where seed<2 --format ids").ids
    assert list(nccli.frame("seed<2").id) == ids
    assert list(nccli.frame(runs=ids[::-1]).id) == ids[::-1]
    assert list(nccli.frame("seed=0", runs=ids).id) == list(nccli.frame(runs=nccli.frame("seed=0").id).id)
    assert set(nccli.frame(of="layers", runs={"id": ids[0]}).run_id) == {ids[0]}
    chosen = nccli.frame(of="spectra", columns=["value", "wd", "loss", "index"])
    assert list(chosen.columns) == ["value", "wd", "loss", "index"]
    assert len(chosen) == len(nccli.frame(of="spectra"))
    assert nccli.frame(of="spectra", runs=records(stored)[0]["id"]).empty, "a run without layers has no singular value"


def test_what_is_wrong_is_said_in_a_line(stored: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    for said, call in {
        "did you mean 'loss'": lambda: nccli.frame(columns=["los"]),
        "must be runs, layers, spectra": lambda: nccli.frame(of="rows"),
        "no column 'bogus'": lambda: nccli.frame("bogus=1"),
        "empty": lambda: nccli.frame(runs=[]),
        "list of names": lambda: nccli.frame(columns="loss"),
    }.items():
        with pytest.raises(InputError, match=said):
            call()
    with pytest.raises(NothingFoundError, match="K=99"):
        nccli.frame("K=99")
    with pytest.raises(NothingFoundError, match=r"no store at other\.db"):
        nccli.frame(store="other.db")
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(InputError, match=r"pip install 'nccli\[notebook\]'"):
        nccli.frame()


def test_runs_that_cannot_be_read_are_left_out_with_a_warning(stored: Store, folder: Path) -> None:
    whole = records(stored)
    with closing(sqlite3.connect("nccli.db")) as connection, connection:
        connection.execute("UPDATE layer SET rank = 'many' WHERE run_id = ?", [whole[-1]["id"]])
    with pytest.warns(SomeRunsFailedWarning) as warned:
        found = nccli.frame(of="layers")
    assert set(found.run_id) == {record["id"] for record in whole[:-1] if record["layers"]}
    assert whole[-1]["id"] in str(warned[0].message)
    assert {each.filename for each in warned} == {__file__}
    with closing(sqlite3.connect("nccli.db")) as connection, connection:
        connection.execute("UPDATE run SET loss = 'much'")
    with pytest.raises(SomeRunsFailedError):
        nccli.frame()


def test_runs_in_training_are_left_out(stored: Store) -> None:
    ids = [record["id"] for record in records(stored)]
    with closing(sqlite3.connect("nccli.db")) as connection, connection:
        connection.execute("UPDATE run SET status = 'interrupted' WHERE id = ?", [ids[0]])
        connection.execute("UPDATE run SET status = 'running' WHERE id = ?", [ids[1]])
        connection.execute(
            "INSERT INTO worker (id, host, place, pid, process_start, heartbeat) "
            "VALUES ('w', 'elsewhere', 'p', 1, '0', '2999-01-01T00:00:00.000000')"
        )
        connection.execute("INSERT INTO claim VALUES (?, 'w')", [ids[1]])
    assert list(nccli.frame().id) == [ids[0], *ids[2:]]

"""`runs export` to Parquet: what is read back is what the store has, in types of its own."""

import base64
import json
import math
import sys
from pathlib import Path
from typing import Any

import pytest
from pyarrow import parquet

from nccli.catalogue.columns import LAYER_COLUMNS, RUN_COLUMNS
from nccli.catalogue.stages import When
from nccli.store import Store, save_run
from nccli.store.exchange import parquet_files, parquet_runs
from tests.cli.command import Nccli
from tests.cli.conftest import Made
from tests.store.example_runs import example_history, example_run
from tests.store.plain_sql import plain

_MEANING = b"description"


@pytest.fixture
def some(run: Nccli) -> Nccli:
    """A store with a run as it should be, one that diverged, one without a value for anything that may lack one."""
    store = Store.create(str(run.folder / "nccli.db"))
    save_run(store, example_run(0, history=example_history(3)))
    save_run(store, example_run(1, loss=math.inf, fit=math.nan, reg=math.nan, status="diverged"))
    save_run(store, example_run(2, loss_srg=None, layers=[], history=[], status="diverged", seconds=0.25))
    return run


def lines(run: Nccli, chosen: str = "") -> list[dict[str, Any]]:
    """The same runs as JSON lines, numbers as numbers."""
    return [_floats(record) for record in run(f"runs export {chosen}").records]


def _floats(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _floats(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_floats(item) for item in value]
    return float(value) if value in ("nan", "inf", "-inf") else value


def rows(path: Path) -> list[dict[str, Any]]:
    """Rows of a file; an absent value of a column that may lack one is None, nan is nan."""
    return parquet.read_table(path).to_pylist()


def same(found: Any, wanted: Any) -> bool:
    """Equality of nested values in which nan is nan; a key that is missing is an absent value."""
    if isinstance(wanted, dict):
        return set(wanted) <= set(found) and all(same(value, wanted.get(key)) for key, value in found.items())
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(wanted, float) and math.isnan(wanted):
        return isinstance(found, float) and math.isnan(found)
    return found == wanted and isinstance(found, float) == isinstance(wanted, float)


@pytest.mark.parametrize("cells", [1, parquet_files._MOST_CELLS], ids=["a row a group", "one group"])
def test_a_folder_has_what_json_lines_have(some: Nccli, monkeypatch: pytest.MonkeyPatch, cells: int) -> None:
    monkeypatch.setattr(parquet_files, "_MOST_CELLS", cells)
    assert some("runs export -o runs --format parquet").out == "runs\n"
    wanted: dict[str, list[Any]] = {"run": [], "layer": [], "singular_value": [], "history": [], "matrix": []}
    for line in lines(some):
        wanted["run"].append({**line["run"], "config": line["run"]["config"]})
        for name in wanted.keys() - {"run"}:
            wanted[name] += [{"run_id": line["run"]["id"], **row} for row in line[name]]
    for row in wanted["matrix"]:
        row["bytes"] = base64.b64decode(row["bytes"])
    for name, expected in wanted.items():
        found = rows(some.folder / "runs" / f"{name}.parquet")
        for row in found if name == "run" else ():
            row["config"] = _floats(json.loads(row["config"]))
        assert same(found, expected), name
    assert {path.name for path in (some.folder / "runs").iterdir()} == {f"{name}.parquet" for name in wanted}


@pytest.mark.parametrize("cells", [1, parquet_runs._MOST_CELLS], ids=["a run a group", "one group"])
def test_a_file_has_a_row_a_run_with_its_layers_and_spectra(
    some: Nccli, monkeypatch: pytest.MonkeyPatch, cells: int
) -> None:
    monkeypatch.setattr(parquet_runs, "_MOST_CELLS", cells)
    some("runs export -o runs.parquet")
    found = rows(some.folder / "runs.parquet")
    for row, line in zip(found, lines(some), strict=True):
        layers = row.pop("layers")
        row["config"] = _floats(json.loads(row["config"]))
        assert same(row, line["run"])
        expected = sorted(line["layer"], key=lambda layer: (layer["layer"], layer["stage"] != When.PRE))
        for layer in expected:
            place = (layer["layer"], layer["stage"])
            own = [each for each in line["singular_value"] if (each["layer"], each["stage"]) == place]
            layer["singular_values"] = [each["value"] for each in own]
        assert same(layers, expected)


def test_fields_say_what_columns_mean_and_which_may_be_absent(some: Nccli) -> None:
    some("runs export -o runs.parquet")
    some("runs export -o runs --format parquet")
    schema = parquet.read_schema(some.folder / "runs.parquet")
    of_layers = {field.name: field for field in schema.field("layers").type.value_type}
    for column in RUN_COLUMNS:
        if column.name != "checksum":
            assert schema.field(column.name).metadata[_MEANING].decode() == column.means
    assert schema.field("seconds").metadata[b"unit"] == b"s"
    for column in LAYER_COLUMNS:
        if column.name != "run_id":
            assert of_layers[column.name].metadata[_MEANING].decode() == column.means
    assert not schema.field("K").nullable
    assert schema.field("seed").nullable
    for path in (some.folder / "runs").iterdir():
        assert all(field.metadata[_MEANING] for field in parquet.read_schema(path)), path


def test_runs_are_chosen_by_id_by_condition_and_from_stdin(grid: Made, run: Nccli) -> None:
    at = f"-o some.parquet --store {grid.path}"
    for line, stdin in (("-", f"{grid.ids[0]}\n"), (grid.ids[0], "")):
        run(f"runs export {line} {at}", stdin=stdin)
        assert [row["id"] for row in rows(run.folder / "some.parquet")] == [grid.ids[0]]
    run(f"runs export --where seed=1 {at}")
    assert {row["seed"] for row in rows(run.folder / "some.parquet")} == {1}


def test_runs_that_cannot_be_read_are_named_and_the_others_written(some: Nccli) -> None:
    whole = some("runs list --format ids").ids
    with plain(some.folder / "nccli.db") as connection:
        connection.execute("UPDATE layer SET rank = 'many' WHERE run_id = ?", [whole[-1]])
    ended = some("runs export -o runs.parquet", code=4)
    assert whole[-1] in ended.err
    assert [row["id"] for row in rows(some.folder / "runs.parquet")] == whole[:-1]
    with plain(some.folder / "nccli.db") as connection:
        connection.execute("UPDATE run SET loss = 'much'")
    some("runs export -o none.parquet", code=4)
    assert not (some.folder / "none.parquet").exists()


def test_what_only_a_closer_look_finds_sound_is_written_all_the_same(some: Nccli) -> None:
    with plain(some.folder / "nccli.db") as connection:
        connection.execute("UPDATE layer SET structure_order = replace(structure_order, ', ', ' , ')")
    some("runs export -o runs.parquet")
    assert len(rows(some.folder / "runs.parquet")) == len(some("runs list --format ids").ids)


def test_without_pyarrow_the_error_names_the_extra(some: Nccli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    for line in ("-o runs.parquet", "-o runs --format parquet"):
        assert "pip install 'nccli[parquet]'" in some(f"runs export {line}", code=2).err
    assert sorted(path.name for path in some.folder.iterdir()) == ["nccli.db"]


def test_a_file_in_the_place_of_a_run_is_refused_with_the_way_out(some: Nccli) -> None:
    assert some("runs export runs.parquet", code=2).err == (
        "nccli: 'runs.parquet' is no run id: -o runs.parquet writes into a file\n"
    )


def test_a_form_that_the_place_does_not_take_is_refused(some: Nccli) -> None:
    for line in ("-o runs --format jsonl", "-o runs.jsonl --format parquet", "--format parquet", "--matrices -o r "):
        ended = some(f"runs export {line} {'--format csv' if 'matrices' in line else ''}", code=2)
        assert ended.err.startswith("nccli: --format ")
        assert ended.err.count("\n") == 1

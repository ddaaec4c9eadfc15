"""Runs as JSON lines and as CSV files, and back: nothing is lost, and nothing that is damaged gets in."""

import io
import json
import math
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nccli.errors import InputError
from nccli.store import (
    TABLES,
    CsvWriter,
    MergeReport,
    RunContent,
    Store,
    as_line,
    from_folder,
    from_lines,
    merge_contents,
    read_contents,
    save_run,
    select_layers,
    select_runs,
)
from tests.store.example_runs import example_history, example_run


def contents(store: Store) -> list[RunContent]:
    with store.read() as connection:
        ids = list(connection.exec_driver_sql("SELECT id FROM run ORDER BY id").scalars())
        return list(read_contents(connection, ids))


def odd_runs(store: Store) -> None:
    """nan, inf, None, a diverged run without layers, and an unequal weight decay."""
    save_run(store, example_run(0))
    save_run(store, example_run(1, status="diverged", loss=math.nan, fit=math.inf, layers=[], loss_srg=None))
    points = [{**example_history(1)[0], "dnc1": [math.inf, 0.1 + 0.2], "grad_norm": math.nan}]
    save_run(store, example_run(2, config={"wd_layers": (0.1, 0.2, 0.3)}, history=points, host='a "b", c\nd λ'))


def through_lines(found: list[RunContent], folder: Path) -> list[RunContent]:
    return list(from_lines(io.BytesIO("".join(map(as_line, found)).encode()), "runs.jsonl"))


def through_csv(found: list[RunContent], folder: Path) -> list[RunContent]:
    with ExitStack() as files:
        writer = CsvWriter({name: files.enter_context((folder / f"{name}.csv").open("wb")) for name in TABLES})
        for content in found:
            writer.add(content)
    return list(from_folder(folder))


@pytest.mark.parametrize("through", [through_lines, through_csv])
def test_there_and_back_nothing_is_lost(
    store: Store, tmp_path: Path, through: Callable[[list[RunContent], Path], list[RunContent]]
) -> None:
    odd_runs(store)
    before = contents(store)
    target = Store.create(str(tmp_path / "target.db"))
    merge_contents([(content, "file") for content in through(before, tmp_path)], target, MergeReport())
    assert [content.whole for content in contents(target)] == [content.whole for content in before]
    assert [content.children["matrix"] for content in contents(target)] == [c.children["matrix"] for c in before]


def example() -> dict[str, Any]:
    columns = {**example_run(0).columns, "id": "0123456789ab", "created": "2026"}
    row = {**dict.fromkeys(TABLES["run"].c.keys()), **columns}
    children: dict[str, Any] = {name: [] for name in TABLES if name != "run"}
    return {"run": row, **children}


def read(fields: object) -> list[RunContent]:
    return list(from_lines(io.BytesIO(json.dumps(fields).encode()), "x.jsonl"))


def test_the_example_is_accepted() -> None:
    assert read(example())[0].id == "0123456789ab"


def test_an_export_from_before_a_column_is_completed_with_what_held_then(store: Store, tmp_path: Path) -> None:
    """Runs were of the squared error and of the first version of results before there were columns for it."""
    save_run(store, example_run(0))
    save_run(store, example_run(1, kind="features", objective=None))
    older = []
    for content in contents(store):
        fields = json.loads(as_line(content))
        del fields["run"]["objective"], fields["run"]["result_version"]
        for layer in fields["layer"]:
            del layer["negative_share"], layer["structure"]
        older += read(fields)
    target = Store.create(str(tmp_path / "target.db"))
    merge_contents([(content, "file") for content in older], target, MergeReport())
    with target.read() as connection:
        runs = {row["kind"]: row for row in select_runs(connection)}
        layers = select_layers(connection, [row["id"] for row in runs.values()])
    assert {kind: (row["objective"], row["result_version"]) for kind, row in runs.items()} == {
        "dufm": ("mse", 1),
        "features": (None, 1),
    }
    assert {(layer["negative_share"], layer["structure"]) for found in layers.values() for layer in found} == {
        (None, None)
    }


MATRIX = {"layer": 1, "stage": "post", "name": "gram", "shape": [1, 1], "dtype": "<f8", "bytes": "AAAAAAAAAAA="}
FAULTS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "a list": lambda f: [1],
    "without a table": lambda f: f.pop("layer"),
    "another table": lambda f: f.update(passwords=[]),
    "an id that is a path": lambda f: f["run"].update(id="../../../x"),
    "an unknown status": lambda f: f["run"].update(status="done; DROP TABLE run"),
    "an unknown column": lambda f: f["run"].update(evil=1),
    "text for a number": lambda f: f["run"].update(loss="low"),
    "a number beyond all numbers": lambda f: f["run"].update(loss=10**400),
    "an integer too large": lambda f: f["run"].update(K=2**40),
    "a float for an integer": lambda f: f["run"].update(K=4.5),
    "a flag for an integer": lambda f: f["run"].update(K=True),
    "nothing where something must be": lambda f: f["run"].update(host=None),
    "a NUL in a text": lambda f: f["run"].update(host="a\0b"),
    "half a character": lambda f: f["run"].update(host="\ud800"),
    "a configuration that is no object": lambda f: f["run"].update(config=[1]),
    "a document without end": lambda f: f["run"].update(config={"a": "x" * 2**21}),
    "a matrix of a layer that is not there": lambda f: f["matrix"].append(MATRIX),
    "layers that are no list": lambda f: f.update(layer="many"),
    "a layer that is no object": lambda f: f["layer"].append(3),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_refused_with_the_line_it_is_in(fault: str) -> None:
    fields = example()
    changed = FAULTS[fault](fields)
    with pytest.raises(InputError, match=r"^x\.jsonl, line 1: no exported run: "):
        read(changed if isinstance(changed, list) and fault == "a list" else fields)


@pytest.mark.parametrize(
    "change",
    [{"shape": [2**31, 2**31]}, {"shape": [-1, -1]}, {"shape": [1, 2]}, {"dtype": "|O"}, {"bytes": "!"}, {"shape": 1}],
    ids=str,
)
def test_a_matrix_whose_bytes_are_not_those_of_its_shape_is_refused_unallocated(store: Store, change: object) -> None:
    save_run(store, example_run(0))
    fields = json.loads(as_line(contents(store)[0]))
    assert read(fields)
    fields["matrix"][0].update(change)
    with pytest.raises(InputError, match=r"^x\.jsonl, line 1: "):
        read(fields)


@pytest.mark.parametrize("text", [b"\xff\xfe", b"{", b"[" * 100_000, b'{"run": NaN}', b"null", b"pickle\x80\x04."])
def test_a_line_that_is_no_json_object_is_refused(text: bytes) -> None:
    with pytest.raises(InputError, match=r"^x\.jsonl, line 1: "):
        list(from_lines(io.BytesIO(text), "x.jsonl"))


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        found = list(from_lines(io.BytesIO(data), "x.jsonl"))
    except InputError:
        return
    assert found == []


@pytest.mark.parametrize("name", list(TABLES))
def test_a_folder_with_a_damaged_or_missing_file_is_refused(store: Store, tmp_path: Path, name: str) -> None:
    save_run(store, example_run(0))
    through_csv(contents(store), tmp_path)
    file = tmp_path / f"{name}.csv"
    text = file.read_text()
    for damaged in (text + "odd\n", text.replace("id", "ID", 1), text + ",".join("x" * 40) + "\n", "\0"):
        file.write_text(damaged)
        with pytest.raises(InputError, match=str(tmp_path)):
            list(from_folder(tmp_path))
    file.unlink()
    with pytest.raises(InputError, match="cannot be read"):
        list(from_folder(tmp_path))

"""Runs as JSON lines and as CSV files, and back: nothing is lost, and nothing that is damaged gets in."""

import base64
import io
import json
import math
import struct
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
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
from nccli.store.runs.finished_run import run_id, setting_id
from nccli.store.runs.save import content_of
from tests.store.example_runs import example_history, example_layers, example_run


def contents(store: Store) -> list[RunContent]:
    with store.read() as connection:
        ids = list(connection.exec_driver_sql("SELECT id FROM run ORDER BY id").scalars())
        return list(read_contents(connection, ids))


def odd_runs(store: Store) -> None:
    """nan, inf, None, a diverged run without layers, and an unequal weight decay."""
    save_run(store, example_run(0))
    save_run(store, example_run(1, status="diverged", loss=math.nan, fit=math.inf, layers=[], loss_srg=None))
    points = [{**example_history(1)[0], "dnc1": [math.inf, 0.1 + 0.2, math.nan, 0, 1e300], "grad_norm": math.nan}]
    save_run(store, example_run(2, config={"wd_layers": (0.1, 0.2, 0.3)}, history=points, host='a "b", c;d λ'))


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
    with target.write() as connection:
        merge_contents([(content, "file") for content in through(before, tmp_path)], connection, MergeReport())
    assert [content.checksum for content in contents(target)] == [content.checksum for content in before]
    assert [content.run["checksum"] for content in contents(target)] == [content.checksum for content in before]
    assert [content.children["matrix"] for content in contents(target)] == [c.children["matrix"] for c in before]


def example() -> dict[str, Any]:
    return dict(json.loads(as_line(content_of(example_run(0)))))


def read(fields: object) -> list[RunContent]:
    return list(from_lines(io.BytesIO(json.dumps(fields).encode()), "x.jsonl"))


def test_the_example_is_accepted() -> None:
    assert read(example())[0].result == content_of(example_run(0)).result


def test_an_export_from_before_a_column_is_completed_with_what_held_then(store: Store, tmp_path: Path) -> None:
    """Runs were of the squared error and of the first version of results before there were columns for it."""
    save_run(store, example_run(0))
    somebodys = example_run(1, kind="features", layers=example_layers(1)[:1], L=1, history=[])
    save_run(store, replace(somebodys, config={"data": "0123"}))
    older = []
    for content in contents(store):
        fields = json.loads(as_line(content))
        run = fields["run"]
        run["id"] = run_id(run["kind"], run["config"], 1)
        run["setting"] = setting_id(run["kind"], run["config"], 1)
        del run["objective"], run["result_version"]
        for layer in fields["layer"]:
            del layer["negative_share"], layer["structure"]
        older += read(fields)
    target = Store.create(str(tmp_path / "target.db"))
    with target.write() as connection:
        merge_contents([(content, "file") for content in older], connection, MergeReport())
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


def infinite(size: int) -> str:
    return base64.b64encode(struct.pack(f"<{size}d", *[math.inf] * size)).decode()


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
    "a loss of DNC that no problem has": lambda f: f["run"].update(loss_dnc=0.0),
    "a time that is no number": lambda f: f["run"].update(seconds="nan"),
    "more classes than there are": lambda f: f["run"].update(K=10**9),
    "other classes than in the configuration": lambda f: f["run"].update(K=5),
    "no configuration": lambda f: f["run"].update(config={}),
    "another configuration than that of the id": lambda f: f["run"]["config"].update(lr=0.25),
    "another result version": lambda f: f["run"].update(result_version=3),
    "no layers": lambda f: f["run"].update(L=0),
    "a control sequence": lambda f: f["run"].update(kind="\x1b[31mdufm"),
    "an unknown kind": lambda f: f["run"].update(kind="dfm"),
    "a time without a clock": lambda f: f["run"].update(created="yesterday"),
    "another setting": lambda f: f["run"].update(setting="0" * 12),
    "another mean rank than that of the layers": lambda f: f["run"].update(mean_hidden_rank=3.5),
    "an accuracy of 200 %": lambda f: f["run"].update(train_accuracy=2.0),
    "a layer too few": lambda f: f["layer"].pop(),
    "a layer without a spectrum": lambda f: f.update(singular_value=f["singular_value"][4:]),
    "a layer twice": lambda f: f["layer"].append(f["layer"][0]),
    "an infinite singular value": lambda f: f["singular_value"][0].update(value="inf"),
    "a spectrum that increases": lambda f: f["singular_value"][1].update(value=1e9),
    "a spectrum with a gap": lambda f: f["singular_value"][1].update(index=7),
    "a rank beyond the spectrum": lambda f: f["layer"][0].update(rank=5),
    "a history that is no list": lambda f: f.update(history={"step": 0}),
    "a measurement that is no list": lambda f: f["history"][0].update(dnc1=3),
    "a measurement of words": lambda f: f["history"][0].update(rank=["four"] * 5),
    "a measurement of other layers": lambda f: f["history"][0].update(rank=[4, 4]),
    "a matrix of other classes": lambda f: f["matrix"][1].update(shape=[2, 8]),
    "a matrix that is not finite": lambda f: f["matrix"][0].update(bytes=infinite(20)),
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

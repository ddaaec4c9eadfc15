"""The same records in every format, and what each command prints into a pipe by itself."""

import json
from collections.abc import Mapping
from itertools import product
from pathlib import Path

import pytest

from tests.cli.command import Ended, Nccli
from tests.cli.conftest import TINY, Made
from tests.cli.sql import query

TRAIN = f"train-dufm {TINY} --wd 2e-3,4e-3 --seed 0,1"
CONSTRUCT = "construct --kind dnc --K 4 --L 3 --n 2 --width 6 --wd 2e-3"
LIST = "runs list --where kind=dufm"
MAKING = [TRAIN, CONSTRUCT]
READING = ["compare", LIST, "runs show --where kind=dufm"]
WANTED = [
    *product(MAKING, ["", "jsonl"]),
    (TRAIN, "csv"),
    *product([*READING, "store check"], ["", "csv"]),
    *product(READING[:2], ["ids"]),
    (TRAIN, "json"),
]

Printed = Mapping[tuple[str, str], Ended]


@pytest.fixture(scope="module")
def printed(grid: Made) -> Printed:
    """What the commands print about the grid in each format; "" is the one they choose for a pipe."""
    nccli = Nccli(grid.path.parent)
    lines = [f"{line} --store {grid.path}" + (f" --format {name}" if name else "") for line, name in WANTED]
    return dict(zip(WANTED, nccli.all(lines).values(), strict=True))


@pytest.mark.parametrize("line", MAKING)
def test_commands_that_make_runs_print_ids_one_a_line_into_a_pipe(printed: Printed, line: str) -> None:
    records = printed[line, "jsonl"].records
    assert printed[line, ""].out == "".join(f"{record['id']}\n" for record in records)


@pytest.mark.parametrize("line", [*READING, "store check"])
def test_commands_that_read_runs_print_json_lines_into_a_pipe(printed: Printed, line: str) -> None:
    text = printed[line, ""].out
    assert text.endswith("}\n")
    assert all(isinstance(json.loads(each), dict) for each in text.splitlines())


@pytest.mark.parametrize("line", READING[:2])
def test_ids_are_those_of_the_records(printed: Printed, line: str) -> None:
    assert printed[line, "ids"].ids == [record["id"] for record in printed[line, ""].records]


def test_json_is_one_list_of_the_same_records(printed: Printed) -> None:
    assert json.loads(printed[TRAIN, "json"].out) == printed[TRAIN, "jsonl"].records


@pytest.mark.parametrize("line", [TRAIN, *READING, "store check"])
def test_csv_has_the_columns_and_values_of_the_records(printed: Printed, line: str) -> None:
    records, rows = printed[line, "jsonl" if line in MAKING else ""].records, printed[line, "csv"].rows
    assert [list(row) for row in rows] == [list(record) for record in records]
    for row, record in zip(rows, records, strict=True):
        for name, value in record.items():
            assert row[name] == (
                "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
            )


@pytest.mark.parametrize("line", ["compare --group-by wd", "compare --theory", "store check", "store path"])
def test_ids_of_what_has_no_ids_is_bad_usage(own_grid: Path, run: Nccli, line: str) -> None:
    assert own_grid.is_file()
    assert "ids" in run(f"{line} --format ids", code=2).err


@pytest.mark.parametrize("line", [LIST, "compare"])
def test_floats_come_out_of_every_format_as_they_are_in_the_store(printed: Printed, grid: Made, line: str) -> None:
    stored = {row["id"]: row for row in query(grid.path, "SELECT * FROM run WHERE kind = 'dufm'")}
    records = printed[line, ""].records
    assert {record["id"] for record in records} == set(stored)
    for record, row in zip(records, printed[line, "csv"].rows, strict=True):
        for name in ("wd", "lr", "loss", "fit", "reg", "loss_dnc", "loss_srg"):
            assert record[name] == float(row[name]) == stored[record["id"]][name]


def test_layers_and_spectra_of_a_record_are_those_of_the_store(printed: Printed, grid: Made) -> None:
    record = printed[TRAIN, "jsonl"].records[0]
    for layer in record["layers"]:
        place = (record["id"], layer["layer"], layer["stage"])
        where = "WHERE run_id = ? AND layer = ? AND stage = ?"
        (stored,) = query(grid.path, f"SELECT * FROM layer {where}", *place)
        for name in ("dnc1", "dnc3", "rank", "effective_rank", "stable_rank"):
            assert layer[name] == stored[name]
        values = query(grid.path, f'SELECT value FROM singular_value {where} ORDER BY "index"', *place)
        assert layer["singular_values"] == [row["value"] for row in values]


def test_a_record_has_the_keys_that_scripts_rest_on(printed: Printed) -> None:
    record = printed[TRAIN, "jsonl"].records[0]
    keys = "id kind status K L n width wd lr seed steps loss fit reg loss_dnc loss_srg ratio_dnc ratio_srg"
    assert set(record) >= {*keys.split(), "grad_norm", "seconds", "config", "layers", "created"}
    layer = "layer stage dnc1 dnc2 dnc3 rank effective_rank stable_rank singular_values"
    assert all(set(each) >= set(layer.split()) for each in record["layers"])
    stages = [(each["layer"], each["stage"]) for each in record["layers"]]
    assert stages == [(1, "post"), (2, "pre"), (2, "post"), (3, "pre"), (3, "post")]


def test_numbers_that_are_not_finite_are_strings(diverging: Made, run: Nccli) -> None:
    line = f"runs list --where status=diverged --store {diverging.path}"
    as_json, jsonl, as_csv = run.all(f"{line} --format {name}" for name in ("json", "jsonl", "csv")).values()
    told = [
        [each["grad_norm"] for each in records] for records in (json.loads(as_json.out), jsonl.records, as_csv.rows)
    ]
    assert told[0] == told[1] == told[2]
    assert set(told[0]) <= {"nan", "inf"}


def test_an_infinite_condition_number_is_the_string_inf(grid: Made, run: Nccli) -> None:
    (record,) = run(f"runs show --where kind=srg --store {grid.path}").records
    layers = record["layers"]
    assert any(layer["rank"] < 4 for layer in layers)
    assert [layer["dnc2"] == "inf" for layer in layers] == [layer["rank"] < 4 for layer in layers]

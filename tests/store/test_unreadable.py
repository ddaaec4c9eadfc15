"""A row that nccli cannot have written is found before it is read, by the database, whatever stands where in it."""

import json
import math
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from nccli.store import (
    WHOLE,
    DamagedStoreError,
    Selection,
    Store,
    check_store,
    existing_statuses,
    repair_store,
    run_records,
    save_run,
    select_runs,
    unreadable_runs,
)
from nccli.store.query.select import select_history, select_layers, select_spectra
from nccli.store.runs.content import read_contents
from nccli.store.runs.rules import RULES
from nccli.store.runs.sound import reading_fault
from tests.store.example_runs import example_run
from tests.store.junk import shared_out
from tests.store.test_check import damage

COLUMNS = [(table, name) for table, rules in RULES.items() for name in rules if name not in ("id", "layer", "stage")]


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> tuple[Store, str, str]:
    """A store of two runs, which is left as it is, and their ids."""
    made = Store.create(str(tmp_path_factory.mktemp("two") / "runs.db"))
    return made, *(save_run(made, example_run(seed)) for seed in range(2))


@pytest.mark.parametrize(("table", "name", "values"), shared_out(COLUMNS))
def test_what_breaks_a_rule_is_found_by_the_database(
    two: tuple[Store, str, str], table: str, name: str, values: tuple[Any, ...]
) -> None:
    store, key, other = two
    where = f"{'id' if table == 'run' else 'run_id'} = '{key}'"
    with store.write() as connection:
        before = connection.execute(text(f'SELECT "{name}" FROM "{table}" WHERE {where}')).scalars().all()
        for junk in values:
            if junk is None and before and name in ("index", "step", "name"):
                continue
            try:
                with connection.begin_nested() as change:
                    connection.execute(text(f'UPDATE "{table}" SET "{name}" = :junk WHERE {where}'), {"junk": junk})
                    (content,) = read_contents(connection, [key])
                    broken = reading_fault(content)
                    found = unreadable_runs(connection, [key, other], WHOLE)
                    assert found == ({} if broken is None else {key: broken}), junk
                    change.rollback()
            except Exception as error:
                if "constraint failed" not in str(error):
                    raise


def test_sound_runs_are_not_suspected_and_names_beyond_ascii_neither(store: Store) -> None:
    keys = [save_run(store, example_run(seed, host="Gödel ≥ ½", **extra)) for seed, extra in enumerate(RUNS)]
    with store.read() as connection:
        assert unreadable_runs(connection, keys, WHOLE) == {}
        assert unreadable_runs(connection, Selection(), WHOLE) == {}


RUNS: tuple[dict[str, Any], ...] = (
    {},
    {"status": "diverged", "layers": [], "loss": math.nan, "fit": math.inf, "history": []},
    {"config": {"wd_layers": (0.1, 0.2, 0.3)}},
    {"status": "interrupted", "layers": [], "loss": math.nan},
)


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE run SET loss_dnc = 0.0", "loss_dnc 0.0 is not a finite number above 0"),
        ("UPDATE run SET config = '{}'", "config: it has no weight decays for 3 layers"),
        (
            "DELETE FROM singular_value WHERE layer = 2 AND stage = 'pre'",
            "the spectrum of layer 2, stage pre, is not whole",
        ),
    ],
)
def test_why_a_run_cannot_be_read_is_said(store: Store, change: str, why: str) -> None:
    key, other = (save_run(store, example_run(seed)) for seed in range(2))
    with store.write() as connection:
        connection.execute(text(f"{change} {'AND run_' if 'WHERE' in change else 'WHERE '}id = '{key}'"))
    with store.read() as connection:
        (found,) = unreadable_runs(connection, [key, other], WHOLE).items()
        assert existing_statuses(connection, [key]) == {key: "stopped"}
    assert found[0] == key
    assert found[1].startswith(why)


def zeros(size: int) -> bytes:
    """A block of a history that says of itself that it has so many points, all 0."""
    names = [["step", "<i4", size], *([name, "<f8", size] for name in ("fit", "reg", "grad_norm"))]
    names += [["dnc1", "<f8", 5, size], ["rank", "<i4", 5, size]]
    return zlib.compress(json.dumps(names).encode() + b"\n" + bytes(4 * size + 24 * size + 40 * size + 20 * size))


@pytest.mark.parametrize(
    ("change", "why"),
    [
        ("UPDATE history SET block = :junk", "history: its block cannot be unpacked"),
        ("UPDATE history SET points = 4", "history: its block has 3 points, not 4"),
        ("UPDATE history SET block = :zeros", "history: its block has steps that do not increase"),
        ("UPDATE history SET block = :bomb", "history: its block would take 88000000 bytes unpacked"),
        ("UPDATE history SET block = (SELECT block FROM matrix LIMIT 1)", "history: its block has 1 post, 2 pre"),
        ("UPDATE matrix SET block = substr(block, 1, 399)", "class_means: its block has other sizes than its header"),
        ("UPDATE matrix SET layer = 2", "class_means: its block does not begin with layer 2"),
        ("UPDATE matrix SET name = 'weights'", "weights: its block has weights at layer 2, stage pre"),
    ],
)
def test_what_is_wrong_with_a_block_is_said_and_the_run_set_aside(
    store: Store, change: str, why: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # what is set aside of a store on a server goes into the current folder
    key, other = (save_run(store, example_run(seed)) for seed in range(2))
    values = {"junk": b"SQLite format 3", "zeros": zeros(3), "bomb": zeros(10**6)}
    with store.write() as connection:
        wanted = {name: value for name, value in values.items() if f":{name}" in change}
        connection.execute(text(f"{change} WHERE run_id = '{key}'"), wanted)
    with store.read() as connection:
        found = unreadable_runs(connection, [key, other], WHOLE)
    assert set(found) == {key}
    assert found[key].startswith(why)
    done = repair_store(store, check_store(store))
    assert set(done.set_aside) == {key}
    assert done.set_aside[key].startswith(why)


def test_runs_that_somebody_made_by_hand_are_read(path: Any, store: Store) -> None:
    """With ids of their own, without layers, with dates for times: `store check` sees it, readers do not mind."""
    key, bare = (save_run(store, example_run(seed)) for seed in range(2))
    with store.write() as connection:
        connection.execute(text("PRAGMA defer_foreign_keys=ON"))
        for table, column in (("run", "id"), *((table, "run_id") for table in WHOLE)):
            connection.execute(text(f"UPDATE {table} SET {column} = 'abcdef012345' WHERE {column} = '{key}'"))
        connection.execute(text("UPDATE run SET created = '2026-01-01', checksum = NULL"))
        connection.execute(text(f"DELETE FROM layer WHERE run_id = '{bare}'"))
    with store.read() as connection:
        assert unreadable_runs(connection, ["abcdef012345", bare], WHOLE) == {}


def test_an_index_that_leads_to_rows_of_another_run_is_survived(path: Path, store: Store) -> None:
    """A letter of a run id is changed in the file, where a table has it or where an index does."""
    key = save_run(store, example_run(0))
    sound = path.read_bytes()
    places = [i for i in range(len(sound)) if sound.startswith(key.encode(), i)]
    for place in places[:: len(places) // 12]:
        path.write_bytes(sound[:place] + b"#" + sound[place + 1 :])
        with suppress(DamagedStoreError), Store.open(str(path)).read() as connection:
            for read in (select_layers, select_spectra, select_history):
                assert set(read(connection, [key])) >= {key}  # type: ignore[operator]
            run_records(connection, select_runs(connection, [key]), 1e-3)
            list(read_contents(connection, [key]))


def test_what_no_code_expects_is_damage_where_the_file_is_damaged(path: Path, store: Store) -> None:
    save_run(store, example_run(0))
    with pytest.raises(KeyError), store.read():
        raise KeyError("a fault of nccli")
    damage(path, "history")
    with pytest.raises(DamagedStoreError, match="store check --repair"), store.read():
        raise KeyError("a fault of the file")


def test_a_column_that_has_lost_its_name_is_damage(path: Path, store: Store) -> None:
    key = save_run(store, example_run(0))
    path.write_bytes(path.read_bytes().replace(b"mean_hidden_rank", b"mean_hidden_tank"))
    damaged = Store.open(str(path))
    with pytest.raises(DamagedStoreError), damaged.read() as connection:
        select_runs(connection)
    with pytest.raises(DamagedStoreError):
        check_store(damaged)
    assert set(repair_store(damaged).set_aside) == {key}
    assert all(finding.ok for finding in check_store(Store.open(str(path))))

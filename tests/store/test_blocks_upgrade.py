"""Older stores get blocks at their upgrade: smaller files, damage that stays damage, and nothing is lost with it."""

import json
from pathlib import Path

from nccli.store import (
    Store,
    check_store,
    read_contents,
    repair_store,
    run_records,
    save_run,
    select_history,
    select_matrices,
    select_runs,
)
from nccli.store.schema.checksum import run_ids
from tests.store.before_blocks import BEFORE, without_blocks
from tests.store.example_runs import double_run, example_history, example_run
from tests.store.plain_sql import plain


def test_an_upgraded_store_is_the_one_that_would_be_made_today(store: Store, path: Path) -> None:
    """In double precision to the last bit, checksums included."""
    keys = [save_run(store, double_run(seed, history=example_history(20))) for seed in range(3)]
    keys.append(save_run(store, double_run(3, layers=[], history=[], status="diverged")))
    with store.read() as connection:
        before = list(read_contents(connection, run_ids(connection)))
        runs = select_runs(connection, keys)
        records, histories = run_records(connection, runs), select_history(connection, keys)
    without_blocks(path)
    upgraded = Store.open(str(path))
    assert upgraded.upgraded_from == BEFORE
    assert all(finding.ok for finding in check_store(upgraded))
    with upgraded.read() as connection:
        after = list(read_contents(connection, run_ids(connection)))
        assert run_records(connection, runs) == records
        assert select_history(connection, keys) == histories
        for name in ("class_means", "gram"):
            assert len(select_matrices(connection, keys[0], name)) == 5
    assert [content.checksum for content in after] == [content.checksum for content in before]
    assert all(content.intact for content in after)


def test_the_file_shrinks(store: Store, path: Path) -> None:
    for seed in range(10):
        save_run(store, example_run(seed, history=example_history(300)))
    without_blocks(path)
    upgraded = Store.open(str(path))
    assert upgraded.bytes_before is not None
    assert upgraded.bytes_after == path.stat().st_size < 0.5 * upgraded.bytes_before
    assert upgraded.backup is not None
    assert upgraded.backup.stat().st_size == upgraded.bytes_before


DAMAGE = (
    "UPDATE history SET dnc1 = '{oops'",
    "UPDATE history SET rank = '[1, 2]' WHERE step = 10 AND",
    "UPDATE history SET fit = 'low'",
    "UPDATE matrix SET bytes = X'00'",
    "UPDATE matrix SET shape = '[2, 10]'",
    "UPDATE matrix SET stage = 'within' WHERE layer = 3 AND stage = 'post' AND",
)


def test_what_was_damaged_is_found_afterwards_and_set_aside_with_all_that_it_was(store: Store, path: Path) -> None:
    keys = [save_run(store, example_run(seed)) for seed in range(len(DAMAGE) + 1)]
    without_blocks(path)
    with plain(path) as connection:
        for change, key in zip(DAMAGE, keys[1:], strict=True):
            connection.execute(f"{change} {'' if 'WHERE' in change else 'WHERE'} run_id = '{key}'")
    upgraded = Store.open(str(path))
    done = repair_store(upgraded, check_store(upgraded))
    assert set(done.set_aside) == set(keys[1:])
    assert all(finding.ok for finding in check_store(upgraded))
    assert done.file is not None
    lines = [json.loads(line) for line in done.file.read_text().splitlines()]
    assert {line["run"]["id"] for line in lines} == set(keys[1:])
    assert all(len(line["layer"]) == 5 for line in lines)

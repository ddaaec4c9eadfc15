"""Merging: idempotent, in any order the same, and nothing is overwritten silently."""

import random
from collections.abc import Sequence
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import text

from nccli.errors import InputError, NothingFoundError
from nccli.store import (
    Claims,
    Store,
    check_store,
    merge_stores,
    read_contents,
    run_records,
    save_run,
    select_history,
    select_runs,
)
from nccli.store.schema.checksum import run_ids
from tests.store.example_runs import example_history, example_run
from tests.store.plain_sql import dump, plain


def make(folder: Path, name: str, *runs: int, **changes: object) -> Path:
    """A store with example runs of some seeds."""
    store = Store.create(str(folder / name))
    for seed in runs:
        save_run(store, example_run(seed, **changes))  # type: ignore[arg-type]
    return folder / name


def merged(folder: Path, name: str, *sources: Path) -> Path:
    """The sources merged into a store, in that order."""
    merge_stores([str(source) for source in sources], Store.create(str(folder / name)))
    return folder / name


KINDS = ("absent", "sound", "sound", "other", "another", "forged", "forged again", "begun", "further")
LOSSES = {"other": 0.7, "another": 0.8, "forged": 0.3, "forged again": 0.4}
BEGUN = {"begun": 3, "further": 5}


def side(folder: Path, name: str, kinds: Sequence[str]) -> Path:
    """A store with a run a kind: as the others have it, of another result, changed by SQL, unfinished."""
    path = make(folder, name)
    store = Store.open(str(path))
    for seed, kind in enumerate(kinds):
        if kind == "absent":
            continue
        unfinished = {"status": "interrupted", "steps": BEGUN[kind]} if kind in BEGUN else {}
        loss = LOSSES[kind] if kind.endswith("other") else 0.1
        key = save_run(store, example_run(seed, **{"loss": loss, **unfinished}))  # type: ignore[arg-type]
        if kind.startswith("forged"):
            with plain(path) as connection:
                connection.execute("UPDATE run SET loss = ? WHERE id = ?", [LOSSES[kind], key])
    return path


def told(folder: Path, name: str, *sources: Path) -> set[tuple[str, float]]:
    """Results left out when the sources are merged into a store."""
    report = merge_stores([str(source) for source in sources], Store.create(str(folder / name)))
    return {(conflict.id, conflict.other) for conflict in report.conflicts}


def damaged(path: Path) -> set[str]:
    (finding,) = (found for found in check_store(Store.open(str(path))) if found.check == "damaged runs")
    return set(finding.reasons)


def losses(store: Store) -> dict[int, float]:
    with store.read() as connection:
        return {record["seed"]: record["loss"] for record in run_records(connection, select_runs(connection))}


def test_a_merged_store_has_every_run_whole(tmp_path: Path) -> None:
    a, b = make(tmp_path, "a.db", 0, 1), make(tmp_path, "b.db", 2)
    both = Store.open(str(merged(tmp_path, "both.db", a, b)))
    with both.read() as connection:
        together = {record["id"]: record for record in run_records(connection, select_runs(connection))}
    for path in (a, b):
        with Store.open(str(path)).read() as connection:
            for record in run_records(connection, select_runs(connection)):
                assert together.pop(record["id"]) == record
    assert together == {}


def test_any_order_and_any_repetition_gives_the_same_store(tmp_path: Path) -> None:
    """Overlapping stores: the same result made twice, and a result that differs."""
    stores = [
        make(tmp_path, "a.db", 0, 1),
        make(tmp_path, "b.db", 1, 2),
        make(tmp_path, "c.db", 0, 3, loss=0.7),
    ]
    ends = [sorted(dump(merged(tmp_path, f"{i}.db", *order))) for i, order in enumerate(permutations(stores))]
    assert all(end == ends[0] for end in ends)
    again = tmp_path / "0.db"
    merge_stores([str(store) for store in (*stores, *stores)], Store.open(str(again)))
    assert sorted(dump(again)) == ends[0]


def test_conflicting_stores_from_three_sides_end_the_same_in_any_order_and_in_pairs(tmp_path: Path) -> None:
    """Results that differ, values that were forged, and runs at different steps, at once and two by two."""
    rng = random.Random(0)
    sides = [side(tmp_path, f"{name}.db", rng.choices(KINDS, k=12)) for name in "abc"]
    conflicts = [told(tmp_path, f"{i}.db", *order) for i, order in enumerate(permutations(sides))]
    for last in sides:
        pair = told(tmp_path, f"all-but-{last.name}", *(each for each in sides if each != last))
        conflicts.append(pair | told(tmp_path, f"{last.name}-last.db", last, tmp_path / f"all-but-{last.name}"))
    ends = [sorted(dump(path)) for path in (*tmp_path.glob("?.db"), *tmp_path.glob("*-last.db")) if path not in sides]
    assert len(ends) == 9
    assert all(end == ends[0] for end in ends)
    assert all(found == conflicts[0] for found in conflicts)
    assert conflicts[0]


def test_a_forged_value_gives_way_to_a_sound_one_whatever_came_first(tmp_path: Path) -> None:
    sides = [
        side(tmp_path, "a.db", ["forged", "sound", "forged again"]),
        side(tmp_path, "b.db", ["sound", "forged", "absent"]),
        side(tmp_path, "c.db", ["forged again", "absent", "forged again"]),
    ]
    ends = []
    for i, order in enumerate(permutations(sides)):
        conflicts: set[tuple[str, float]] = set()
        for each in order:
            conflicts |= told(tmp_path, f"{i}.db", each)
        assert conflicts == {(example_run(0).id, 0.3), (example_run(0).id, 0.4), (example_run(1).id, 0.3)}
        ends.append(sorted(dump(tmp_path / f"{i}.db")))
    assert all(end == ends[0] for end in ends)
    assert losses(Store.open(str(tmp_path / "0.db"))) == {0: 0.1, 1: 0.1, 2: 0.4}
    assert damaged(tmp_path / "0.db") == {example_run(2).id}, "a merge hides no damage"


def test_one_by_one_in_any_order_gives_the_same_store(tmp_path: Path) -> None:
    a, b = make(tmp_path, "a.db", 0, 1), make(tmp_path, "b.db", 1, 2)
    for name, order in (("ab.db", (a, b)), ("ba.db", (b, a))):
        for each in order:
            merged(tmp_path, name, each)
    assert sorted(dump(tmp_path / "ab.db")) == sorted(dump(tmp_path / "ba.db"))


def test_another_result_of_the_same_run_is_told_and_left_where_it_is(store: Store, tmp_path: Path) -> None:
    save_run(store, example_run(0))
    other = make(tmp_path, "other.db", 0, 1, loss=0.7)
    report = merge_stores([str(other)], store)
    (conflict,) = report.conflicts
    assert (conflict.id, conflict.kept, conflict.other, conflict.where) == (example_run(0).id, 0.1, 0.7, str(other))
    assert report.added == 1
    assert losses(store) == {0: 0.1, 1: 0.7}


def test_a_finished_run_takes_the_place_of_an_unfinished_one_and_never_the_reverse(
    store: Store, tmp_path: Path
) -> None:
    save_run(store, example_run(0, status="interrupted", steps=3, loss=0.9))
    save_run(store, example_run(1))
    other = make(tmp_path, "other.db", 0)
    late = make(tmp_path, "late.db", 1, status="interrupted", steps=3, loss=0.9)
    report = merge_stores([str(other), str(late)], store)
    assert (report.finished, report.same, report.conflicts) == (1, 1, [])
    assert losses(store) == {0: 0.1, 1: 0.11}


def test_runs_in_training_are_left_out(store: Store, tmp_path: Path) -> None:
    other = Store.create(str(tmp_path / "other.db"))
    run = example_run(0)
    known = {name: value for name, value in run.columns.items() if name not in ("status", "loss")}
    with Claims(other, pytest.fail) as claims:
        claims.take([run.id], lambda key: known)
        assert merge_stores([str(tmp_path / "other.db")], store).skipped == 1
    assert losses(store) == {}


def test_a_store_is_not_merged_into_itself(path: Path) -> None:
    store = Store.create(str(path))
    with pytest.raises(InputError, match="is the store to merge into"):
        merge_stores([str(path)], store)
    with pytest.raises(NothingFoundError, match="no store at"):
        merge_stores([str(path.with_name("none.db"))], store)


def test_a_run_that_was_changed_behind_our_back_yields_to_the_one_that_was_not(tmp_path: Path) -> None:
    stores = [Store.create(str(tmp_path / f"{name}.db")) for name in "ab"]
    for each in stores:
        save_run(each, example_run(0))
    key = example_run(0).id
    with stores[1].write() as connection:
        connection.execute(text("UPDATE run SET loss = 0.5"))
    for order in (("a", "b"), ("b", "a")):
        target = Store.create(str(tmp_path / f"{''.join(order)}.db"))
        for name in order:
            report = merge_stores([str(tmp_path / f"{name}.db")], target)
            assert report.doubtful == ([(key, str(tmp_path / "b.db"))] if name == order[0] == "b" else [])
        with target.read() as connection:
            (row,) = select_runs(connection)
        assert row["loss"] == pytest.approx(0.1)
        assert all(finding.ok for finding in check_store(target))
    alone = Store.create(str(tmp_path / "alone.db"))
    merge_stores([str(tmp_path / "b.db")], alone)
    assert [finding.check for finding in check_store(alone) if not finding.ok] == ["damaged runs"]


PARTS = {"history", "matrices", "weights", "host"}


def having(path: Path) -> list[set[str]]:
    """What is kept of the runs of a store, in the order of their ids."""
    with Store.open(str(path)).read() as connection:
        return [set(content.parts) for content in read_contents(connection, run_ids(connection))]


@pytest.mark.parametrize(
    "without",
    [{"history"}, {"matrices"}, {"weights"}, {"host"}, {"history", "matrices"}, PARTS],
    ids=lambda parts: ",".join(sorted(parts)),
)
def test_a_copy_without_parts_is_sound_and_smaller_and_no_other_result(tmp_path: Path, without: set[str]) -> None:
    whole = make(tmp_path, "whole.db", 0, 1, weights=[np.ones((5, 5)), np.eye(5), np.ones((4, 5))])
    part = tmp_path / "part.db"
    merge_stores([str(whole)], Store.create(str(part)), without)
    assert having(whole) == [PARTS] * 2
    assert having(part) == [PARTS - without] * 2
    assert all(finding.ok for finding in check_store(Store.open(str(part))))
    for order in ((part, whole), (whole, part)):
        again = tmp_path / f"again-{order[0].name}"
        report = merge_stores([str(source) for source in order], Store.create(str(again)))
        assert (report.added, report.conflicts) == (2, [])
        assert having(again) == [PARTS] * 2
    assert merge_stores([str(whole)], Store.open(str(part))).conflicts == []
    assert having(part) == [PARTS] * 2


def test_trajectories_are_left_out_of_histories_and_come_back(tmp_path: Path) -> None:
    more = {"singular_values": [[2.0, 1.0, 0.5, 0.25]] * 5, "negative_share": [0.5, 0.25]}
    points = [{**row, **more} for row in example_history(4)]
    whole = make(tmp_path, "whole.db", 0, history=points)
    bare = make(tmp_path, "bare.db", 0, history=example_history(4))
    part = tmp_path / "part.db"
    merge_stores([str(whole)], Store.create(str(part)), {"trajectory"})
    assert [having(path) for path in (whole, part, bare)] == [
        [{"history", "matrices", "trajectory", "host"}],
        [{"history", "matrices", "host"}],
        [{"history", "matrices", "host"}],
    ]
    with Store.open(str(part)).read() as one, Store.open(str(bare)).read() as other:
        keys = run_ids(one)
        left, bare_rows = select_history(one, keys)[keys[0]], select_history(other, keys)[keys[0]]
        assert [row.get("singular_values") is not None for row in left] == [False, False, True, True]  # the latest
        of_both = ("step", "loss", "fit", "reg", "grad_norm", "dnc1", "rank")
        assert [[row[name] for name in of_both] for row in left] == [
            [row[name] for name in of_both] for row in bare_rows
        ]
        assert not any(row.get("negative_share") for row in left)
    assert all(finding.ok for finding in check_store(Store.open(str(part))))
    assert merge_stores([str(whole)], Store.open(str(bare))).conflicts == []
    assert having(bare) == having(whole)

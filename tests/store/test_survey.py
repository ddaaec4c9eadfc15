"""Columns of runs that are read once tell what the database tells, and nothing where one of them is damaged."""

import math
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import text

from nccli.store import (
    MEASURED_COLUMNS,
    Selection,
    Store,
    count_degenerate,
    count_finishes,
    group_records,
    mixed_columns,
    outcome_records,
    parse_where,
    save_run,
    select_settings,
    unreadable_runs,
)
from tests.store.example_runs import example_run

READ = (*MEASURED_COLUMNS, "wd", "seed", "steps", "n")
SELECTIONS = [
    Selection(),
    Selection(trained=True),
    Selection(plain=True),
    Selection(learned=True, plain=True, trained=True),
    Selection(where=parse_where("loss<0.15 and not finish=certified")),
]


@pytest.fixture(scope="module")
def varied(tmp_path_factory: pytest.TempPathFactory) -> Store:
    """Runs of several settings and ends, some without a loss, a rank or an outcome, decays an ulp apart."""
    store = Store.create(str(tmp_path_factory.mktemp("varied") / "runs.db"))
    for seed in range(6):
        wd = 0.004 if seed < 3 else math.nextafter(0.004, 1)
        save_run(
            store, example_run(seed, config={"n": 2 + seed % 2}, n=2 + seed % 2, wd=wd, settled=(1, 0, None)[seed % 3])
        )
        save_run(
            store, example_run(seed, config={"refine": True}, finish=("refined", "certified")[seed % 2], loss=0.09)
        )
    save_run(store, example_run(7, status="diverged", loss=math.nan, layers=[]))
    save_run(store, example_run(8, kind="e2e", loss=0.3))
    with store.write() as connection:
        connection.execute(text("UPDATE run SET outcome = 'zero' WHERE seed = 1"))
        connection.execute(text("UPDATE run SET outcome = NULL, structure = NULL, loss_srg = NULL WHERE seed = 2"))
    return store


def told(store: Store, selection: Selection, surveyed: bool) -> list[Any]:
    """What comparisons and figures are made of."""
    with store.read() as connection:
        chosen = selection.with_survey(connection, READ) if surveyed else selection
        assert (chosen.surveyed(READ) is not None) is surveyed
        settings = select_settings(connection, chosen, ("loss", "outcome", "steps", "settled"))
        return [
            chosen.exists(connection),
            count_finishes(connection, chosen),
            count_degenerate(connection, chosen),
            [(mixed_columns(connection, chosen, keys), outcome_records(connection, chosen, keys)) for keys in KEYS],
            [group_records(connection, chosen, keys, whole=whole) for keys in KEYS for whole in (False, True)],
            [(each.row, each.ids, {name: v.tolist() for name, v in each.values.items()}) for each in settings],
        ]


KEYS = ((), ("wd",), ("seed", "n"), ("outcome", "finish"), ("settled",))


@pytest.mark.parametrize("selection", SELECTIONS, ids=str)
def test_a_survey_tells_what_scans_of_the_database_tell(varied: Store, selection: Selection) -> None:
    assert str(told(varied, selection, surveyed=True)) == str(told(varied, selection, surveyed=False))


def test_other_runs_are_not_told_of_by_a_survey(varied: Store) -> None:
    with varied.read() as connection:
        chosen = Selection(trained=True).with_survey(connection, ("loss",))
        (key, *_) = (row.id for row in connection.execute(text("SELECT id FROM run")))
    assert chosen.surveyed(("loss",)) is not None
    assert chosen.surveyed(("loss", "loss_dnc")) is None
    for other in ({"where": parse_where("K=4")}, {"ids": (key,)}, {"trained": False}, {"without": frozenset({key})}):
        assert replace(chosen, **other).surveyed(("loss",)) is None


@pytest.mark.parametrize(
    "change",
    [
        *(
            "loss = -1",
            "structure = 'a' || chr(7)",
            "status = 'gone'",
            "outcome = 'a' || chr(10)",
            "id = 'xyz456789012'",
        ),
        *("id = 'abc'", "id = 'ABCDEF012345'", "loss = 'low'", "loss = X'00'", "settled = 0.5", "settled = 'yes'"),
        *("kind = CAST(X'ff' AS TEXT)", "finish = X'70'", "settled = 9223372036854775807"),
    ],
)
def test_no_survey_has_a_value_that_breaks_a_rule(store: Store, change: str) -> None:
    typed = "X'" in change or "'low'" in change or change.startswith("settled") or "CAST" in change
    if store.path is None and typed:
        pytest.skip("a column of PostgreSQL has a type")
    save_run(store, example_run(0))
    key = save_run(store, example_run(1))
    sql = change if store.path is None else change.replace("chr", "char")
    with store.write() as connection:
        for table in ("singular_value", "layer", "history", "matrix"):
            connection.execute(text(f"DELETE FROM {table}"))
        connection.execute(text(f"UPDATE run SET {sql} WHERE id = '{key}'"))
    with store.read() as connection:
        chosen = Selection().with_survey(connection, READ)
        assert chosen.survey is None
        assert unreadable_runs(connection, chosen, (), READ) == unreadable_runs(connection, Selection(), (), READ)


def test_numbers_that_double_precision_has_not_stay_what_they_are(store: Store) -> None:
    for seed in (2**60, 2**60 + 1):
        save_run(store, example_run(seed, loss=0.1))
    with store.read() as connection:
        chosen = Selection().with_survey(connection, READ)
        assert chosen.surveyed(("seed",)) is not None
        assert [row["seed"] for row in group_records(connection, chosen, ("seed",))] == [2**60, 2**60 + 1]

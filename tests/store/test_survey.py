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
KEYS = ((), ("wd",), ("seed", "n"), ("outcome", "finish"), ("settled",))


@pytest.fixture
def varied(store: Store) -> Store:
    """Runs of several settings and ends, some without a loss, a rank or an outcome, decays an ulp apart."""
    for seed in range(4):
        wd = 0.004 if seed < 2 else math.nextafter(0.004, 1)
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


def test_a_survey_tells_what_scans_of_the_database_tell(varied: Store) -> None:
    for selection in SELECTIONS:
        assert str(told(varied, selection, surveyed=True)) == str(told(varied, selection, surveyed=False))


def test_other_runs_are_not_told_of_by_a_survey(store: Store) -> None:
    key = save_run(store, example_run(0))
    with store.read() as connection:
        chosen = Selection(trained=True).with_survey(connection, ("loss",))
    assert chosen.surveyed(("loss",)) is not None
    assert chosen.surveyed(("loss", "loss_dnc")) is None
    for other in ({"where": parse_where("K=4")}, {"ids": (key,)}, {"trained": False}, {"without": frozenset({key})}):
        assert replace(chosen, **other).surveyed(("loss",)) is None


ANYWHERE = ("loss = -1", "structure = 'a' || chr(7)", "status = 'gone'", "id = 'xyz456789012'", "id = 'ABCDEF012345'")
IN_SQLITE = (
    *("loss = 'low'", "loss = X'00'", "settled = 0.5", "settled = 'yes'", "settled = 9223372036854775807"),
    *("kind = CAST(X'ff' AS TEXT)", "finish = X'70'", "setting = NULL", "outcome = 'a' || char(10)"),
)


def test_no_survey_has_a_value_that_breaks_a_rule(store: Store) -> None:
    save_run(store, example_run(0, layers=[], history=[]))
    key = save_run(store, example_run(1, layers=[], history=[]))
    own = [each.replace("chr", "char") for each in ANYWHERE] + [*IN_SQLITE] if store.path is not None else ANYWHERE
    with store.write() as connection:
        for table in ("matrix", "history"):
            connection.execute(text(f"DELETE FROM {table}"))
        assert Selection().with_survey(connection, READ).survey is not None
        for change in own:
            with connection.begin_nested() as point:
                connection.execute(text(f"UPDATE run SET {change} WHERE id = '{key}'"))
                chosen = Selection().with_survey(connection, READ)
                assert chosen.survey is None, change
                told = [unreadable_runs(connection, each, (), READ) for each in (chosen, Selection())]
                assert told[0] == told[1]
                point.rollback()


def test_numbers_that_double_precision_has_not_stay_what_they_are(store: Store) -> None:
    for seed in (2**60, 2**60 + 1):
        save_run(store, example_run(seed, loss=0.1))
    with store.read() as connection:
        chosen = Selection().with_survey(connection, READ)
        assert chosen.surveyed(("seed",)) is not None
        assert [row["seed"] for row in group_records(connection, chosen, ("seed",))] == [2**60, 2**60 + 1]

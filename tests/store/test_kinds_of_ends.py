"""Which ends of runs are meant, and that plain and finished ones are never one group."""

import pytest

from nccli.store import (
    Selection,
    Store,
    asking_for,
    columns_of,
    count_finishes,
    group_records,
    mixed_columns,
    names_ends,
    outcome_records,
    paired_records,
    parse_where,
    save_run,
    select_settings,
)
from tests.store.example_runs import example_run

POLISH, REFINE = {"polish": True}, {"refine": True}


@pytest.fixture
def ends(store: Store) -> Store:
    """Two descents, one of which has not settled, two points refined from there, and a run of an older nccli."""
    for seed, settled in enumerate((1, 0)):
        save_run(store, example_run(seed, finish="plain", settled=settled))
        save_run(store, example_run(seed, config=REFINE, finish=("refined", "certified")[seed], loss=0.09))
    save_run(store, example_run(2, finish=None, settled=None))
    return store


@pytest.mark.parametrize(
    ("where", "named"),
    [
        ("finish=certified", True),
        ("K=4 and (wd>1 or not finish is null)", True),
        ("config.refine=yes", True),
        ("residual<1e-10", True),
        ("id in (abc, def)", True),
        ("K=4 and not (wd=1 or lr>2)", False),
        ("settled=1", False),
    ],
)
def test_conditions_name_ends_or_do_not(where: str, named: bool) -> None:
    assert names_ends(parse_where(where)) is named


def test_columns_are_found_however_deep() -> None:
    assert columns_of(parse_where("K=4 and not (wd in (1, 2) or (lr is null and not tag~x))")) == {
        "K",
        "wd",
        "lr",
        "tag",
    }


def test_plain_ends_are_those_of_descents_of_any_version(ends: Store) -> None:
    with ends.read() as connection:
        assert (Selection().count(connection), Selection(plain=True).count(connection)) == (5, 3)
        assert count_finishes(connection, Selection()) == {"plain": 3, "refined": 1, "certified": 1}
        assert list(count_finishes(connection, Selection(where=parse_where("seed=1")))) == ["plain", "certified"]


def test_the_option_that_asks_for_ends_can_be_read(ends: Store) -> None:
    for names, runs in ((["certified"], 1), (["refined", "certified"], 2)):
        text = asking_for(names).removeprefix("--where ").strip('"')
        with ends.read() as connection:
            assert Selection(where=parse_where(text)).count(connection) == runs


def test_runs_of_a_setting_are_of_one_end(ends: Store) -> None:
    with ends.read() as connection:
        settings = select_settings(connection, Selection(), ("settled", "loss"))
    found = sorted((each.row["finish"] or "", len(each.ids), len(each.values["loss"])) for each in settings)
    assert found == [("", 1, 1), ("certified", 1, 1), ("plain", 2, 2), ("refined", 1, 1)]


def test_groups_and_outcomes_count_what_has_not_settled(ends: Store) -> None:
    with ends.read() as connection:
        (whole,) = group_records(connection, Selection(), ("K",))
        counted = {row["finish"]: row["unsettled"] for row in outcome_records(connection, Selection(), ("finish",))}
    assert (whole["runs"], whole["unsettled"]) == (5, 1)
    assert counted == {"plain": 1, "refined": 0, "certified": 0, None: 0}


def test_pairs_count_those_of_which_a_run_has_not_settled(ends: Store) -> None:
    with ends.read() as connection:
        chosen = Selection(where=parse_where("finish=plain or config.refine=yes"))
        loss, *_ = paired_records(connection, chosen, ("config.refine",), "seed")
    assert (loss["pairs"], loss["unsettled"]) == (2, 1)


def test_groups_that_mix_ends_are_told_by_their_finish(ends: Store) -> None:
    with ends.read() as connection:
        assert mixed_columns(connection, Selection(), ("K",)) == ["finish"]
        assert mixed_columns(connection, Selection(), ("K", "finish")) == []
        assert mixed_columns(connection, Selection(where=parse_where("config.refine=yes")), ("K",)) == ["finish"]
        assert mixed_columns(connection, Selection(plain=True), ("K",)) == []

"""The language of --where: comparisons joined by `and`, and nothing else gets through."""

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nccli.errors import InputError
from nccli.store import (
    Comparison,
    Selection,
    Store,
    comparison_records,
    group_records,
    mixed_columns,
    parse_where,
    save_run,
    select_runs,
)
from nccli.store.where import NUMBER_COLUMNS, TEXT_COLUMNS
from tests.store.example_runs import example_run
from tests.store.plain_sql import dump


def seeds(store: Store, where: str) -> set[int]:
    """Seeds of the stored runs that fit."""
    with store.read() as connection:
        return {row["seed"] for row in select_runs(connection, where=parse_where(where))}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("wd=1e-3", [("wd", "=", 1e-3)]),
        (" K == 10 ", [("K", "=", 10.0)]),
        ("width!=30", [("width", "!=", 30.0)]),
        ("loss<-.5", [("loss", "<", -0.5)]),
        ("loss<=inf", [("loss", "<=", math.inf)]),
        ("kind=dufm AND seed>3", [("kind", "=", "dufm"), ("seed", ">", 3.0)]),
        ("kind='dufm'and K>=6", [("kind", "=", "dufm"), ("K", ">=", 6.0)]),
        ("K=3 and L=4 and n=5", [("K", "=", 3.0), ("L", "=", 4.0), ("n", "=", 5.0)]),
        ('host="node 7"', [("host", "=", "node 7")]),
        ("host='said \"and\"'", [("host", "=", 'said "and"')]),
        ("host=''", [("host", "=", "")]),
        ("host=and and K=3", [("host", "=", "and"), ("K", "=", 3.0)]),
        ("created>=2026-01-02", [("created", ">=", "2026-01-02")]),
        ("activation=relu-last", [("activation", "=", "relu-last")]),
    ],
)
def test_comparisons_are_read(text: str, expected: list[tuple[str, str, float | str]]) -> None:
    assert parse_where(text) == tuple(Comparison(*parts) for parts in expected)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("", "cannot read"),
        ("K", "cannot read 'K'"),
        ("K=", "cannot read"),
        ("=3", "cannot read"),
        ("K=>3", "cannot read"),
        ("K<>3", "cannot read"),
        ("K===3", "cannot read"),
        ("host='open", "cannot read"),
        ("K=3 and", "cannot read|expected 'and'"),
        ("K=3 L=4", "expected 'and' or 'or' before 'L=4'"),
        ("K=3 or", "cannot read"),
        ("(K=3", "not closed"),
        ("K=3)", "expected 'and' or 'or' before '\\)'"),
        ("not", "cannot read"),
        ("()", "cannot read"),
        ("K in 3", "write 'K in"),
        ("K in (3", "write 'K in"),
        ("K in ()", "write 'K in"),
        ("wd is 3", "write 'wd is null'"),
        ("K~3", "K is a number"),
        ("widht=3", "did you mean 'width'"),
        ("(" * 99 + "K=3" + ")" * 99, "inside each other"),
        ("K=3, L=4", "is a number|expected 'and'"),
        ("K=3 and and L=4", "cannot read"),
        ("K=3andL=4", "is a number, '3andL' is not|expected 'and'|cannot read"),
        ("K=ten", "K is a number, 'ten' is not"),
        ("colour=red", "no column 'colour'; columns are K, L"),
        ("config=1", "no column 'config'"),
        ("__class__=1", "no column"),
        ("metadata=1", "no column"),
    ],
)
def test_anything_else_is_refused_with_a_reason(text: str, complaint: str) -> None:
    with pytest.raises(InputError, match=f"^--where: .*({complaint})"):
        parse_where(text)


@given(st.text(max_size=30) | st.from_regex(r"(K|kind|wd|loss)\s*[<>=!]{0,3}\s*['\"a-z0-9.-]{0,6}( and | or |;)?"))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        comparisons = parse_where(text)
    except InputError:
        return
    assert comparisons
    for comparison in comparisons:
        comparison.as_sql()


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("seed=1", {1}),
        ("seed!=1", {0, 2}),
        ("seed<1", {0}),
        ("seed<=1", {0, 1}),
        ("seed>1", {2}),
        ("seed>=1", {1, 2}),
        ("seed>=1 and loss<0.12", {1}),
        ("wd=4e-3", {0, 1, 2}),
        ("wd<0.004", set()),
        ("kind=dufm", {0, 1, 2}),
        ("kind!=dufm", set()),
        ("status=stopped and dtype=float32 and device='cpu'", {0, 1, 2}),
        ("host='LAB'", set()),
    ],
)
def test_operators_mean_what_they_say(store: Store, where: str, expected: set[int]) -> None:
    for seed in range(3):
        save_run(store, example_run(seed))
    assert seeds(store, where) == expected


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("seed=0 or seed=2", {0, 2}),
        ("seed=0 or seed=1 and loss>9", {0}),
        ("(seed=0 or seed=1) and loss>0.105", {1}),
        ("not seed=1", {0, 2}),
        ("not (seed=0 or seed=1)", {2}),
        ("not (seed>=1 and seed<=1)", {0, 2}),
        ("not not seed=1", {1}),
        ("NOT seed=1 AND seed>0", {2}),
        ("seed in (0, 2)", {0, 2}),
        ("seed not in (0,2)", {1}),
        ("seed in (1, 2.5)", {1}),
        ("wd in (1, 0.004)", {0, 1, 2}),
        ("wd_h1 in (0, 4e-3)", {0, 1, 2}),
        ("config.init_scale in (0.5, 1)", {0, 1, 2}),
        ("kind in (dufm, 'srg')", {0, 1, 2}),
        ("host~a", {0, 1, 2}),
        ("host~A", set()),
        ("not host~A", {0, 1, 2}),
        ("host~_", set()),
        ("host~'%'", set()),
        ("residual is null and seed=1", {1}),
        ("wd is not null", {0, 1, 2}),
        ("residual=1", set()),
        ("residual!=1", set()),
        ("not residual=1", {0, 1, 2}),
        ("not (residual=1 or seed=1)", {0, 2}),
        ("config.init_scale=1", {0, 1, 2}),
        ("config.seed>0", {1, 2}),
        ("config.activation=relu", {0, 1, 2}),
        ("config.dataset=mnist", set()),
        ("config.dataset is null", {0, 1, 2}),
        ("config.activation~el", {0, 1, 2}),
        ("ranks_agree=yes or ranks_agree=no", {0, 1, 2}),
        ("structure!=DNC and mean_hidden_rank>=1", {0, 1, 2}),
    ],
)
def test_conditions_are_joined_negated_and_grouped(store: Store, where: str, expected: set[int]) -> None:
    for seed in range(3):
        save_run(store, example_run(seed))
    assert seeds(store, where) == expected


@pytest.mark.parametrize("column", [*NUMBER_COLUMNS, *TEXT_COLUMNS])
def test_every_column_can_be_asked_for(store: Store, column: str) -> None:
    words, numbers = ("dataset", "backbone", "reg_kind"), ("epochs", "train_accuracy", "test_accuracy")
    save_run(store, example_run(**dict.fromkeys(words, "some"), **dict.fromkeys(numbers, 1)))
    with store.read() as connection:
        value = select_runs(connection)[0][column]
    if value is None:
        assert seeds(store, f"{column} is null") == {0}
        return
    assert seeds(store, f"{column}='{value}'") == {0}
    assert seeds(store, f"{column}!='{value}'") == set()


@pytest.mark.parametrize("seed", [2**53 + 1, 999_999_999_999_999_999])
def test_large_integers_are_compared_exactly(store: Store, seed: int) -> None:
    save_run(store, example_run(seed))
    assert seeds(store, f"seed={seed}") == {seed}
    assert seeds(store, f"seed={seed - 1}") == set()


def test_an_integer_too_large_for_the_store_matches_nothing(store: Store) -> None:
    save_run(store, example_run())
    assert seeds(store, f"seed={10**30}") == set()
    assert seeds(store, f"seed<{10**30}") == {0}


def test_nan_satisfies_no_comparison_and_infinity_does(store: Store) -> None:
    for seed, loss in enumerate((0.1, math.nan, math.inf, -math.inf)):
        save_run(store, example_run(seed, loss=loss))
    assert seeds(store, "loss<=inf") == {0, 2, 3}
    assert seeds(store, "loss=inf") == {2}
    assert seeds(store, "loss<0") == {3}
    assert seeds(store, "loss!=0.1") == {2, 3}
    for sign in ("=", "!=", "<", ">=", "<=", ">"):
        assert seeds(store, f"loss{sign}nan") == set()


@pytest.mark.parametrize(
    "attempt",
    [
        'id="\'; DROP TABLE run; --"',
        "kind='dufm; DELETE FROM run'",
        "host='\" OR 1=1 --'",
        "host='x%'",
        "host=''",
    ],
)
def test_sql_in_a_value_is_only_a_value(store: Store, path: Path, attempt: str) -> None:
    save_run(store, example_run())
    before = dump(path)
    assert seeds(store, attempt) == set()
    assert dump(path) == before


@pytest.mark.parametrize(
    "attempt", ["1=1", "id=0)OR(1", "K=3; DROP TABLE run", "K=3) or (1=1", "K=3 -- and", "K=3 UNION SELECT 1"]
)
def test_sql_outside_a_value_is_refused(attempt: str) -> None:
    with pytest.raises(InputError, match=r"^--where: "):
        parse_where(attempt)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("config.schedule=constant", {0}),
        ("config.schedule!=constant", {1}),
        ("config.optimizer in (gd, adam)", {0, 1}),
        ("config.momentum=0", {0, 1}),
        ("config.refine=no", {0, 1}),
        ("config.refine=yes", set()),
        ("config.epsilon is null", {0, 1}),
        ("config.wd=4e-3", {0, 1}),
        ("config.wd_layers='4e-3, 0.004,.004'", {0, 1}),
        ("config.wd_layers='4e-3,4e-3,8e-3'", set()),
        ("config.init_scale<2", {0, 1}),
    ],
)
def test_an_option_that_was_not_given_has_its_default(store: Store, where: str, expected: set[int]) -> None:
    save_run(store, example_run(0))
    save_run(store, example_run(1, config={"schedule": "cosine"}))
    assert seeds(store, where) == expected


def test_a_decimal_and_what_arithmetic_makes_of_it_are_one_setting(store: Store) -> None:
    for seed, wd in enumerate((0.004, 0.003999999999999998, 0.004000000000001)):
        save_run(store, example_run(seed, lr=wd, config={"wd_h1": wd, "wd_layers": (wd,) * 3, "lr": wd}))
    for name in ("wd", "wd_h1", "lr", "config.lr", "config.wd"):
        for written in (0.004, 0.003999999999999998):
            assert seeds(store, f"{name}={written!r}") == {0, 1}
            assert seeds(store, f"{name} in ({written!r}, 1)") == {0, 1}
            assert seeds(store, f"{name}>={written!r} and {name}<={written!r}") == {0, 1}
        assert seeds(store, f"{name} in (4e-3, 1)") == {0, 1}
        assert seeds(store, f"{name}<4e-3") == set()
        assert seeds(store, f"{name} is null") == set()
    with store.read() as connection:
        groups = group_records(connection, Selection(), ("wd", "lr"))
        records = comparison_records(connection, select_runs(connection, where=parse_where("wd=4e-3")), 1e-2)
        notes = mixed_columns(connection, Selection(where=parse_where("lr=4e-3")), ("K",))
    assert [(row["wd"], row["runs"]) for row in groups] == [(0.004, 2), (0.004000000000001, 1)]
    assert len({row["best_id"] for row in records}) == 1
    assert notes == []


def test_small_decays_are_found_as_they_are_written(store: Store) -> None:
    save_run(store, example_run(0, config={"wd_layers": (1e-5, 1e-5, 2e-5)}))
    save_run(store, example_run(1))
    assert seeds(store, "config.wd_layers='1e-5,1e-5,2e-5'") == {0}
    assert seeds(store, "config.wd_layers~1e-05") == {0}


@pytest.mark.parametrize("where", ["config.shedule=cosine", "not config.shedule=cosine", "config.shedule is null"])
def test_an_option_of_no_run_is_refused_with_the_nearest_one(where: str) -> None:
    with pytest.raises(InputError, match=r"no option 'shedule' \(did you mean 'schedule'\?\); config\. goes with K, L"):
        parse_where(where)


def test_a_thousand_values_are_one_list(store: Store) -> None:
    for seed in range(3):
        save_run(store, example_run(seed))
    assert seeds(store, f"seed in ({', '.join(map(str, range(1, 5000)))})") == {1, 2}
    assert seeds(store, f"seed not in ({', '.join(map(str, range(1, 5000)))})") == {0}


def test_more_than_a_database_takes_is_refused() -> None:
    with pytest.raises(InputError, match="more than 400 comparisons: use 'seed in"):
        parse_where(" or ".join(f"seed={seed}" for seed in range(1000)))
    with pytest.raises(InputError, match="at most 20,000 values"):
        parse_where(f"seed in ({', '.join(map(str, range(20_001)))})")


def test_four_hundred_comparisons_are_answered(store: Store) -> None:
    save_run(store, example_run(7))
    assert seeds(store, " or ".join(f"seed={seed}" for seed in range(400))) == {7}

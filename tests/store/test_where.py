"""The language of --where: comparisons joined by `and`, and nothing else gets through."""

import math
from collections.abc import Callable
from pathlib import Path
from statistics import fmean

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nccli.catalogue.metrics import METRICS
from nccli.errors import InputError
from nccli.store import (
    Comparison,
    Store,
    parse_where,
    save_run,
    select_runs,
)
from nccli.store.query.where import NUMBER_COLUMNS, TEXT_COLUMNS
from tests.store.asking import seeds
from tests.store.example_runs import example_layers, example_run
from tests.store.plain_sql import dump


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


@pytest.mark.parametrize(("name", "function"), [("max", max), ("min", min), ("mean", fmean)])
def test_metrics_are_summed_up_over_the_layers_and_stages_that_have_them(
    store: Store, name: str, function: Callable[[list[float]], float]
) -> None:
    """Against the same sums in Python; a run without the metric, here a diverged one too, has none."""
    runs = {seed: example_run(seed, layers=example_layers(seed, rank=seed + 2)) for seed in range(3)}
    for run in [*runs.values(), example_run(3, layers=[], status="diverged")]:
        save_run(store, run)
    for metric in (metric.name for metric in METRICS):
        values = {seed: [getattr(layer, metric) for layer in run.layers] for seed, run in runs.items()}
        held = {seed: [v for v in found if v is not None and not math.isnan(v)] for seed, found in values.items()}
        sums = {seed: function(found) for seed, found in held.items() if found}
        assert seeds(store, f"{name}.{metric} is not null") == set(sums), metric
        assert seeds(store, f"{name}.{metric} is null") == {0, 1, 2, 3} - set(sums), metric
        for bar in sums.values():
            above, below = bar + 1e-9 * abs(bar), bar - 1e-9 * abs(bar)
            if math.isfinite(bar):
                expected = {seed for seed, value in sums.items() if below <= value <= above}
                assert seeds(store, f"{name}.{metric}>={below!r} and {name}.{metric}<={above!r}") == expected, metric


def test_an_unknown_metric_is_told_the_nearest() -> None:
    with pytest.raises(InputError, match=r"no metric 'stable_rnk' \(did you mean 'stable_rank'\?\)"):
        parse_where("max.stable_rnk>1")

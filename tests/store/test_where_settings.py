"""--where asks for the settings of a run: options with their defaults, decimals as they were meant."""

import pytest

from nccli.errors import InputError
from nccli.store import (
    Selection,
    Store,
    comparison_records,
    group_records,
    mixed_columns,
    parse_where,
    save_run,
    select_runs,
)
from tests.store.asking import seeds
from tests.store.example_runs import example_run


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
    with pytest.raises(InputError, match=r"no option 'shedule' \(did you mean 'schedule'\?\); config\. goes with .*K"):
        parse_where(where)

"""Runs are named by ids or by as many of their first digits as it takes."""

import pytest
from sqlalchemy import update

from nccli.errors import InputError, NothingFoundError
from nccli.store import Store, find_ids, save_run
from nccli.store.schema.tables import Run
from tests.store.example_runs import example_run

IDS = ["0a1b2c3d4e5f", "0a1bffffffff", "ffffffffffff"]


@pytest.fixture
def three(store: Store) -> Store:
    """A store of three runs with known ids."""
    for seed, name in enumerate(IDS):
        key = save_run(store, example_run(seed, layers=[], history=[]))
        with store.write() as connection:
            connection.execute(update(Run).where(Run.id == key).values(id=name))  # type: ignore[arg-type]
    return store


@pytest.mark.parametrize(
    ("prefixes", "found"),
    [
        (IDS, IDS),
        (IDS[::-1], IDS[::-1]),
        (["f"], [IDS[2]]),
        (["0a1b2"], [IDS[0]]),
        (["0A1BF", " ffff\n"], [IDS[1], IDS[2]]),
        (["f", "ff", IDS[2], "0a1bf"], [IDS[2], IDS[1]]),
        ([], []),
    ],
)
def test_ids_and_unique_prefixes_are_found_once_each_in_order(
    three: Store, prefixes: list[str], found: list[str]
) -> None:
    with three.read() as connection:
        assert find_ids(connection, prefixes) == found


@pytest.mark.parametrize("prefix", ["0", "0a1b"])
def test_a_prefix_of_several_runs_is_refused_with_the_candidates(three: Store, prefix: str) -> None:
    with three.read() as connection, pytest.raises(InputError, match=f"'{prefix}' .*{IDS[0]}, {IDS[1]}.*more digits"):
        find_ids(connection, [IDS[2], prefix])


@pytest.mark.parametrize("prefix", ["1", "fe", "0a1b2c3d4e5f0", "0a1b3"])
def test_a_prefix_of_no_run_is_not_found(three: Store, prefix: str) -> None:
    with three.read() as connection, pytest.raises(NothingFoundError, match=f"no run {prefix} in the store"):
        find_ids(connection, [prefix])


@pytest.mark.parametrize("text", ["", "  ", "xyz", "0a1b%", "0a_b", "-", "0a 1b", "'; --", "٣"])
def test_text_that_is_no_id_is_refused(three: Store, text: str) -> None:
    with three.read() as connection, pytest.raises(InputError, match="is not a run id: ids are 12 hex digits"):
        find_ids(connection, [text])

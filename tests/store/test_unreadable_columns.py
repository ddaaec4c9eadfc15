"""A command that averages over a column is stopped by no damage elsewhere, and by none that it reads."""

import pytest
from sqlalchemy import text

from nccli.store import Selection, Store, save_run, unreadable_runs
from tests.store.example_runs import example_run

READ = ("loss", "structure")


@pytest.fixture
def keys(store: Store) -> list[str]:
    """Three runs of a setting, by increasing id."""
    return sorted(save_run(store, example_run(seed)) for seed in range(3))


def found(store: Store, change: str, key: str, columns: tuple[str, ...] = READ) -> dict[str, str]:
    """What cannot be read after a change of one run."""
    with store.write() as connection:
        connection.execute(text(f"UPDATE run SET {change} WHERE id = '{key}'"))
    with store.read() as connection:
        return unreadable_runs(connection, Selection(), (), columns)


@pytest.mark.parametrize("change", ["loss = -1", "structure = 'a' || chr(7)", "status = 'gone'", "kind = 'x'"])
def test_a_value_that_is_read_is_looked_at_in_every_run(store: Store, keys: list[str], change: str) -> None:
    sql = change.replace("chr", "char") if store.path is not None else change
    assert set(found(store, sql, keys[2])) == {keys[2]}


def test_of_the_rest_one_row_a_setting_is_read_and_the_next_where_it_is_damaged(store: Store, keys: list[str]) -> None:
    assert found(store, "config = '{}'", keys[2]) == {}
    assert set(found(store, "config = '{}'", keys[0])) == {keys[0]}
    assert set(found(store, "loss_dnc = 0", keys[1])) == {keys[0], keys[1], keys[2]}


def test_where_conditions_are_about_options_every_configuration_is_read(store: Store, keys: list[str]) -> None:
    assert set(found(store, "config = '{}'", keys[2], ("loss", "config"))) == {keys[2]}


def test_words_and_bytes_for_a_number_are_found_by_one_comparison(store: Store, keys: list[str]) -> None:
    if store.path is None:
        pytest.skip("a column of PostgreSQL has a type")
    for junk in ("'low'", "X'00ff'", "-1e999"):
        assert set(found(store, f"loss = {junk}", keys[1])) == {keys[1]}
    assert found(store, "loss = 1e999", keys[1]) == {}

"""--where comes from outside: whatever it is, it is read or refused in words, and changes nothing."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nccli.errors import InputError
from nccli.store import Store, parse_where, save_run, select_runs
from tests.store.example_runs import example_run
from tests.store.plain_sql import dump

PIECES = (
    *("K", "wd", "kind", "loss", "x", "config", "=", "!=", "<=", ">", "==", "~", "4", "-1e-3", "nan", "1e999", "dufm"),
    *("'a b'", '"', "'", "and", "or", "not", "(", ")", ",", ";", "--", "/*", "%", "\\", "\0", "λ", "DROP TABLE run"),
)
WORDS = st.lists(st.sampled_from(PIECES), max_size=14).map(" ".join)
GLUED = st.lists(st.sampled_from(PIECES), max_size=14).map("".join)


@given(WORDS | GLUED | st.text(max_size=40))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    try:
        parse_where(text)
    except InputError as error:
        assert str(error).startswith("--where")  # noqa: PT017  (what is not refused is fine too)


def test_what_is_read_only_selects(path: Path) -> None:
    store = Store.create(str(path))
    save_run(store, example_run())
    before = dump(path)

    @given(WORDS | GLUED)
    def select(text: str) -> None:
        try:
            condition = parse_where(text)
        except InputError:
            return
        with store.read() as connection:
            assert len(select_runs(connection, where=condition)) <= 1

    select()
    assert dump(path) == before


@pytest.mark.parametrize(
    "text", ["(" * 20_000, "not " * 20_000 + "K=4", "K=4 and " * 20_000, "K=" + "9" * 10_000, "K" * 10**6]
)
def test_a_text_without_end_is_refused_or_read_like_any_other(text: str) -> None:
    try:
        parse_where(text)
    except InputError as error:
        assert str(error).startswith("--where")  # noqa: PT017

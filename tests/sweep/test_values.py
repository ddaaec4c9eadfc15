"""Value lists: one value, a comma list, a..b, a..b:N."""

import itertools
import math
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nccli.errors import InputError
from nccli.sweep import parse_floats, parse_integers

PIECES = st.lists(st.sampled_from([*"0123456789", "..", ":", ",", ".", "-", "+", "e", " ", "inf", "nan", "_", "1e300"]))
LIST_LIKE = PIECES.map("".join)


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("4", (4,)),
        ("-3", (-3,)),
        ("6,10,15", (6, 10, 15)),
        ("10, 6 ,10", (10, 6)),
        ("3..6", (3, 4, 5, 6)),
        ("-1..1", (-1, 0, 1)),
        ("5..5", (5,)),
        ("0..2,10,1..3", (0, 1, 2, 10, 3)),
        ("1..1000:4", (1, 10, 100, 1000)),
        ("1..4:9", (1, 2, 3, 4)),
        ("7..999999999999:2", (7, 999999999999)),
    ],
)
def test_lists_of_integers(text: str, values: tuple[int, ...]) -> None:
    assert parse_integers(text, "--K") == values


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("4e-3", (0.004,)),
        (".5,1,-2", (0.5, 1.0, -2.0)),
        ("1e-3, 0.001,1e-2", (0.001, 0.01)),
        ("0", (0.0,)),
    ],
)
def test_lists_of_floats(text: str, values: tuple[float, ...]) -> None:
    assert parse_floats(text, "--wd") == values
    assert all(type(value) is float for value in parse_floats(text, "--wd"))


def test_log_spaced_floats_rise_by_one_factor() -> None:
    assert parse_floats("1e-4..1e-2:5", "--wd") == pytest.approx((1e-4, 10**-3.5, 1e-3, 10**-2.5, 1e-2))


def test_log_spaced_floats_are_the_numbers_that_one_would_write() -> None:
    assert parse_floats("1e-3..8e-3:4", "--wd") == (1e-3, 2e-3, 4e-3, 8e-3)
    assert parse_floats("1e-4..1:5", "--wd") == (1e-4, 1e-3, 1e-2, 1e-1, 1.0)


@given(
    low=st.floats(min_value=1e-300, allow_infinity=False),
    high=st.floats(min_value=1e-300, allow_infinity=False),
    count=st.integers(2, 40),
)
@example(low=1e-300, high=1e300, count=3)
@example(low=5e-324, high=1.0, count=5)
@example(low=1.0, high=1.7976931348623157e308, count=7)
def test_log_spaced_floats_end_exactly_where_asked_and_stay_between(low: float, high: float, count: int) -> None:
    if not low * 1.001 < high:
        low, high = 1.0, 2.0
    values = parse_floats(f"{low!r}..{high!r}:{count}", "--wd")
    assert (values[0], values[-1]) == (low, high)
    assert len(values) == count
    assert all(a < b < math.inf for a, b in itertools.pairwise(values))


@given(low=st.integers(1, 10**17), high=st.integers(1, 10**17), count=st.integers(2, 40))
def test_log_spaced_integers_end_exactly_where_asked_and_stay_between(low: int, high: int, count: int) -> None:
    low, high = min(low, high), max(low, high) + 1
    values = parse_integers(f"{low}..{high}:{count}", "--K")
    assert (values[0], values[-1]) == (low, high)
    assert all(a < b for a, b in itertools.pairwise(values))
    assert len(values) <= count


@pytest.mark.parametrize(
    ("parse", "text", "complaint"),
    [
        (parse_integers, "", "empty value in ''"),
        (parse_integers, "1,,2", "empty value"),
        (parse_integers, "1,", "empty value"),
        (parse_integers, "ten", "'ten' is not an integer"),
        (parse_integers, "1.5", "'1.5' is not an integer"),
        (parse_integers, "1e3", "'1e3' is not an integer"),
        (parse_integers, "1" * 40, "is not an integer"),
        (parse_integers, "6..3", "'6..3' runs backwards"),
        (parse_integers, "3..", "is not an integer"),
        (parse_integers, "..3", "is not an integer"),
        (parse_integers, "1..2..3", "is not an integer"),
        (parse_integers, "0..100000", "more than 100000 values"),
        (parse_integers, "4:3", "has a count but no range"),
        (parse_integers, "4:", "has a count but no range"),
        (parse_integers, "3..6:", "'3..6:'"),
        (parse_integers, "3..6:1", "count from 2 to 100000"),
        (parse_integers, "3..6:many", "count from 2 to 100000"),
        (parse_integers, "3..6:100001", "count from 2 to 100000"),
        (parse_integers, "0..6:3", "log-spaced, so it must rise from a positive start"),
        (parse_integers, "6..3:3", "must rise"),
        (parse_integers, "3..3:3", "must rise"),
        (parse_floats, "", "empty value"),
        (parse_floats, "small", "'small' is not a number"),
        (parse_floats, "nan", "'nan' is not a finite number"),
        (parse_floats, "inf", "'inf' is not a finite number"),
        (parse_floats, "1e999", "'1e999' is not a finite number"),
        (parse_floats, "1e-3..1e-1", "needs a count: 1e-3..1e-1:5"),
        (parse_floats, "1e-3..1e-1:", "'1e-3..1e-1:'"),
        (parse_floats, "-1..1:3", "must rise from a positive start"),
        (parse_floats, "1e-3..inf:3", "'inf' is not a finite number"),
        (parse_floats, "1e-3..1e-1:2.5", "count from 2 to 100000"),
    ],
)
def test_what_is_no_list_is_refused_with_the_option_and_the_rule(
    parse: Callable[[str, str], object], text: str, complaint: str
) -> None:
    with pytest.raises(InputError) as caught:
        parse(text, "--opt")
    assert str(caught.value).startswith("--opt: ")
    assert complaint in str(caught.value)


@given(text=st.text(max_size=20) | LIST_LIKE)
def test_any_text_is_a_list_of_integers_or_bad_input(text: str) -> None:
    try:
        values = parse_integers(text, "--K")
    except InputError:
        return
    assert values
    assert all(type(value) is int for value in values)
    assert len(set(values)) == len(values)


@given(text=st.text(max_size=20) | LIST_LIKE)
def test_any_text_is_a_list_of_finite_floats_or_bad_input(text: str) -> None:
    try:
        values = parse_floats(text, "--wd")
    except InputError:
        return
    assert values
    assert all(type(value) is float and math.isfinite(value) for value in values)
    assert len(set(values)) == len(values)

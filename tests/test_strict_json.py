"""JSON that every parser reads, and that loses no number."""

import json
import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nccli.strict_json import dumps, encodable, number_texts, string_texts

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=12)


def refuse(name: str) -> Any:
    """What a strict parser does with NaN and Infinity."""
    raise AssertionError(f"{name} is no JSON")


def same(left: float, right: float) -> bool:
    """Equal, sign of zero included, nan being equal to nan."""
    return (math.isnan(left) and math.isnan(right)) or (
        left == right and math.copysign(1, left) == math.copysign(1, right)
    )


@given(VALUES)
def test_any_value_becomes_json_that_strict_parsers_read(value: Any) -> None:
    assert json.loads(dumps(value), parse_constant=refuse) == encodable(value)


@given(st.floats())
def test_every_float_round_trips(value: float) -> None:
    assert same(float(json.loads(dumps(value))), value)


@pytest.mark.parametrize(("value", "text"), [(math.nan, '"nan"'), (math.inf, '"inf"'), (-math.inf, '"-inf"')])
def test_numbers_that_are_not_finite_are_strings(value: float, text: str) -> None:
    assert dumps(value) == text
    assert dumps([value]) == f"[{text}]"
    assert dumps({"loss": (1.5, [value])}) == f'{{"loss": [1.5, [{text}]]}}'


def test_finite_values_are_left_as_they_are() -> None:
    value = {"a": [1, True, None, "nan", 0.1], "b": {"c": -0.0}}
    assert encodable(value) == value
    assert encodable((1, 2)) == [1, 2]


def test_text_is_readable_and_on_one_line() -> None:
    assert dumps({"λ": "Súkeník\n"}) == '{"λ": "Súkeník\\n"}'
    assert dumps({"b": 1, "a": 2}) == '{"b": 1, "a": 2}'
    assert dumps({"b": 1, "a": 2}, sort_keys=True) == '{"a": 2, "b": 1}'
    assert dumps([1], indent=2) == "[\n  1\n]"


NUMBERS = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.floats(-1e-3, 1e-3) | st.floats(1e14, 1e18)


@given(st.lists(NUMBERS))
def test_texts_of_numbers_are_those_of_each(values: list[float | None]) -> None:
    assert number_texts(values) == [dumps(value) for value in values]


@pytest.mark.parametrize("sign", [1, -1])
def test_texts_of_decimals_are_those_of_each(sign: int) -> None:
    values = [sign * float(f"{digits}e{power}") for power in range(-324, 308) for digits in ("1", "1.5", "9.87654321")]
    assert number_texts(values) == [dumps(value) for value in values]


@given(st.lists(st.none() | st.text()))
def test_texts_of_strings_are_those_of_each(values: list[str | None]) -> None:
    assert string_texts(values) == [dumps(value) for value in values]

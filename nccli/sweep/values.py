"""Value lists of the command line: `4`, `6,10,15`, `3..6` (integers), `1e-4..1e-2:5` (log-spaced), `gd,adam`."""

import math
import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from nccli.catalogue.activations import activation_text
from nccli.errors import InputError

_MOST_VALUES = 100_000
"""A bound: more of one quantity is a slip of the finger."""

V = TypeVar("V", int, float)

_INTEGER = re.compile(r"[+-]?0*\d{1,19}", re.ASCII)


def parse_integers(text: str, name: str) -> tuple[int, ...]:
    """Read a list of integers, without repetition, in the order given.

    Args:
        text: the list.
        name: the option, for errors.

    Raises:
        InputError: not a list of integers.
    """

    def integer(part: str) -> int:
        if _INTEGER.fullmatch(part) is None:
            raise InputError(f"{name}: '{part}' is not an integer of at most 19 digits")
        return int(part)

    def between(part: str, first: str, last: str) -> list[int]:
        low, high = integer(first), integer(last)
        if high < low:
            raise InputError(f"{name}: '{part}' runs backwards")
        if high - low >= _MOST_VALUES:
            raise InputError(f"{name}: '{part}' has more than {_MOST_VALUES} values")
        return list(range(low, high + 1))

    return tuple(_parse(text, name, integer, between, round))


def parse_floats(text: str, name: str) -> tuple[float, ...]:
    """Read a list of finite floats, without repetition, in the order given.

    Raises:
        InputError: not a list of floats.
    """

    def number(part: str) -> float:
        try:
            value = float(part)
        except ValueError as error:
            raise InputError(f"{name}: '{part}' is not a number") from error
        if not math.isfinite(value):
            raise InputError(f"{name}: '{part}' is not a finite number")
        return value

    def between(part: str, first: str, last: str) -> list[float]:
        raise InputError(f"{name}: '{part}' needs a count: {first}..{last}:5 gives 5 log-spaced values")

    return tuple(_parse(text, name, number, between, _rounded))


def parse_names(text: str, name: str) -> tuple[str, ...]:
    """Read a list of names that are looked up elsewhere, without repetition, in the order given.

    Raises:
        InputError: an empty name.
    """
    names = [part.strip() for part in text.split(",")]
    if not all(names):
        raise InputError(f"{name}: empty value in '{text}'")
    return tuple(dict.fromkeys(names))


def parse_words(text: str, name: str, choices: Sequence[str]) -> tuple[str, ...]:
    """Read a list of words, without repetition, in the order given.

    Raises:
        InputError: a word that is none of the choices.
    """
    words = [word.strip() for word in text.split(",")]
    for word in words:
        if word not in choices:
            raise InputError(f"{name}: '{word}' is none of {', '.join(choices)}")
    return tuple(dict.fromkeys(words))


def parse_activations(text: str, name: str) -> tuple[str, ...]:
    """Read a list of activations as `nccli.catalogue.activations.activation_text` writes them, without repetition.

    Raises:
        InputError: one that is none.
    """
    try:
        return tuple(dict.fromkeys(activation_text(word.strip()) for word in text.split(",")))
    except ValueError as error:
        raise InputError(f"{name}: {error}") from error


def _parse(
    text: str,
    name: str,
    single: Callable[[str], V],
    between: Callable[[str, str, str], list[V]],
    convert: Callable[[float], V],
) -> list[V]:
    values: list[V] = []
    for part in (piece.strip() for piece in text.split(",")):
        if not part:
            raise InputError(f"{name}: empty value in '{text}'; write 4 or 6,10,15 or 3..6 or 1e-4..1e-2:5")
        ends, colon, count = part.partition(":")
        first, dots, last = ends.partition("..")
        if colon and not (dots and count):
            raise InputError(f"{name}: '{part}' has a count but no range, or a colon without count; write a..b:N")
        if not dots:
            values.append(single(part))
        elif not count:
            values.extend(between(part, first, last))
        else:
            values.extend(_log_spaced(name, part, single(first), single(last), count, convert))
    return list(dict.fromkeys(values))


def _log_spaced(name: str, part: str, low: V, high: V, count: str, convert: Callable[[float], V]) -> list[V]:
    if _INTEGER.fullmatch(count) is None or not 2 <= int(count) <= _MOST_VALUES:
        raise InputError(f"{name}: '{part}' must end in a count from 2 to {_MOST_VALUES}")
    if not 0 < low < high:
        raise InputError(f"{name}: '{part}' is log-spaced, so it must rise from a positive start")
    bottom, step = math.log(low), (math.log(high) - math.log(low)) / (int(count) - 1)
    values: list[V] = [low]
    for i in range(1, int(count) - 1):
        values.append(min(max(convert(math.exp(bottom + i * step)), low), high))
    values.append(high)
    return values


def _rounded(value: float) -> float:
    """To 12 digits: the middle of 1e-3..4e-3:3 is 0.002, and the run that was asked for as 2e-3."""
    return float(f"{value:.12g}")

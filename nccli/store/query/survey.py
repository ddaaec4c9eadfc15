"""Columns of many runs, read once and looked over: what comparisons and figures begin with.

Measured, with a million runs in SQLite: to read some twelve columns takes the time of two or three scans of the table.
Ten such scans, each for a count or a list of its own, take more.
"""

import re
import sqlite3
from array import array
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped
from sqlalchemy import ColumnElement, Connection, select

from nccli.catalogue.columns import Type
from nccli.catalogue.outcomes import DEGENERATE
from nccli.catalogue.runs import MEASURED_KINDS, Finish
from nccli.store.query.select import parts_of_rows
from nccli.store.runs.rules import RULES, Rule
from nccli.store.schema.tables import RUN

ALWAYS = ("id", "setting", "finish", "kind", "status", "outcome")
"""Columns by which runs are selected and put into groups."""

_AT_ONCE = 500
"""Rows that are made into arrays at a time: measured, of 50,000, which no cache holds, each takes twice the time."""

_WHOLE = frozenset({Type.INTEGER, Type.LONG})
_EXACT = 2**53
"""A bound: whole numbers up to here are numbers in double precision."""

_DIGITS = 12
_SHIFTS = 4 * np.arange(_DIGITS - 1, -1, -1)
_IDS = re.compile(rb"[0-9a-f]*")
"""Of so many digits each."""


@dataclass(frozen=True, eq=False)
class Words:
    """A column of text of which there are few different ones.

    Attributes:
        code: of each run, the number of its text.
        known: the different texts, None where there is none.
    """

    code: Int[np.ndarray, " runs"]
    known: Sequence[str | None]

    def among(self, words: Collection[str | None]) -> Bool[np.ndarray, " runs"]:
        """Which runs have one of these."""
        return np.asarray(np.array([word in words for word in self.known], dtype=bool)[self.code], dtype=bool)

    @property
    def values(self) -> Shaped[np.ndarray, " runs"]:
        """The texts themselves."""
        return np.asarray(np.array(self.known, dtype=object)[self.code])


@dataclass(frozen=True, eq=False)
class Survey:
    """Columns of runs, whose values keep to their rules.

    Attributes:
        about: what was selected, as `Selection` has it.
        id: of the runs, in the order of the database.
        numbers: columns of numbers by name, nan where a run has none; of whole ones, where all have one, as such.
        texts: columns of text by name.
    """

    about: tuple[Any, ...]
    id: Int[np.ndarray, " runs"]
    numbers: Mapping[str, Shaped[np.ndarray, " runs"]]
    texts: Mapping[str, Words]

    def has(self, columns: Collection[str]) -> bool:
        """Whether these were read."""
        return all(name == "id" or name in self.numbers or name in self.texts for name in columns)

    def only(self, kept: Bool[np.ndarray, " runs"]) -> Self:
        """Some of the runs."""
        if kept.all():
            return self
        texts = {name: Words(each.code[kept], each.known) for name, each in self.texts.items()}
        numbers = {name: each[kept] for name, each in self.numbers.items()}
        return type(self)(self.about, self.id[kept], numbers, texts)

    def number(self, name: str) -> Float[np.ndarray, " runs"]:
        """A column of numbers."""
        return np.asarray(self.numbers[name], dtype=np.float64)

    @property
    def degenerate(self) -> Bool[np.ndarray, " runs"]:
        """Which runs did not learn their classes: `selection.is_degenerate`."""
        return np.asarray(self.texts["outcome"].among(DEGENERATE) & ~self.texts["kind"].among(MEASURED_KINDS))

    @property
    def plain(self) -> Bool[np.ndarray, " runs"]:
        """Which runs are where their descent ended: `selection.is_plain`."""
        return self.texts["finish"].among((None, Finish.PLAIN.value))

    def counted(self, column: str) -> dict[str | None, int]:
        """How many runs have each text of a column."""
        words = self.texts[column]
        counts = np.bincount(words.code, minlength=len(words.known)).tolist()
        return {word: count for word, count in zip(words.known, counts, strict=True) if count}

    def groups(self, columns: Sequence[str]) -> tuple[list[tuple[Any, ...]], Int[np.ndarray, " runs"]]:
        """What runs have in some columns, None where there is nothing, and of each run which of these it has."""
        code: Int[np.ndarray, " runs"] = np.zeros(len(self.id), dtype=np.int64)
        coded = [self._coded(name) for name in columns]
        for each in coded:
            code = _compact(code * len(each.known) + each.code)
        first = np.zeros(int(code.max(initial=-1)) + 1, dtype=np.int64)
        first[code[::-1]] = np.arange(len(code))[::-1]
        found = [[each.known[i] for i in each.code[first].tolist()] for each in coded]
        return list(zip(*found, strict=True)) if found else [()] * len(first), code

    def least_ids(self, columns: Sequence[str]) -> list[str]:
        """Of runs with the same values in some columns the least id."""
        keys, group = self.groups(columns)
        least = np.full(len(keys), np.iinfo(np.int64).max)
        np.minimum.at(least, group, self.id)
        return as_text(least)

    def _coded(self, name: str) -> Words:
        """A column as words."""
        if name in self.texts:
            return self.texts[name]
        values, code = np.unique(self.numbers[name], return_inverse=True)
        known = [None if np.isnan(value) else value for value in values.tolist()]
        if RULES["run"][name].kind in _WHOLE:
            known = [None if value is None else int(value) for value in known]
        return Words(code, known)


def survey(
    connection: Connection, wanted: ColumnElement[bool], columns: Collection[str], about: tuple[Any, ...]
) -> Survey | None:
    """Read columns of runs, those by which they are selected and grouped beside those asked for.

    Args:
        connection: to the store.
        wanted: which runs.
        columns: of table `run`; other names are left out.
        about: what says which runs.

    Returns:
        None where a value may break the rule of its column: `nccli.store.query.unreadable` has the last word.
    """
    rules = [RULES["run"][name] for name in dict.fromkeys((*ALWAYS, *columns)) if name in RULES["run"]]
    if any(rule.kind not in _NUMBERS and rule.kind is not Type.TEXT for rule in rules):
        return None
    parts: dict[str, list[Any]] = {rule.name: [] for rule in rules}
    known: dict[str, dict[Any, int]] = {rule.name: {} for rule in rules if rule.kind is Type.TEXT}
    query = select(*(RUN.c[rule.name] for rule in rules)).where(wanted)
    try:
        for rows in parts_of_rows(connection, query, _AT_ONCE):
            for rule, values in zip(rules, zip(*rows, strict=True), strict=True):
                if rule.name == "id":
                    part = as_numbers(values)
                elif rule.kind is Type.TEXT:
                    part = _codes(values, known[rule.name])
                else:
                    part = _numbers(rule, values)
                if part is None:
                    return None
                parts[rule.name].append(part)
    except sqlite3.OperationalError:  # text that is no UTF-8, as damage leaves it
        return None
    read = {name: np.concatenate(each) if each else np.zeros(0, dtype=np.int64) for name, each in parts.items()}
    words = {name: Words(read[name], tuple(each)) for name, each in known.items() if name != "id"}
    numbers = {rule.name: read[rule.name] for rule in rules if rule.kind is not Type.TEXT}
    if not all(_sound(RULES["run"][name], each.known) for name, each in words.items()):
        return None
    exact = all(_exact(numbers[rule.name]) for rule in rules if rule.kind in _WHOLE)
    return Survey(about, read["id"], numbers, words) if exact else None


_NUMBERS = frozenset({Type.INTEGER, Type.LONG, Type.NUMBER, Type.REAL})


def as_numbers(ids: Sequence[Any]) -> Int[np.ndarray, " runs"] | None:
    """Ids as the numbers that they are, whose order is that of the texts; None if one is no id."""
    try:
        text = "".join(ids).encode()
    except (TypeError, UnicodeEncodeError):
        return None
    if set(map(len, ids)) - {_DIGITS} or _IDS.fullmatch(text) is None:
        return None
    digits = np.frombuffer(text, dtype=np.uint8).reshape(len(ids), _DIGITS).astype(np.int64)
    digits -= np.where(digits >= ord("a"), ord("a") - 10, ord("0"))
    return np.asarray(np.sum(digits << _SHIFTS, axis=1))


def as_text(ids: Int[np.ndarray, " runs"]) -> list[str]:
    """Ids from `as_numbers`."""
    digits = np.frombuffer(b"0123456789abcdef", dtype="S1")[ids[:, None] >> _SHIFTS & 15]
    found: list[str] = digits.view(f"S{_DIGITS}").ravel().astype(f"U{_DIGITS}").tolist()
    return found


def _codes(values: Sequence[Any], known: dict[Any, int]) -> Int[np.ndarray, " runs"]:
    """Numbers of texts; those that are not known get one."""
    for value in set(values).difference(known):
        known[value] = len(known)
    return np.fromiter(map(known.__getitem__, values), dtype=np.int64, count=len(values))


def _numbers(rule: Rule, values: Sequence[Any]) -> Shaped[np.ndarray, " runs"] | None:
    """Numbers that keep to their rule, NULL as nan; None if one does not."""
    whole = rule.kind in _WHOLE
    try:
        found = np.frombuffer(array("q" if whole else "d", values), dtype=np.int64 if whole else np.float64)
        kept = rule.low <= found.min().item() and found.max().item() <= rule.high
    except (TypeError, OverflowError):
        there = [value for value in values if value is not None]
        kept = rule.keeps(there) if there else True
        if len(there) == len(values) or (rule.required and rule.kind is not Type.REAL) or not kept:
            return None
        found = np.array(values, dtype=np.float64)
    return found if kept else None


def _exact(values: Shaped[np.ndarray, " runs"]) -> bool:
    """Whether whole numbers that are kept in double precision have not lost a digit."""
    return values.dtype.kind == "i" or not (np.abs(values) > _EXACT).any()


def _sound(rule: Rule, known: Collection[Any]) -> bool:
    """Whether texts keep to their rule; every run has a setting."""
    return not any(rule.fault(value, strict=False) for value in known) and not (
        rule.name == "setting" and None in known
    )


def _compact(code: Int[np.ndarray, " runs"]) -> Int[np.ndarray, " runs"]:
    """The same order by numbers without gaps."""
    if int(code.max(initial=0)) > 4 * len(code) + 1000:
        return np.asarray(np.unique(code, return_inverse=True)[1])
    there = np.bincount(code) > 0
    return np.asarray((np.cumsum(there) - 1)[code])

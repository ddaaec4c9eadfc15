"""Columns of many runs read, and looked over as they are read: no scan of the table for what may be damaged."""

import sqlite3
from array import array
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from jaxtyping import Int, Shaped
from sqlalchemy import ColumnElement, Connection, select

from nccli.catalogue.columns import Type
from nccli.store.query.breaks import NUMBERS, WHOLE_NUMBERS
from nccli.store.query.select import parts_of_rows
from nccli.store.query.survey import ID_DIGITS, Survey, Words
from nccli.store.runs.rules import RULES, Rule
from nccli.store.schema.tables import RUN

ALWAYS = ("id", "setting", "finish", "kind", "status", "outcome")
"""Columns by which runs are selected and put into groups."""

_AT_ONCE = 500
"""Rows that are made into arrays at a time: measured, of 50,000, which no cache holds, each takes twice the time."""

_EXACT = 2**53
"""A bound: whole numbers up to here are numbers in double precision."""


def read_survey(
    connection: Connection,
    wanted: ColumnElement[bool],
    columns: Collection[str],
    about: tuple[Any, ...],
    sound: Collection[str] = (),
) -> Survey | None:
    """Read columns of runs, those by which they are selected and grouped beside those asked for.

    Args:
        connection: to the store.
        wanted: which runs.
        columns: of table `run`; other names are left out.
        about: what says which runs.
        sound: columns that are not read, as the condition lets no value pass that breaks their rules.

    Returns:
        None where a value may break the rule of its column: `nccli.store.query.unreadable` has the last word.
    """
    always = [name for name in ALWAYS if name not in sound]
    rules = [RULES["run"][name] for name in dict.fromkeys((*always, *columns)) if name in RULES["run"]]
    if any(rule.kind not in NUMBERS and rule.kind is not Type.TEXT for rule in rules):
        return None
    parts: dict[str, list[Any]] = {rule.name: [] for rule in rules}
    known: dict[str, dict[Any, int]] = {rule.name: {} for rule in rules if rule.kind is Type.TEXT}
    query = select(*(RUN.c[rule.name] for rule in rules)).where(wanted)
    try:
        for rows in parts_of_rows(connection, query, _AT_ONCE):
            for rule, values in zip(rules, zip(*rows, strict=True), strict=True):
                if rule.name == "id":
                    part = _as_numbers(values)
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
    exact = all(_exact(numbers[rule.name]) for rule in rules if rule.kind in WHOLE_NUMBERS)
    return Survey(about, read["id"], numbers, words) if exact else None


def _as_numbers(ids: Sequence[Any]) -> Int[np.ndarray, " runs"] | None:
    """Ids as the numbers that they are, whose order is that of the texts; None if one is no id."""
    try:
        text = "".join(ids)
        digits = bytes.fromhex(text)  # which takes capitals and blanks too
    except (TypeError, ValueError):
        return None
    if set(map(len, ids)) - {ID_DIGITS} or text != text.lower() or len(text) != 2 * len(digits):
        return None
    found = np.zeros((len(ids), 8), dtype=np.uint8)
    found[:, -(ID_DIGITS // 2) :] = np.frombuffer(digits, dtype=np.uint8).reshape(len(ids), -1)
    return found.view(">i8").ravel().astype(np.int64)


def _codes(values: Sequence[Any], known: dict[Any, int]) -> Int[np.ndarray, " runs"]:
    """Numbers of texts; those that are not known get one."""
    try:
        return np.fromiter(map(known.__getitem__, values), dtype=np.int64, count=len(values))
    except KeyError:
        for value in dict.fromkeys(values):
            known.setdefault(value, len(known))
        return _codes(values, known)


def _numbers(rule: Rule, values: Sequence[Any]) -> Shaped[np.ndarray, " runs"] | None:
    """Numbers that keep to their rule, NULL as nan; None if one does not."""
    whole = rule.kind in WHOLE_NUMBERS
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

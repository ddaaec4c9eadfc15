"""Columns of many runs that were read once: what comparisons and figures count and average from.

Measured, with a million runs in SQLite: to read some twelve columns takes the time of three or four scans of the table.
Ten such scans, each for a count or a list of its own, take more.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from nccli.catalogue.outcomes import DEGENERATE
from nccli.catalogue.runs import MEASURED_KINDS, Finish
from nccli.store.query.breaks import WHOLE_NUMBERS
from nccli.store.runs.rules import RULES

ID_DIGITS = 12
_SHIFTS = 4 * np.arange(ID_DIGITS - 1, -1, -1)
"""By which the hexadecimal digits of an id stand in its number."""


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
    def unsettled(self) -> Bool[np.ndarray, " runs"]:
        """Of which runs it is known that they have not settled."""
        return np.asarray(self.number("settled") == 0)

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
        """What runs have in some columns, None where there is nothing, and of each run which of these it has.

        They are in the order of their first runs.
        """
        code: Int[np.ndarray, " runs"] = np.zeros(len(self.id), dtype=np.int64)
        coded = [self._coded(name) for name in columns]
        for each in coded:
            code = _compact(code * len(each.known) + each.code)
        first = np.zeros(int(code.max(initial=-1)) + 1, dtype=np.int64)
        first[code[::-1]] = np.arange(len(code))[::-1]
        order = np.argsort(first)
        found = [[each.known[i] for i in each.code[first[order]].tolist()] for each in coded]
        return list(zip(*found, strict=True)) if found else [()] * len(first), np.argsort(order)[code]

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
        if RULES["run"][name].kind in WHOLE_NUMBERS:
            known = [None if value is None else int(value) for value in known]
        return Words(code, known)


def as_text(ids: Int[np.ndarray, " runs"]) -> list[str]:
    """Ids whose digits these numbers have."""
    digits = np.frombuffer(b"0123456789abcdef", dtype="S1")[ids[:, None] >> _SHIFTS & 15]
    found: list[str] = digits.view(f"S{ID_DIGITS}").ravel().astype(f"U{ID_DIGITS}").tolist()
    return found


def _compact(code: Int[np.ndarray, " runs"]) -> Int[np.ndarray, " runs"]:
    """The same order by numbers without gaps."""
    if int(code.max(initial=0)) > 4 * len(code) + 1000:
        return np.asarray(np.unique(code, return_inverse=True)[1])
    there = np.bincount(code) > 0
    return np.asarray((np.cumsum(there) - 1)[code])

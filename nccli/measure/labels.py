"""Classes of samples as somebody's file has them: integers with gaps, floats, one-hot rows, strings."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Int
from numpy.typing import NDArray

from nccli.errors import InputError

_SHOWN = 3
"""A taste: classes that a note names."""


@dataclass(frozen=True, eq=False)
class Labels:
    """Labels as classes.

    Attributes:
        classes: of each sample, 0..K−1.
        names: what the file calls them, in the order of the classes.
        remark: what was done; "" of integers 0..K−1.
    """

    classes: Int[np.ndarray, " N"]
    names: tuple[Any, ...]
    remark: str = ""

    @property
    def outputs(self) -> tuple[int, ...] | None:
        """The output of a network that each class may stand for, where the file numbers them; None of others."""
        whole = all(isinstance(name, int) and name >= 0 for name in self.names)
        return self.names if whole and self.names != tuple(range(len(self.names))) else None


def as_labels(array: NDArray[Any], name: str) -> Int[np.ndarray, " N"]:
    """The classes of `read_labels`."""
    return read_labels(array, name).classes


def read_labels(array: NDArray[Any], name: str, names: Sequence[Any] | None = None) -> Labels:
    """Classes 0..K−1 of samples, in the order of what the file calls them.

    Args:
        array: integers, whole floats, booleans or strings of shape (N,) or (N, 1), or one-hot rows (N, K).
        name: of the array, for errors and remarks.
        names: of the classes, where another part of the data has told them.

    Raises:
        InputError: anything else; negative labels but for −1 beside 1; a class that `names` lacks.
    """
    flat = array[:, 0] if array.ndim == 2 and array.shape[1] == 1 else array
    done = ""
    if flat.ndim == 2:
        flat, done = _hot(flat, name), "one-hot rows"
    if flat.ndim != 1 or flat.dtype.kind not in "iufbUS":
        raise InputError(f"{name} is {array.dtype} of shape {array.shape}: labels are one number or string a sample")
    if flat.dtype.kind in "US":
        flat, done = flat.astype(str), "strings"
    elif flat.dtype.kind == "f":
        flat, done = _whole(flat, name), "floats"
    elif flat.dtype.kind == "b":
        flat, done = flat.astype(np.int64), "booleans"
    values, classes = np.unique(flat, return_inverse=True)
    found = tuple(values.tolist())
    if values.dtype.kind in "iu" and found and found[0] < 0 and found != (-1, 1):
        raise InputError(
            f"{name}: label {found[0]} is out of range: leave out the samples that have no class, or count from 0"
        )
    if names is not None:
        strange = [value for value in found if value not in set(names)]
        if strange:
            raise InputError(f"{name}: test label {strange[0]} is out of range: no training sample is of this class")
        place = {value: k for k, value in enumerate(names)}
        classes = np.array([place[value] for value in found], np.int64)[classes]
        return Labels(classes.astype(np.int64), tuple(names))
    plain = found == tuple(range(len(found)))
    return Labels(classes.astype(np.int64), found, "" if plain and not done else _said(name, done, found))


def _hot(array: NDArray[Any], name: str) -> Int[np.ndarray, " N"]:
    """The place of the one in each row."""
    numbers = array.dtype.kind in "iufb"
    if not numbers or not (np.isin(array, (0, 1)).all() and (array.sum(axis=1, dtype=np.float64) == 1).all()):
        raise InputError(
            f"{name} is {array.dtype} of shape {array.shape} and not one-hot: labels are one a sample, "
            "for scores or probabilities their argmax(axis=1)"
        )
    return np.asarray(array.argmax(axis=1))


def _whole(flat: NDArray[Any], name: str) -> Int[np.ndarray, " N"]:
    if not np.isfinite(flat).all():
        raise InputError(f"{name} has labels that are no integers, nan among them: leave out samples without a class")
    if (flat != np.floor(flat)).any():
        bad = flat[flat != np.floor(flat)][0]
        raise InputError(f"{name} has labels that are no integers: {bad:g}; targets of a regression are no classes")
    return flat.astype(np.int64)


def _said(name: str, done: str, found: tuple[Any, ...]) -> str:
    shown = ", ".join(f"{k} is {value!r}" for k, value in enumerate(found[:_SHOWN]))
    more = ", …" if len(found) > _SHOWN else ""
    what = done or "integers"
    plain = found == tuple(range(len(found)))
    return f"{name}: {what} taken for {len(found)} classes" + ("" if plain else f": {shown}{more}")

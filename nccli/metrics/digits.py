"""In how many digits numbers are kept: those in which they were computed."""

import numpy as np

SINGLE, DOUBLE = "<f4", "<f8"

_NOISE = 16
"""Last bits of the losses of float32 runs: two whole bytes, which compression then does without."""

_LEAST = float(np.finfo(np.float32).tiny)
_ZERO = 1e-30
"""Matrices all of whose entries are below are kept in double precision, lest nothing be left of them: a taste."""


def in_precision(numbers: np.ndarray, kind: str) -> np.ndarray:
    """Numbers that stand each for themselves; in double precision where single would make 0 or inf of one."""
    exact = np.asarray(numbers, dtype=DOUBLE)
    if kind == DOUBLE:
        return exact
    single, lost = _single(exact)
    return exact if lost.any() else single


def each_in_precision(numbers: np.ndarray, kind: str) -> np.ndarray:
    """The same, decided number by number, in double precision."""
    exact = np.asarray(numbers, dtype=DOUBLE)
    if kind == DOUBLE:
        return exact
    single, lost = _single(exact)
    return np.where(lost, exact, single.astype(DOUBLE))


def _single(exact: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """In single precision, and of which nothing is left there: 0 or inf."""
    with np.errstate(over="ignore"):
        single = exact.astype(SINGLE)
    return single, ((exact != 0) & (np.abs(single) < _LEAST)) | (np.isinf(single) & np.isfinite(exact))


def loss_in_precision(losses: np.ndarray, kind: str) -> np.ndarray:
    """Losses, in double precision whatever the run was computed in: what is left to go is a difference of two of them.

    Of float32 parameters the last 16 bits say nothing, and become 0: relative errors are at most 7.3e-12.
    """
    exact = np.ascontiguousarray(losses, dtype=DOUBLE)
    if kind == DOUBLE:
        return exact
    bits = exact.view("<u8")
    half, kept = np.uint64(1 << (_NOISE - 1)), ~np.uint64((1 << _NOISE) - 1)
    return np.where(np.isfinite(exact), ((bits + half) & kept).view(DOUBLE), exact)


def matrix_in_precision(matrix: np.ndarray, kind: str) -> np.ndarray:
    """The entries of a matrix: those far below its largest may become 0."""
    exact = np.asarray(matrix, dtype=DOUBLE)
    if kind == DOUBLE:
        return exact
    with np.errstate(over="ignore"):
        single = exact.astype(SINGLE)
    largest = np.abs(exact).max(initial=0.0)
    return exact if 0 < largest < _ZERO or (np.isinf(single) & np.isfinite(exact)).any() else single

"""Targets other than one-hot: a vector a class or a sample, known in a process by their fingerprint.

A configuration names them by the fingerprint alone; whoever has the numbers makes them known, from a file or a job.
They are named after what they are, so that it does not matter who did.
"""

import base64
import hashlib
import io
import zipfile

import numpy as np
from jaxtyping import Float, Int

from nccli.errors import InputError

_KNOWN: dict[str, Float[np.ndarray, "rows K"]] = {}


def make_known(values: Float[np.ndarray, "rows K"]) -> str:
    """Make targets known in this process, and return their fingerprint, 16 hex digits."""
    values = np.ascontiguousarray(values, dtype="<f8")
    digest = hashlib.sha256(f"{values.shape}".encode() + values.tobytes()).hexdigest()[:16]
    _KNOWN[digest] = values
    return digest


def known(fingerprint: str) -> Float[np.ndarray, "rows K"]:
    """Targets by their fingerprint: K rows, one a class, or N, one a sample.

    Raises:
        InputError: nobody made them known.
    """
    if fingerprint not in _KNOWN:
        raise InputError(f"the targets {fingerprint} of a run are not there: --targets names the file that has them")
    return _KNOWN[fingerprint]


def by_class(values: Float[np.ndarray, "rows K"], sizes: Int[np.ndarray, " K"]) -> Float[np.ndarray, "some K"]:
    """A row a class, where all samples of every class have one target; else the targets as they are.

    Args:
        values: the targets, of classes or of samples.
        sizes: samples of each class.
    """
    if len(values) == len(sizes):
        return values
    first = values[np.cumsum(sizes) - sizes]
    return np.asarray(first) if (np.repeat(first, sizes, axis=0) == values).all() else values


def as_text(fingerprint: str) -> str:
    """All of them as text, for a job in a file."""
    file = io.BytesIO()
    np.savez_compressed(file, targets=known(fingerprint))
    return base64.b64encode(file.getvalue()).decode()


def make_text_known(text: str) -> None:
    """The inverse of `as_text`.

    Raises:
        InputError: it is none.
    """
    try:
        with np.load(io.BytesIO(base64.b64decode(text)), allow_pickle=False) as arrays:
            make_known(arrays["targets"])
    except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise InputError("a job has targets that cannot be read") from error

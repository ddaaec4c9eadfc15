"""Data sets that are no images: sequences of tokens with a label each or one a token, and vectors."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, Int
from numpy.typing import NDArray
from torch import Tensor

from nccli.errors import InputError
from nccli.measure.array_file import npz_shape, read_npz
from nccli.measure.features import IGNORED, Labels
from nccli.measure.labels import read_labels

_BYTES = np.dtype(np.uint8)


@dataclass(frozen=True, eq=False)
class ArraySamples:
    """A part of such a set, in memory.

    Attributes:
        inputs: (N, T) int64 tokens, or (N, d) floats or bytes.
        labels: (N,) or (N, T), 0..K−1, −1 where a token belongs to no class.
        outputs: the output of a network that each class is, where these are not 0..K−1.
        K: classes.
        device: where batches go.
    """

    inputs: NDArray[Any]
    labels: NDArray[np.int64]
    outputs: tuple[int, ...] | None
    K: int
    device: str = "cpu"

    def __len__(self) -> int:
        """N."""
        return len(self.inputs)

    @property
    def labelled(self) -> int:
        """Labels that are classes."""
        return int(np.count_nonzero(self.labels != IGNORED))

    def batch(self, index: Int[np.ndarray, " B"]) -> tuple[Tensor, Labels]:
        """Tokens as they are, vectors with mean 0 and variance 1 by entry, and labels."""
        inputs, labels = self._taken(index)
        if not inputs.is_floating_point():
            return inputs, labels
        shift, factor = self._scale()
        return (inputs - shift) * factor, labels

    def pixels(self, index: Int[np.ndarray, " B"], unit: bool) -> tuple[Tensor, Labels]:
        """Tokens and vectors as they are, bytes over 255 if `unit`, and labels."""
        inputs, labels = self._taken(index)
        return inputs / 255 if unit and self.inputs.dtype == _BYTES else inputs, labels

    def _taken(self, index: Int[np.ndarray, " B"]) -> tuple[Tensor, Labels]:
        chosen = self.inputs[index]
        whole = chosen.dtype.kind in "iu" and chosen.dtype != _BYTES
        inputs = torch.from_numpy(chosen.astype(np.int64 if whole else np.float32)).to(self.device)
        return inputs, torch.from_numpy(self.labels[index]).to(self.device)

    def _scale(self) -> tuple[Float[Tensor, " d"], Float[Tensor, " d"]]:
        wide = self.inputs.astype(np.float64)
        deviation = wide.std(axis=0)
        deviation[deviation == 0] = 1.0
        both = (
            torch.from_numpy(part.astype(np.float32)).to(self.device) for part in (wide.mean(axis=0), 1 / deviation)
        )
        shift, factor = both
        return shift, factor


@dataclass(frozen=True, eq=False)
class ArraySet:
    """A data set without images.

    Attributes:
        name: of the file.
        train, test: its parts; test may be None.
        remarks: what was done with labels.
    """

    name: str
    train: ArraySamples
    test: ArraySamples | None
    remarks: tuple[str, ...]


def read_array_set(path: Path) -> ArraySet | None:
    """x_train (N, T) of integers or (N, d) of floats or bytes, y_train, and perhaps x_test, y_test; None of images.

    Integers other than bytes are tokens. Their labels are (N,), or (N, T) where each token has one, negative where it
    has none; without y_train the label of a token is the next one. Classes are those that have samples in a part.

    Raises:
        InputError: as `read_npz` and `read_labels`; inputs that are not finite, or labels that do not fit them.
    """
    told = npz_shape(path, "x_train")
    if told is None or len(told[0]) != 2 or told[1].kind not in "iuf":
        return None
    wanted = {"x_train": True, "y_train": False, "x_test": False, "y_test": False}
    arrays = read_npz(path, wanted)
    remarks: list[str] = []
    parts: dict[str, ArraySamples] = {}
    names: tuple[Any, ...] | None = None
    for part in ("train", "test"):
        if f"x_{part}" in arrays:
            parts[part], names = _part(path, part, arrays, names, remarks)
    return ArraySet(path.name, parts["train"], parts.get("test"), tuple(remarks))


def _part(
    path: Path, part: str, arrays: dict[str, NDArray[Any]], names: tuple[Any, ...] | None, remarks: list[str]
) -> tuple[ArraySamples, tuple[Any, ...] | None]:
    name, inputs, labels = f"{path.name}: y_{part}", arrays[f"x_{part}"], arrays.get(f"y_{part}")
    tokens = inputs.dtype.kind in "iu" and inputs.dtype != _BYTES
    if not inputs.size or inputs.ndim != 2:
        raise InputError(f"{path.name}: x_{part} has shape {inputs.shape}: wanted is a row a sample")
    if inputs.dtype.kind == "f" and not np.isfinite(inputs).all():
        raise InputError(f"{path.name}: x_{part} has nan or infinite entries")
    if labels is None:
        if not tokens or inputs.shape[1] < 2:
            raise InputError(f"{path.name}: no array y_{part}: only tokens, integers of shape (N, T), do without")
        inputs, labels = inputs[:, :-1], inputs[:, 1:]
        remarks.append(f"no y_{part}: the label of a token is the next token")
    if len(labels) != len(inputs):
        raise InputError(f"{path.name}: {len(inputs)} inputs and {len(labels)} labels in the {part} part")
    if tokens and labels.shape == inputs.shape and labels.dtype.kind in "iu":
        found = _token_labels(inputs, labels.astype(np.int64), name)
    else:
        read = read_labels(labels, name, names)
        if read.remark:
            remarks.append(read.remark.removeprefix(f"{path.name}: "))
        names = read.names
        found = ArraySamples(inputs, read.classes, read.outputs, len(read.names))
    if found.K < 2:
        raise InputError(f"{name}: all samples are of one class; at least two classes are needed")
    return found, names


def _token_labels(inputs: NDArray[Any], labels: NDArray[np.int64], name: str) -> ArraySamples:
    """Labels of tokens as classes that occur, and the outputs that these are."""
    known = labels >= 0
    if not known.any():
        raise InputError(f"{name}: no token has a class, all are negative")
    values, places = np.unique(labels[known], return_inverse=True)
    classes = np.full(labels.shape, IGNORED, np.int64)
    classes[known] = places
    return ArraySamples(inputs, classes, tuple(values.tolist()), len(values))

"""What reads a layer of features: a classifier's weights and bias, and the logits that the network put out."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from numpy.typing import NDArray

from nccli.errors import InputError
from nccli.measure.labels import Labels
from nccli.metrics import nearest_class_mean

LOGITS = "logits"

_KINDS = {"weights": 2, "bias": 1, LOGITS: 2}
"""Arrays of a reader, and how many axes each has."""

_ROWS = 2**22
"""A taste: numbers of a block of scores, 32 MiB in float64."""


@dataclass(frozen=True, eq=False)
class Reader:
    """Of one layer; None for what the file has not.

    Attributes:
        weights: a row a class, or a row an output.
        bias: an entry for each of these rows.
        logits: of each sample, as many as rows.
        outputs: which of the outputs each class is; None where they are the classes.
    """

    weights: Float[np.ndarray, "out d"] | None = None
    bias: Float[np.ndarray, " _"] | None = None
    logits: Float[np.ndarray, "N _"] | None = None
    outputs: tuple[int, ...] | None = None

    @property
    def arrays(self) -> list[NDArray[Any]]:
        """Those that there are."""
        return [array for array in (self.weights, self.bias, self.logits) if array is not None]

    @property
    def classifier(self) -> Float[np.ndarray, "K d"] | None:
        """The weights with a row a class."""
        if self.weights is None or self.outputs is None:
            return self.weights
        return np.asarray(self.weights[list(self.outputs)])

    @property
    def classifier_bias(self) -> Float[np.ndarray, " K"] | None:
        """The bias with an entry a class."""
        return self.bias if self.bias is None or self.outputs is None else np.asarray(self.bias[list(self.outputs)])

    def disagreement(self, features: Float[np.ndarray, "N d"], means: Float[np.ndarray, "K d"]) -> float | None:
        """NC4: the share of samples whose largest logit is not that of the nearest class mean.

        Logits are those of the file, else Wh + b. None where nothing tells them.

        Args:
            features: that the reader reads.
            means: of the classes.
        """
        if self.logits is None and self.weights is None:
            return None
        unlike, rows = 0, max(1, _ROWS // max(features.shape[1], len(means)))
        index = None if self.outputs is None else np.array(self.outputs)
        for start in range(0, len(features), rows):
            part = slice(start, start + rows)
            X = features[part].astype(np.float64)
            nearest = nearest_class_mean(X, means)
            said = self._logits(X, part).argmax(axis=1)
            unlike += int(np.sum(said != (nearest if index is None else index[nearest])))
        return unlike / len(features)

    def _logits(self, X: Float[np.ndarray, "B d"], part: slice) -> Float[np.ndarray, "B out"]:
        if self.logits is not None:
            return np.asarray(self.logits[part])
        assert self.weights is not None
        return np.asarray(X @ self.weights.T + (0.0 if self.bias is None else self.bias))


def readers(
    path: Path, arrays: Mapping[str, NDArray[Any]], layers: Sequence[str], usual: str, labels: Labels
) -> tuple[dict[str, Reader], list[str]]:
    """Readers by the layer that they read, and what is to be said of them.

    Args:
        path: of the file, for errors.
        arrays: by name: `weights`, `bias_NAME` and so on.
        layers: that there are.
        usual: whose reader has no name.
        labels: of the samples.

    Raises:
        InputError: an array of no layer, of the wrong kind or with another number of rows.
    """
    found: dict[str, Reader] = {}
    for name, array in arrays.items():
        kind = next(each for each in _KINDS if name == each or name.startswith(f"{each}_"))
        layer = usual if name == kind else name.removeprefix(f"{kind}_")
        if layer not in layers:
            raise InputError(f"{path}: '{name}' belongs to no layer: there are {', '.join(layers)}")
        plain = array[:, 0] if kind == "bias" and array.ndim == 2 and array.shape[1] == 1 else array
        if plain.dtype.kind not in "fiu" or plain.ndim != _KINDS[kind] or not np.isfinite(plain).all():
            shape = {"weights": "a matrix (out, d)", "bias": "a vector (out)", LOGITS: "a matrix (N, out)"}[kind]
            raise InputError(f"{path}: '{name}' is {array.dtype} of shape {array.shape}: wanted is {shape} of numbers")
        if kind == LOGITS and len(plain) != len(labels.classes):
            raise InputError(f"{path}: '{name}' has {len(plain)} rows for {len(labels.classes)} labels")
        before, wide = found.get(layer, Reader()), plain.astype(np.float64)
        if kind == LOGITS:
            found[layer] = replace(before, logits=plain)
        else:
            found[layer] = replace(before, weights=wide) if kind == "weights" else replace(before, bias=wide)
    said = [remark for layer in found for remark in _remarks(path, layer, found[layer])]
    return {layer: _fitted(path, layer, reader, labels) for layer, reader in found.items()}, said


def _remarks(path: Path, layer: str, reader: Reader) -> list[str]:
    if reader.weights is not None and reader.bias is None and reader.logits is None:
        return [f"{path.name}: '{layer}' is read by weights without a bias: NC4 takes it for 0"]
    return []


def _fitted(path: Path, layer: str, reader: Reader, labels: Labels) -> Reader:
    """The reader with the outputs that the classes are."""
    sizes = {
        name: size
        for name, size in (
            ("weights", None if reader.weights is None else len(reader.weights)),
            ("bias", None if reader.bias is None else len(reader.bias)),
            ("logits", None if reader.logits is None else reader.logits.shape[1]),
        )
        if size is not None
    }
    if len(set(sizes.values())) > 1:
        told = ", ".join(f"{name} {size}" for name, size in sizes.items())
        raise InputError(f"{path}: what reads '{layer}' has different numbers of outputs: {told}")
    (size,) = set(sizes.values())
    K, outputs = len(labels.names), labels.outputs
    if size != K and outputs is not None and size > max(outputs):
        return replace(reader, outputs=outputs)
    if size < K and reader.weights is None:
        raise InputError(f"{path}: '{layer}' has {size} logits a sample for K = {K} classes")
    return replace(reader, outputs=tuple(range(K))) if size > K else reader

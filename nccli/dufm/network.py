"""The network of a batch at its present point: features, loss and gradient, by NumPy or PyTorch alike.

With E = ∂ℓ/∂output / N (`nccli.objective`), X_l = H_lᵀ and V_l = W_lᵀ

    ∂V_L = X_Lᵀ E + λ_{W_L} V_L,     D_L = (E V_Lᵀ) ⊙ σ',
    ∂V_l = X_lᵀ D_{l+1} + λ_{W_l} V_l,     D_l = (D_{l+1} V_lᵀ) ⊙ σ',     ∂X_1 = D_2 V_1ᵀ + λ_{H_1} X_1.

At a collapsed point with one row a class E has the factor n_k/N (1/K for equal classes), and ∂X_1 of each of the n_k
samples behind a row is D_2 V_1ᵀ/n_k + λ_{H_1} X_1. Fit, regularisation and gradient are those of the whole problem too.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int

from nccli.catalogue.stages import stages
from nccli.dufm.activation import activate
from nccli.dufm.arrays import Array, square_sums
from nccli.dufm.batch import Batch
from nccli.dufm.bias import read_by
from nccli.dufm.class_rows import rows_of_classes
from nccli.dufm.config import DufmConfig
from nccli.dufm.targets import known


class Network:
    """A batch's network, evaluated once."""

    def __init__(self, batch: Batch) -> None:
        """Pass forward from H_1 to the output."""
        self._batch, first = batch, batch.configs[0]
        self._weights = batch.parameters.all[1:]
        self._inputs = [batch.parameters.features]
        self._pre, self._slopes = [], []
        for layer, V in enumerate(self._weights[:-1], 2):
            self._pre.append(read_by(self._inputs[-1], V) @ V)
            active, slope = activate(first, layer, self._pre[-1])
            self._inputs.append(active)
            self._slopes.append(slope)
        self._output = read_by(self._inputs[-1], self._weights[-1]) @ self._weights[-1]
        like = batch.parameters.features
        self._target = per_run(targets(first, batch.rows), like)
        self._copies, self._divisor = (per_row(each, like) for each in (batch.copies, batch.divisor))
        self._wd = [
            per_run(column, like)
            for column in zip(*((config.wd_h1, *config.wd_layers) for config in batch.configs), strict=True)
        ]

    def stages(self) -> list[Float[Array, "runs N d"]]:
        """Features of every layer and stage, in the order of `nccli.catalogue.stages.stages`."""
        found = {(layer, "post"): X for layer, X in enumerate(self._inputs, 1)}
        found |= {(layer, "pre"): Z for layer, Z in enumerate(self._pre, 2)}
        return [found[layer, stage] for layer, stage in stages(len(self._weights))]

    def before_last(self) -> Float[Array, "runs N d"]:
        """H̃_L, before the last activation, a sample a row."""
        return self._pre[-1]

    def fit(self) -> Float[Array, " runs"]:
        """Mean of ℓ over the samples."""
        aim = self._batch.configs[0].aim
        if isinstance(self._divisor, int):
            return aim.total(self._output, self._target) / self._divisor
        return (aim.total(self._output[:, :, None], self._target[:, None]) / self._divisor[:, 0]).sum(axis=1)

    def reg(self) -> Float[Array, " runs"]:
        """Σ λ/2 ‖·‖² over all parameters."""
        features, copies = self._inputs[0], self._copies
        if isinstance(copies, int):  # in this order: stored losses were rounded so
            found = 0.5 * copies * self._wd[0] * square_sums(features)
        else:
            found = 0.5 * self._wd[0] * sums_over_samples(features, copies)
        for V, wd in zip(self._weights, self._wd[1:], strict=True):
            found = found + 0.5 * wd * square_sums(V)
        return found

    def gradients(self) -> tuple[list[Float[Array, "runs _ _"]], Float[Array, "runs N d"]]:
        """∂loss/∂V_1..V_L, and ∂loss/∂X_1 of each sample behind a row."""
        signal = self._batch.configs[0].aim.residual(self._output, self._target) / self._divisor
        by_weight = []
        for i in range(len(self._weights) - 1, -1, -1):
            V, X = self._weights[i], self._inputs[i]
            by_weight.append(read_by(X, V).swapaxes(1, 2) @ signal + self._wd[i + 1][:, None, None] * V)
            signal = signal @ V[:, : X.shape[2]].swapaxes(1, 2)
            if i and self._slopes[i - 1] is not None:
                signal = signal * self._slopes[i - 1]
        features = signal / self._copies + self._wd[0][:, None, None] * self._inputs[0]
        return by_weight[::-1], features

    def grad_norm(self) -> Float[Array, " runs"]:
        """‖∇loss‖ over all parameters."""
        by_weight, by_features = self.gradients()
        square = sums_over_samples(by_features, self._copies)
        for gradient in by_weight:
            square = square + square_sums(gradient)
        return square**0.5


def labels(config: DufmConfig, rows: int) -> Int[np.ndarray, " N"]:
    """Class of each row."""
    return np.repeat(np.arange(config.K), rows_of_classes(config, rows))


def targets(config: DufmConfig, rows: int) -> Float[np.ndarray, "N K"]:
    """What each row's output is held to: the unit vector of its class, or what the run's own targets say."""
    if config.targets_print is not None:
        own = known(config.targets_print)
        return own if len(own) == rows else np.asarray(own[labels(config, rows)])
    return np.asarray(np.eye(config.K)[labels(config, rows)])


def sums_over_samples(rows: Float[Array, "runs rows d"], copies: int | Array) -> Float[Array, " runs"]:
    """Σ x² over all samples, so many behind each row (`Batch.copies`)."""
    return copies * square_sums(rows) if isinstance(copies, int) else square_sums(rows * copies**0.5)


def per_row(numbers: int | Float[np.ndarray, "K 1"], like: Array) -> int | Array:
    """What every row has in common as it is, or a column of numbers as `per_run`."""
    return numbers if isinstance(numbers, int) else per_run(numbers, like)


def per_run(values: Sequence[float] | Float[np.ndarray, "..."], like: Array) -> Array:
    """Numbers as an array of the same library, type and device as another."""
    here: Array = like
    return np.asarray(values, here.dtype) if isinstance(like, np.ndarray) else here.new_tensor(values)

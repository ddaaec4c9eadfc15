"""The cross-entropy of the softmax: ℓ(z, y) = log Σ_k e^{z_k} − ⟨z, y⟩, with y the unit vector of the class.

Adding one number to all outputs of a sample changes nothing; the outputs that training finds add up to zero over the
classes of every sample, since ∂ℓ/∂z does.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from jaxtyping import Float

from nccli.errors import InputError
from nccli.objective.last_layer import best_last_layer
from nccli.objective.logit_scales import best_scales
from nccli.objective.logit_space import LogitSpace
from nccli.objective.objective import Array, Objective, Optimum, Readout

_C_ROWS = """
  /* e^x for x <= 0 from 2^n e^r with |r| <= ln 2/2 and a Taylor polynomial: below one rounding off, 0 where 2^n is.
     x log2(e) + 1.5 * 2^MANTISSA is rounded to an integer, whose low bits become the exponent. */
  static inline vec exponential(vec x) {
    const int mantissa = sizeof(REAL) == 4 ? 23 : 52, bias = sizeof(REAL) == 4 ? 127 : 1023;
    const REAL lowest = sizeof(REAL) == 4 ? (REAL)-87 : (REAL)-708;
    const REAL shift = sizeof(REAL) == 4 ? (REAL)0x1.8p23 : (REAL)0x1.8p52;
    const REAL high = sizeof(REAL) == 4 ? (REAL)0x1.62ep-1 : (REAL)0x1.62e42fefap-1;
    const REAL low = sizeof(REAL) == 4 ? (REAL)0x1.0bfbe8p-15 : (REAL)0x1.cf79abc9e3b39p-40;
    const mask seen = x > (vec){0} + lowest;
    vec t = x * (REAL)1.4426950408889634 + shift, n = t - shift, r = x - n * high - n * low;
    vec sum = (vec){0} + (REAL)1;
    if (sizeof(REAL) == 4) {
      for (int i = 7; i > 0; i--) sum = 1 + r * sum * (REAL)(1.0 / i);
    } else {
      for (int i = 13; i > 0; i--) sum = 1 + r * sum * (REAL)(1.0 / i);
    }
    const mask bits = (mask)t + bias;
    return (vec)((mask)(sum * (vec)(bits << mantissa)) & seen);
  }
  static void residual_rows(REAL *E, const REAL *Y, int rows, int classes, REAL factor) {
    for (int i = 0; i < rows; i++) {
      REAL *z = E + i * K, top = z[0], total = 0;
      for (int k = 1; k < classes; k++) top = z[k] > top ? z[k] : top;
      for (int k = 0; k < K; k += VEC) AT(z + k) = exponential(GIVEN(z + k) - top);
      for (int k = 0; k < classes; k++) total += z[k];
      for (int k = classes; k < K; k++) z[k] = 0;
      for (int k = 0; k < K; k += VEC) AT(z + k) = GIVEN(z + k) * (factor / total) - factor * GIVEN(Y + i * K + k);
    }
  }
"""


class CrossEntropy(Objective):
    """ℓ(z, y) = log Σ_k e^{z_k} − ⟨z, y⟩; the fit is the mean over the samples."""

    name = "ce"
    adds_over_blocks = False
    c_residual = "z"
    c_rows = _C_ROWS

    def total(self, output: Float[Array, "*batch N K"], target: Float[Array, "*_ N K"]) -> Float[Array, "*batch"]:
        """Σ_i log Σ_k e^{z_ik} − ⟨z_i, y_i⟩; a target's entries add up to 1."""
        top = _top(output)
        shifted = output - top
        return (_log(_exp(shifted).sum(axis=-1)) - (shifted * target).sum(axis=-1)).sum(axis=-1)

    def residual(
        self, output: Float[Array, "*batch N K"], target: Float[Array, "*_ N K"]
    ) -> Float[Array, "*batch N K"]:
        """softmax(z) − y."""
        return _softmax(output) - target

    def residual_(self, output: Float[Array, "*batch N K"], target: Float[Array, "*_ N K"], factor: Array) -> None:
        """Z ← factor (softmax(Z) − Y); a number a row is all that it makes."""
        output.sub_(output.amax(-1, keepdim=True)).exp_()
        output.div_(output.sum(-1, keepdim=True)).sub_(target).mul_(factor)

    def curvature(
        self, output: Float[Array, "*batch N K"], direction: Float[Array, "*batch N K"]
    ) -> Float[Array, "*batch N K"]:
        """(diag p − p pᵀ) v with p = softmax(z)."""
        p = _softmax(output)
        weighed = p * direction
        return weighed - p * weighed.sum(axis=-1)[..., None]

    def trivial_loss(self, K: int) -> float:
        """log K."""
        return math.log(K)

    def constant_fit(self, K: int) -> float:
        """log K: of K equal classes no constant output is better than zero."""
        return math.log(K)

    def best_scale(self, readout: Readout, K: int, L: int, weight_decay: float, log_c: float) -> Optimum:
        """The least local minimum over the one scale; see `nccli.objective.logit_scales`."""
        return self.best_scales([readout], K, L, weight_decay, [log_c])[0]

    def best_scales(
        self, readouts: Sequence[Readout], K: int, L: int, weight_decay: float, log_c: Sequence[float | None]
    ) -> tuple[Optimum, ...]:
        """All blocks at once: the logits of one block's samples meet those of the other classes in the softmax.

        Raises:
            InputError: a single block of fewer than K classes: the logits of the other classes are not told.
        """
        if sum(readout.classes for readout in readouts) != K:
            raise InputError(f"objective ce has no closed form of some of {K} classes: blocks are not independent")
        kept = [place for place, each in enumerate(log_c) if each is not None]
        space = readouts[0].logit_space() if len(readouts) == 1 else _joint(tuple(readouts), tuple(kept))
        if not space.S.shape[1]:  # every class would have the same logits
            return tuple(Optimum(-math.inf, math.inf, math.nan) for _ in readouts)
        found = best_scales(space, L, weight_decay, np.array([each for each in log_c if each is not None]))
        if found is None:
            return tuple(Optimum(-math.inf, math.inf, math.nan) for _ in readouts)
        zero = [readout.classes * self.trivial_loss(K) / K for readout in readouts]
        scales, optima = dict(zip(kept, found.log_alpha.tolist(), strict=True)), []
        for place, loss in enumerate(zero):
            if place not in scales:
                optima.append(Optimum(-math.inf, loss, loss))
                continue
            fit, reg = float(found.fit[kept.index(place)]), float(found.reg[kept.index(place)])
            optima.append(Optimum(scales[place] / L, fit + reg, fit))
        return tuple(optima)

    def of_gram(
        self, gram: Float[np.ndarray, "k k"], K: int, weight_decay: float
    ) -> tuple[float, Float[np.ndarray, "k k"]]:
        """By Newton's method in all logits; the derivative is −λ/2 BᵀB with B = (I − softmax)/(Kλ)."""
        space = LogitSpace.without_symmetry(gram)
        layer = best_last_layer(space, np.full(space.S.shape[1], weight_decay))
        B = layer.residual(space) / (K * weight_decay)
        value = float(space.shares @ layer.fit.by_kind + weight_decay / 2 * layer.y @ layer.y)
        return value, -weight_decay / 2 * (B.T @ B)

    def last_weights(self, means: Float[np.ndarray, "d K"], weight_decay: float) -> Float[np.ndarray, "K d"]:
        """The solution of a strictly convex problem, W_L = (I − softmax) M_Lᵀ/(Kλ), by Newton's method."""
        space = LogitSpace.of_gram(means.T @ means)
        layer = best_last_layer(space, np.full(space.S.shape[1], weight_decay))
        residual = layer.residual(space)
        return np.asarray(residual @ means.T / (means.shape[1] * weight_decay))


@lru_cache(maxsize=256)
def _joint(readouts: tuple[Readout, ...], kept: tuple[int, ...]) -> LogitSpace:
    """The logits of blocks side by side; those that are not kept have means of zero."""
    return LogitSpace.of_blocks([readout.gram() for readout in readouts], kept)


def _top(output: Float[Array, "*batch N K"]) -> Float[Array, "*batch N 1"]:
    """The largest output of each row; what is taken off a row says nothing, to derivatives too."""
    return output.max(axis=-1)[..., None] if isinstance(output, np.ndarray) else output.detach().amax(-1, keepdim=True)


def _softmax(output: Float[Array, "*batch N K"]) -> Float[Array, "*batch N K"]:
    powers = _exp(output - _top(output))
    return powers / powers.sum(axis=-1)[..., None]


def _exp(array: Array) -> Array:
    return np.exp(array) if isinstance(array, np.ndarray) else array.exp()


def _log(array: Array) -> Array:
    return np.log(array) if isinstance(array, np.ndarray) else array.log()

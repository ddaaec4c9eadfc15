"""The cross-entropy of the softmax: ℓ(z, y) = log Σ_k e^{z_k} − ⟨z, y⟩, with y the unit vector of the class.

Adding one number to all outputs of a sample changes nothing; the outputs that training finds add up to zero over the
classes of every sample, since ∂ℓ/∂z does.
"""

import math

import numpy as np
from jaxtyping import Float

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
        """See `Objective.best_scale`."""
        raise NotImplementedError

    def last_weights(self, means: Float[np.ndarray, "d K"], weight_decay: float) -> Float[np.ndarray, "K d"]:
        """See `Objective.last_weights`."""
        raise NotImplementedError


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

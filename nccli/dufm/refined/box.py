"""Convex quadratics over a box."""

import numpy as np
import scipy.linalg as sl
from jaxtyping import Float

Vector = Float[np.ndarray, " k"]

_STEPS = 100
_TOLERANCE = 1e-12
"""Bounds: as many projected Newton steps, and rounding of the gradient."""


def box_minimum(S: Float[np.ndarray, "k k"], c: Vector, top: Vector, M: Vector) -> Vector:
    """min ½ MᵀSM − cᵀM over 0 ≤ M ≤ top, S positive semi-definite, by projected Newton steps from M."""
    if not len(c):
        return M
    M = np.clip(M, 0, top)
    q = S @ M - c
    f, size, scale, delta = 0.5 * M @ (q - c), np.abs(c).max() + 1e-300, np.trace(S) / len(S), 1e-10
    for _ in range(_STEPS):
        free = np.flatnonzero(~((M <= 0) & (q >= 0)) & ~((M >= top) & (q <= 0)))
        if not len(free) or np.abs(q[free]).max() < _TOLERANCE * size or delta > 1e3:
            break
        A = S[np.ix_(free, free)]
        A[np.diag_indices(len(free))] += delta * scale
        try:
            d = -sl.cho_solve(sl.cho_factor(A, lower=True, overwrite_a=True, check_finite=False), q[free])
        except np.linalg.LinAlgError:
            delta *= 100
            continue
        t, found = 1.0, False
        while t > 1e-3 and not found:
            new = M.copy()
            new[free] = np.clip(M[free] + t * d, 0, top[free])
            new_q = S @ new - c
            new_f = 0.5 * new @ (new_q - c)
            found = bool(new_f - f <= 1e-4 * (q @ (new - M)))
            t /= 2
        if found:
            M, q, f, delta = new, new_q, new_f, max(delta / 10, 1e-12)
        else:
            delta *= 100
    return M

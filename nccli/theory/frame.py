"""Tight frames: what a linear network makes of more classes than it has neurons.

Under the squared error each singular value of the output pays for itself (theory sheet, section 2), so the best output
of rank R is y times any projection of that rank, and its loss is R/K of DNC's and (K − R)/K of the trivial one: the
exact optimum at width d = R < K. Classes are placed alike here, as harmonic frames are (real Fourier vectors); with
R = 2 they are a regular polygon, the optimum of cross-entropy in two dimensions (softmax codes of Jiang et al. 2024).
"""

from functools import lru_cache
from math import pi, sqrt

import numpy as np

from nccli.errors import InputError
from nccli.theory.problem import Problem
from nccli.theory.spectrum import Spectrum
from nccli.theory.template import Construction, Family, Matrix, Template


@lru_cache(maxsize=256)
def frame(K: int, rank: int) -> Construction:
    """T = Tt_L with orthonormal rows and columns of equal norm.

    Raises:
        InputError: the rank is not in 1..K.
    """
    if not 1 <= rank <= K:
        raise InputError(f"rank = {rank}: a frame of {K} classes has a rank from 1 to {K}")
    values = Spectrum.of((1.0, rank), (0.0, K - rank))
    rows = (rank, rank)
    template = Template(
        f"frame({K}, {rank})", K, *rows, values, values, float(rank), values, lambda: _rows(K, rank), linear=True
    )
    return Construction("frame", "", (template,), about={"rank": rank})


def _rows(K: int, rank: int) -> tuple[Matrix, Matrix]:
    """√(2/K) cos and sin of 2πfk/K for f = 1, 2, …; an odd rank has (−1)^k/√K beside, or the constant for odd K."""
    k, rows = np.arange(K), []
    if rank % 2:
        rows.append(((-1.0) ** k if K % 2 == 0 else np.ones(K)) / sqrt(K))
    for f in range(1, rank // 2 + 1):
        if 2 * f == K:  # its sine is zero, and its cosine taken: what is left is the constant
            rows += [np.full(K, 1 / sqrt(K)), (-1.0) ** k / sqrt(K)]
        else:
            rows += [sqrt(2 / K) * np.cos(2 * pi * f * k / K), sqrt(2 / K) * np.sin(2 * pi * f * k / K)]
    T = np.array(rows)
    return T, T


def _forms(problem: Problem, rank: int) -> list[Construction]:
    if not problem.linear:
        raise InputError("--kind frame: its class means have both signs, which ReLU would cut: --activation linear")
    return [frame(problem.K, rank)]


FAMILY = Family("frame", _forms, takes=("rank",), needs=("rank",))

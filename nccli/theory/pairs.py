"""Pairs of classes that share a direction with opposite signs: the linear rival of DNC of Garrod and Keating 2025.

Z is block-diagonal with blocks θ/2 [[1, −1], [−1, 1]], of rank K/2 with equal singular values. A pair is told from the
others by its direction, its classes by the sign.
"""

from functools import lru_cache
from math import sqrt

import numpy as np

from nccli.errors import InputError
from nccli.objective.logit_space import LogitSpace
from nccli.theory.deep_neural_collapse import simplex_template
from nccli.theory.problem import Problem
from nccli.theory.spectrum import Spectrum
from nccli.theory.template import Construction, Family, Matrix, Template


@lru_cache(maxsize=256)
def pairs(K: int) -> Construction:
    """Neighbouring classes in pairs; of an odd K the last three are a simplex ETF, a block of its own.

    Raises:
        InputError: K < 4: there is a pair or a triple alone, and that is DNC.
    """
    if K < 4:
        raise InputError(f"K = {K}: pairs of classes need K >= 4; fewer classes are DNC")
    blocks = (pairs_template(K),) if K % 2 == 0 else (pairs_template(K - 3), simplex_template(3))
    return Construction("pairs", "", blocks)


def pairs_template(K: int) -> Template:
    """T = Tt_L with a row (1, −1)/√2 for every pair of neighbouring classes; K is even.

    Alone, all entries of Z are θ/2, −θ/2 and 0.
    """
    values = Spectrum.of((1.0, K // 2), (0.0, K // 2))
    # at cost ‖y‖² = θ² K/2: the margin of the partner is −θ, that of all others −θ/2
    S, counts = -sqrt(2 / K) * np.array([[1.0], [0.5]]), np.array([1.0, K - 2.0])
    return Template(
        name=f"pairs({K})",
        classes=K,
        rows=K // 2,
        last_rows=K // 2,
        singular_values=values,
        last_singular_values=values,
        last_map_norm_sq=K / 2,
        output_eigenvalues=values,
        matrices=lambda: (_rows(K), _rows(K)),
        logits=lambda: LogitSpace.homogeneous(S, counts),
        linear=True,
    )


def _rows(K: int) -> Matrix:
    return np.kron(np.eye(K // 2), np.array([[1.0, -1.0]])) / sqrt(2)


def _forms(problem: Problem) -> list[Construction]:
    if not problem.linear:
        raise InputError("--kind pairs: its class means have both signs, which ReLU would cut: --activation linear")
    return [pairs(problem.K)]


FAMILY = Family("pairs", _forms)

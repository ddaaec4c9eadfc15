"""Leaving a point: the first step, and how large the steps of a descent from there may be."""

from collections.abc import Sequence

import numpy as np

from nccli.dufm.refined.problem import RefinedProblem
from nccli.dufm.second_order.judgement import Judgement
from nccli.dufm.second_order.multipliers import multipliers
from nccli.dufm.second_order.point import Matrix, active_point
from nccli.dufm.second_order.ways import Place, lower_point, whole_loss

_ITERATIONS = 30
"""A taste: of the power method, which is to find the largest curvature to some percent."""

_SHARE = 0.5
"""A taste: step size times largest curvature; descents diverge from 2 on, and curvature grows on the way."""


def way_down(
    problem: RefinedProblem, means: Matrix, weights: Sequence[Matrix], found: Judgement
) -> tuple[str, Place, float] | None:
    """A point below, next to a point that was judged.

    Returns:
        What moved, M_1 and W_1..W_L there, and the loss; None where no way leads down.
    """
    point = active_point(problem, means, weights)
    lower = lower_point(point, found.ways)
    if lower is None:
        return None
    way, place = lower
    return way.name, place, whole_loss(point, place)


def descent_rate(problem: RefinedProblem, means: Matrix, weights: Sequence[Matrix]) -> float:
    """A step size of gradient descent that suits the curvature at a point, to two digits.

    That is one for the n-sample loss in all features, as training has it.
    """
    network = multipliers(active_point(problem, means, weights)).network
    x = np.random.Generator(np.random.Philox(5)).standard_normal((1, network.point.size))
    top = max(problem.wd)
    for _ in range(_ITERATIONS if x.size else 0):
        y = network.times(x)
        top = max(float(np.linalg.norm(y) / np.linalg.norm(x).clip(1e-300)), *problem.wd)
        x = y / max(float(np.linalg.norm(y)), 1e-300)
    return float(f"{_SHARE / top:.1e}")

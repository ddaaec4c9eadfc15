"""Deep neural collapse: Súkeník et al. 2024, Definition 10."""

from collections.abc import Callable
from functools import lru_cache

import numpy as np

from nccli.catalogue.options import ObjectiveName
from nccli.objective.logit_space import LogitSpace
from nccli.theory.problem import Problem
from nccli.theory.spectrum import Spectrum
from nccli.theory.template import Construction, Family, Matrix, Template


def dnc_template(K: int) -> Template:
    """T = Tt_L = I_K: orthogonal class means of equal norm, rank K in every layer."""
    return _alike(f"dnc({K})", lambda: np.eye(K), Spectrum.of((1.0, K)), linear=False)


def simplex_template(K: int) -> Template:
    """T = Tt_L with TᵀT = I − J/K, a simplex ETF, for linear networks: rank K − 1 in every layer.

    Cross-entropy asks for no output along 1, and a linear network needs no common mean to be non-negative
    (Garrod and Keating 2025).
    """
    return _alike(f"etf({K})", lambda: _helmert(K), Spectrum.of((1.0, K - 1), (0.0, 1)), linear=True)


def _helmert(K: int) -> Matrix:
    """Orthonormal rows that are orthogonal to 1: the k-th sets class k against the mean of those before it."""
    rows = np.tri(K, K, -1)[1:] - np.diag(np.arange(K))[1:]
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True))


def _alike(name: str, T: Callable[[], Matrix], values: Spectrum, linear: bool) -> Template:
    """T = Tt_L with TᵀT a projection with these eigenvalues that treats all classes alike."""
    K = int(values.multiplicities.sum())
    return Template(
        name=name,
        classes=K,
        rows=values.rank,
        last_rows=values.rank,
        singular_values=values,
        last_singular_values=values,
        last_map_norm_sq=values.total,
        output_eigenvalues=values,
        matrices=lambda: (T(), T()),
        logits=lambda: LogitSpace.alike(K, 1.0),
        linear=linear,
    )


@lru_cache(maxsize=256)
def dnc(K: int) -> Construction:
    """The DNC solution for K classes (Definition 10)."""
    return Construction("dnc", "", (dnc_template(K),))


@lru_cache(maxsize=256)
def linear_dnc(K: int) -> Construction:
    """DNC of a linear network under cross-entropy: class means are a simplex ETF."""
    return Construction("dnc", "", (simplex_template(K),))


def dnc_of(problem: Problem) -> Construction:
    """DNC for a problem: orthogonal class means; a simplex ETF where σ and the objective allow to drop their mean."""
    return linear_dnc(problem.K) if drops_mean(problem) else dnc(problem.K)


def drops_mean(problem: Problem) -> bool:
    """Whether class means do without what they have in common: it is no use to cross-entropy, but ReLU needs it."""
    return problem.linear and problem.objective == ObjectiveName.CE


FAMILY = Family("dnc", lambda problem: [dnc_of(problem)])

"""From value lists to configurations: every combination, the seed running fastest."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

from nccli.dufm.config import DufmConfig
from nccli.errors import InputError
from nccli.theory import Problem

_MOST_RUNS = 1_000_000
"""A bound: their configurations take half a GB and more; a larger grid is a slip of the finger."""


@dataclass(frozen=True)
class ProblemGrid:
    """Value lists of everything that makes a problem.

    Attributes:
        K, L, n: sizes.
        wd: λ of the features and of every layer, unless overridden.
        wd_h1: λ_{H_1}, None for `wd`.
        wd_layers: λ_{W_1}.., None for `wd`; its length has to fit every L.
    """

    K: Sequence[int]
    L: Sequence[int]
    n: Sequence[int]
    wd: Sequence[float]
    wd_h1: float | None = None
    wd_layers: Sequence[float] | None = None

    def problems(self) -> list[Problem]:
        """Every combination.

        Raises:
            InputError: a value out of range, or more than a million combinations.
        """
        _bound(len(self.K) * len(self.L) * len(self.n) * len(self.wd))
        return list(
            dict.fromkeys(
                Problem(K, L, n, wd if self.wd_h1 is None else self.wd_h1, tuple(self.wd_layers or (wd,) * L))
                for K, L, n, wd in product(self.K, self.L, self.n, self.wd)
            )
        )


def dufm_grid(
    problems: ProblemGrid, width: Sequence[int], lr: Sequence[float], seed: Sequence[int], fixed: Mapping[str, Any]
) -> list[DufmConfig]:
    """Configurations for every combination of problem, width, lr and seed.

    Args:
        problems: grid of problems.
        width, lr, seed: value lists.
        fixed: the other fields of `DufmConfig`, the same for all.

    Raises:
        InputError: a value out of range, or more than a million combinations.
    """
    found = problems.problems()
    _bound(len(found) * len(width) * len(lr) * len(seed))
    return [
        DufmConfig(p.K, p.L, p.n, d, p.lambda_h1, p.lambda_w, rate, seed=s, **fixed)
        for p, d, rate, s in product(found, width, lr, seed)
    ]


def check_grid_size(lists: Sequence[Sequence[Any]]) -> None:
    """Refuse a grid that no one wants.

    Raises:
        InputError: more than a million combinations.
    """
    _bound(math.prod(map(len, lists)))


def _bound(runs: int) -> None:
    if runs > _MOST_RUNS:
        raise InputError(f"the grid has {runs} combinations: at most {_MOST_RUNS} in one command")

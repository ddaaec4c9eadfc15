"""From value lists to configurations: every combination, the seed running fastest."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice, product
from typing import Any

from nccli.catalogue.settings import decay_complaints
from nccli.dufm.config import DufmConfig
from nccli.errors import InputError
from nccli.theory import Problem
from nccli.training.memory import require_memory

_MOST_RUNS = 1_000_000
"""A bound: their configurations take half a GB and more; a larger grid is a slip of the finger."""


_BYTES_A_RUN, _BYTES_A_LAYER = 2000, 100
"""Bounds, measured: a configuration, and its weight decays as numbers, in a record and as JSON."""


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
        self._check()
        return list(dict.fromkeys(self._every(1)))

    @property
    def size(self) -> int:
        """Combinations."""
        return math.prod(map(len, (self.K, self.L, self.n, self.wd)))

    def some(self, count: int) -> list[Problem]:
        """At most so many of the combinations, evenly spread.

        Raises:
            InputError: as `problems`.
        """
        self._check()
        return list(self._every(-(-self.size // count)))

    def _check(self) -> None:
        check_grid_size({"K": self.K, "L": self.L, "n": self.n, "wd": self.wd})
        for complaint in decay_complaints(self.wd_h1, (*self.wd, *(self.wd_layers or ()))):
            raise InputError(complaint)

    def _every(self, step: int) -> Iterator[Problem]:
        for K, L, n, wd in islice(product(self.K, self.L, self.n, self.wd), step // 2, None, step):
            yield Problem(K, L, n, wd if self.wd_h1 is None else self.wd_h1, tuple(self.wd_layers or (wd,) * L))


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
    check_grid_size({"L": [problem.L for problem in found], "width": width, "lr": lr, "seed": seed})
    return [
        DufmConfig(p.K, p.L, p.n, d, p.lambda_h1, p.lambda_w, rate, seed=s, **fixed)
        for p, d, rate, s in product(found, width, lr, seed)
    ]


def check_grid_size(lists: Mapping[str, Sequence[Any]]) -> None:
    """Refuse a grid that no one wants, before any of it is built.

    Args:
        lists: values by name; those of "L" are numbers of layers, each of which has a weight decay.

    Raises:
        InputError: more than a million combinations, or more than fit into memory.
    """
    runs = math.prod(map(len, lists.values()))
    if runs > _MOST_RUNS:
        raise InputError(f"the grid has {runs} combinations: at most {_MOST_RUNS} in one command")
    deep = lists["L"]
    layers = sum(deep) * runs // max(1, len(deep))
    what = f"a grid of {runs} combinations with L up to {max(deep)}"
    require_memory(what, _BYTES_A_RUN * runs + _BYTES_A_LAYER * layers, "choose fewer values, or a smaller --L")

"""From value lists to configurations: every combination, the seed running fastest."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, islice, product
from typing import Any

from nccli.catalogue.options import ActivationName, ObjectiveName
from nccli.catalogue.settings import decay_complaints
from nccli.dufm.config import DufmConfig
from nccli.dufm.optimizers import OPTIMIZERS
from nccli.errors import InputError
from nccli.theory import Problem, step_imbalance
from nccli.training.memory import require_memory

_MOST_RUNS = 1_000_000
"""A bound: their configurations take half a GB and more; a larger grid is a slip of the finger."""


EPSILON = 0.05
"""A taste: ε of relu-eps where none is given, small beside features of about unit norm."""

_BYTES_A_RUN, _BYTES_A_LAYER = 2000, 100
"""Bounds, measured: a configuration, and its weight decays as numbers, in a record and as JSON."""


@dataclass(frozen=True)
class ProblemGrid:
    """Value lists of everything that makes a problem.

    Attributes:
        K, L, n: sizes.
        wd: λ of the features and of every layer, unless overridden.
        wd_h1: values of λ_{H_1}, None for `wd`.
        wd_layers: values of (λ_{W_1}, …, λ_{W_L}), None for `wd`; each has to fit every L.
        objective: names, as in `nccli.objective`.
        linear: whether networks are linear.
        class_counts: values of samples of each class, None for `n` of each; each has to fit every K.
        imbalance: values of R, `nccli.theory.step_imbalance`, None for `n` of each.
    """

    K: Sequence[int]
    L: Sequence[int]
    n: Sequence[int]
    wd: Sequence[float]
    wd_h1: Sequence[float] | None = None
    wd_layers: Sequence[Sequence[float]] | None = None
    objective: Sequence[str] = (ObjectiveName.MSE.value,)
    linear: Sequence[bool] = (False,)
    class_counts: Sequence[Sequence[int]] | None = None
    imbalance: Sequence[float] | None = None

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
        return math.prod(map(len, self._lists))

    def some(self, count: int) -> list[Problem]:
        """At most so many of the combinations, evenly spread.

        Raises:
            InputError: as `problems`.
        """
        self._check()
        return list(self._every(-(-self.size // count)))

    @property
    def _lists(self) -> tuple[Sequence[Any], ...]:
        decays = (self.wd, self.wd_h1 or (None,), self.wd_layers or (None,))
        counts = (self.class_counts or (None,), self.imbalance or (None,))
        return self.K, self.L, self.n, *decays, *counts, self.objective, self.linear

    def _check(self) -> None:
        check_grid_size(dict(zip(_NAMES, self._lists, strict=True)))
        for complaint in decay_complaints(None, chain(self.wd, *(self.wd_layers or ()))):
            raise InputError(complaint)
        for decay in self.wd_h1 or ():
            for complaint in decay_complaints(decay, ()):
                raise InputError(complaint)

    def _every(self, step: int) -> Iterator[Problem]:
        for K, L, n, wd, h1, layers, counts, ratio, *of in islice(product(*self._lists), step // 2, None, step):
            sizes = counts if ratio is None else step_imbalance(K, n, ratio)
            decays = wd if h1 is None else h1, tuple(layers or (wd,) * L)
            objective, linear = of
            yield Problem(K, L, n, *decays, objective, linear, None if sizes is None else tuple(sizes))


_NAMES = ("K", "L", "n", "wd", "wd_h1", "wd_layers", "class_counts", "imbalance", "objective", "linear")


def dufm_grid(problems: ProblemGrid, lists: Mapping[str, Sequence[Any]], fixed: Mapping[str, Any]) -> list[DufmConfig]:
    """Configurations for every combination of a problem and the values of options, each once, the seed running fastest.

    Args:
        problems: grid of problems.
        lists: values of fields of `DufmConfig` by name. Of "lr", "momentum" and "epsilon", None is what suits the
            optimiser or the activation, and a value is for those that take one.
        fixed: the other fields, the same for all.

    Raises:
        InputError: a value out of range or of no use, or more than a million combinations.
    """
    found = problems.problems()
    check_grid_size({"L": [problem.L for problem in found], **lists})
    _check_uses(lists)
    names = sorted(lists, key=lambda name: name == "seed")
    values = (dict(zip(names, each, strict=True)) for each in product(*(lists[name] for name in names)))
    rows = [_suited(each) for each in values]
    return list(
        dict.fromkeys(
            DufmConfig(p.K, p.L, p.n, wd_h1=p.lambda_h1, wd_layers=p.lambda_w, class_counts=p.counts, **row, **fixed)
            for p, row in product(found, rows)
        )
    )


def _check_uses(lists: Mapping[str, Sequence[Any]]) -> None:
    """Refuse values that none of the runs would take."""
    ways = [OPTIMIZERS[name] for name in lists.get("optimizer", ()) if name in OPTIMIZERS]
    if ways and any(lists.get("momentum", ())) and not any(way.takes_momentum for way in ways):
        takers = ", ".join(name for name, way in OPTIMIZERS.items() if way.takes_momentum)
        raise InputError(f"momentum belongs to {takers}; {', '.join(lists['optimizer'])} has none")
    given = [value for value in lists.get("epsilon", ()) if value is not None]
    if given and ActivationName.RELU_EPS not in lists.get("activation", ()):
        raise InputError("epsilon belongs to activation relu-eps")


def _suited(row: dict[str, Any]) -> dict[str, Any]:
    """A combination with what suits its optimiser and its activation, where nothing was said or can be."""
    way = OPTIMIZERS.get(row.get("optimizer", ""))
    if way is not None:
        if row.get("lr", 0.0) is None:
            row["lr"] = way.default_lr
        if row.get("momentum", 0.0) is None or not way.takes_momentum:
            row["momentum"] = way.default_momentum
    if "epsilon" in row:
        takes = row.get("activation") == ActivationName.RELU_EPS
        row["epsilon"] = (EPSILON if row["epsilon"] is None else row["epsilon"]) if takes else None
    return row


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

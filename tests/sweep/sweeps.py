"""Tiny sweeps that really train: K = 3, L = 3, width 5, 50 steps."""

from collections.abc import Sequence
from typing import Any

from nccli.dufm.config import DufmConfig
from nccli.sweep import ProblemGrid, dufm_grid


def tiny_grid(
    seed: Sequence[int] = (0, 1),
    *,
    K: Sequence[int] = (3,),
    width: Sequence[int] = (5,),
    lr: Sequence[float] = (0.5,),
    **fixed: Any,
) -> list[DufmConfig]:
    """A grid of tiny runs."""
    lists = {"width": width, "lr": lr, "seed": seed}
    return dufm_grid(ProblemGrid(K, [3], [2], [0.004]), lists, {"steps": 50, "tol": 0.0, **fixed})

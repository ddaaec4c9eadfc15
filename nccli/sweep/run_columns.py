"""Columns of table `run` that every kind of run has: its problem, and where and when it was made."""

import platform
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

from nccli import __version__
from nccli.theory import Problem, solve_dnc, solve_srg


@lru_cache(maxsize=1024)
def problem_columns(problem: Problem) -> dict[str, Any]:
    """Sizes of a problem and its DNC and SRG losses."""
    srg = solve_srg(problem)
    return {
        "K": problem.K,
        "L": problem.L,
        "n": problem.n,
        "loss_dnc": solve_dnc(problem).loss,
        "loss_srg": None if srg is None else srg.loss,
    }


def columns_at(problem: Problem, width: int) -> dict[str, Any]:
    """The same at a width d: of more classes than neurons without the loss of a solution that has no room there."""
    found = problem_columns(problem)
    if width >= problem.K or found["loss_dnc"] is None:
        return found
    solutions = {"loss_dnc": solve_dnc(problem), "loss_srg": solve_srg(problem)}
    fits = {name: each is not None and each.construction.min_width <= width for name, each in solutions.items()}
    return {name: value if fits.get(name, True) else None for name, value in found.items()}


def provenance(seconds: float, device: str) -> dict[str, Any]:
    """Where and when a run was made that took so many seconds until now."""
    started = datetime.now(UTC) - timedelta(seconds=seconds)
    return {
        "seconds": seconds,
        "device": device,
        "nccli_version": __version__,
        "host": platform.node(),
        "started": started.isoformat(timespec="microseconds"),
    }

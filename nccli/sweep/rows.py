"""Results as rows of the store."""

import platform
import time
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any

import numpy as np

from nccli import __version__
from nccli.dufm.config import DufmConfig
from nccli.dufm.result import DufmResult
from nccli.metrics import measure_layers
from nccli.store import FinishedRun
from nccli.theory import Problem, Solution, solve_dnc, solve_srg


def dufm_run(result: DufmResult, device: str, torch_version: str | None) -> FinishedRun:
    """A trained DUFM as the store keeps it, with the DNC and SRG losses of its problem."""
    config = result.config
    return FinishedRun(
        row={
            **problem_columns(config.problem),
            **provenance(result.seconds, device),
            "torch_version": torch_version,
            "kind": "dufm",
            "status": result.status,
            "width": config.width,
            "lr": config.lr,
            "seed": config.seed,
            "activation": config.activation,
            "dtype": config.dtype,
            "steps": result.steps,
            "loss": result.loss,
            "fit": result.fit,
            "reg": result.reg,
            "grad_norm": result.grad_norm,
            "optimizer": config.optimizer,
            "collapsed_at": result.collapsed_at,
            "residual": None if result.refinement is None else result.refinement.residual,
            "kinks": None if result.refinement is None else result.refinement.kinks,
        },
        config=config.as_dict(),
        layers=result.layers,
        history=[
            {
                **{name: getattr(point, name) for name in ("step", "loss", "fit", "reg", "grad_norm")},
                "dnc1": list(point.dnc1),
                "rank": list(point.rank),
            }
            for point in result.history
        ],
    )


def running_columns(config: DufmConfig, device: str, torch_version: str | None) -> dict[str, Any]:
    """What is known of a DUFM before it is trained, as columns of table `run`."""
    row = {
        **problem_columns(config.problem),
        **provenance(0.0, device),
        **{name: getattr(config, name) for name in ("width", "lr", "seed", "activation", "dtype", "optimizer")},
        "torch_version": torch_version,
        "kind": "dufm",
    }
    return FinishedRun(row, config.as_dict(), layers=()).columns


def construction_config(solution: Solution, width: int) -> dict[str, Any]:
    """What determines a constructed run, beside its kind."""
    problem = solution.problem
    config: dict[str, Any] = {"K": problem.K, "L": problem.L, "n": problem.n, "width": width}
    config |= {"wd_h1": problem.lambda_h1, "wd_layers": list(problem.lambda_w)}
    if solution.construction.variant:
        config["variant"] = solution.construction.variant
    return config | dict(solution.construction.about)


def construction_run(solution: Solution, width: int) -> FinishedRun:
    """A construction at its optimal scales as the store keeps it.

    Metrics are measured on the explicit matrices with one sample a class: the point is collapsed, and every metric is
    the same for n copies of a sample.

    Raises:
        InputError: the width is too small.
    """
    started = time.perf_counter()
    problem = solution.problem
    weights, features = solution.matrices(width)
    hidden = features[:, :: problem.n]
    stages = [(1, "post", hidden.T)]
    for layer, W in enumerate(weights[:-1], 2):
        pre = W @ hidden
        hidden = pre.clip(min=0.0)
        stages += [(layer, "pre", pre.T), (layer, "post", hidden.T)]
    layers = measure_layers(stages, np.arange(problem.K), weights)
    return FinishedRun(
        row={
            **problem_columns(problem),
            **provenance(time.perf_counter() - started, "cpu"),
            "kind": solution.construction.kind,
            "status": "converged",
            "width": width,
            "activation": "relu",
            "dtype": "float64",
            "steps": 0,
            "loss": solution.loss,
            "fit": solution.fit,
            "reg": solution.reg,
            "grad_norm": float("nan"),
        },
        config=construction_config(solution, width),
        layers=layers,
    )


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

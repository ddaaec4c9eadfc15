"""Constructions at their optimal scales, as the store keeps them."""

import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from nccli.catalogue.options import ActivationName, ObjectiveName
from nccli.metrics import LayerMetrics, measure_layers
from nccli.store import FinishedRun
from nccli.sweep.kept import KEPT_BYTES
from nccli.sweep.run_columns import problem_columns, provenance
from nccli.theory import Solution, counts_text
from nccli.training.memory import require_memory


def construction_config(solution: Solution, width: int) -> dict[str, Any]:
    """What determines a constructed run, beside its kind."""
    problem = solution.problem
    config: dict[str, Any] = {"K": problem.K, "L": problem.L, "n": problem.n, "width": width}
    config |= {"wd_h1": problem.lambda_h1, "wd_layers": list(problem.lambda_w)}
    if problem.counts is not None:
        config["class_counts"] = counts_text(problem.counts)
    if solution.construction.variant:
        config["variant"] = solution.construction.variant
    if problem.objective != ObjectiveName.MSE:
        config["objective"] = problem.objective
    if problem.linear:
        config["activation"] = ActivationName.LINEAR.value
    return config | dict(solution.construction.about)


def construction_run(solution: Solution, width: int) -> FinishedRun:
    """A construction at its optimal scales as the store keeps it.

    Metrics are measured on the explicit matrices with one sample a class: the point is collapsed, and every metric is
    the same for n copies of a sample.

    Raises:
        InputError: the width is too small, or so large that the matrices do not fit into memory.
    """
    started = time.perf_counter()
    problem = solution.problem
    require_room(solution, width)
    weights, features = solution.matrices(width)
    means = features[:, problem.first_samples]
    layers = point_layers(means, weights, problem.objective, problem.activated, problem.counts)
    return FinishedRun(
        row={
            **problem_columns(problem),
            **provenance(time.perf_counter() - started, "cpu"),
            "kind": solution.construction.kind,
            "status": "converged",
            "width": width,
            "activation": (ActivationName.LINEAR if problem.linear else ActivationName.RELU).value,
            "dtype": "float64",
            "steps": 0,
            "loss": solution.loss,
            "fit": solution.fit,
            "reg": solution.reg,
            "grad_norm": float("nan"),
        },
        config=construction_config(solution, width),
        layers=layers,
        weights=weights if sum(W.nbytes for W in weights) <= KEPT_BYTES else (),
    )


def point_layers(
    means: Float[np.ndarray, "d K"],
    weights: Sequence[Float[np.ndarray, "_ _"]],
    objective: str = "mse",
    activated: Callable[[Float[np.ndarray, "d K"]], Float[np.ndarray, "d K"]] = lambda pre: np.maximum(pre, 0.0),
    counts: Sequence[int] | None = None,
) -> list[LayerMetrics]:
    """Metrics by layer and stage of a collapsed point: M_1 and W_1..W_L, by default with ReLU and equal classes."""
    hidden = means
    stages = [(1, "post", hidden.T)]
    for layer, W in enumerate(weights[:-1], 2):
        pre = W @ hidden
        hidden = activated(pre)
        stages += [(layer, "pre", pre.T), (layer, "post", hidden.T)]
    return measure_layers(stages, np.arange(means.shape[1]), weights, objective, counts)


_COPIES = 3
"""A bound: weights, class means, and what the pseudo-inverses of these take meanwhile."""


def require_room(solution: Solution, width: int) -> None:
    """Refuse a construction whose matrices would not fit.

    Counted are W_1..W_L, H_1, class means and Gram matrices by layer and stage, and the templates of these.

    Raises:
        InputError: less memory is free than they take.
    """
    K, L, N = solution.problem.K, solution.problem.L, int(solution.problem.class_sizes.sum())
    templates = sum(block.classes * (block.rows + block.last_rows) for block in solution.construction.blocks)
    numbers = L * width**2 + width * N + 2 * L * (width * K + K**2) + 2 * templates
    what = f"{solution.construction.label} with L = {L}, n = {solution.problem.n} at width {width} as matrices"
    require_memory(what, 8 * _COPIES * numbers, "choose smaller sizes; --dry-run tells the loss without them")

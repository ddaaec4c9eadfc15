"""Runs that look like trained ones, made in no time: random matrices, measured as always."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np

from nccli.dufm.config import DufmConfig
from nccli.metrics import LayerMetrics, measure_layers
from nccli.store import FinishedRun

STAGES = ((1, "post"), (2, "pre"), (2, "post"), (3, "pre"), (3, "post"))


def example_config(**changes: Any) -> DufmConfig:
    """K = 4, L = 3, width 5, and whatever is asked for."""
    fields: dict[str, Any] = {"K": 4, "L": 3, "n": 2, "width": 5, "wd_h1": 0.004, "wd_layers": (0.004,) * 3}
    return DufmConfig(**{**fields, "lr": 0.5, "steps": 100, "seed": 0, **changes})


def example_layers(seed: int, rank: int = 4) -> list[LayerMetrics]:
    """All layers and stages, their class means of the given rank, and an output that tells all classes apart."""
    return list(_measured(seed, rank))


@cache
def _measured(seed: int, rank: int) -> tuple[LayerMetrics, ...]:
    """Once a session: a structure that was looked for is kept, and the search takes longer than the saving."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.arange(4), 2)
    means = [rng.normal(size=(4, rank)) @ rng.normal(size=(rank, 5)) for _ in STAGES]
    last = np.linalg.pinv(means[-1]).T if rank == 4 else rng.normal(size=(4, 5))
    features = [(*stage, M[labels] + 0.01 * rng.normal(size=(8, 5))) for stage, M in zip(STAGES, means, strict=True)]
    return tuple(measure_layers(features, labels, [rng.normal(size=(5, 5)), rng.normal(size=(5, 5)), last]))


def example_history(points: int = 3) -> list[dict[str, Any]]:
    """A history whose numbers name their step."""
    return [
        {
            "step": 10 * i,
            "loss": 0.5 / (i + 1),
            "fit": 0.3 / (i + 1),
            "reg": 0.2 / (i + 1),
            "grad_norm": 10.0**-i,
            "dnc1": [0.1 * i + j for j in range(len(STAGES))],
            "rank": [4, 3, 3, 2, 2],
        }
        for i in range(points)
    ]


def example_run(
    seed: int = 0,
    *,
    layers: list[LayerMetrics] | None = None,
    history: list[dict[str, Any]] | None = None,
    config: dict[str, Any] | None = None,
    weights: Sequence[np.ndarray] = (),
    **columns: Any,
) -> FinishedRun:
    """A finished run of `example_config`.

    Args:
        seed: of the configuration and of the random matrices.
        layers, history: in place of the made-up ones.
        config: changes of the configuration.
        weights: W_1..W_L, to be kept.
        columns: changes of the row.
    """
    chosen = example_config(seed=seed, **(config or {}))
    row: dict[str, Any] = {
        **{"kind": "dufm", "status": "stopped", "K": chosen.K, "L": chosen.L, "n": chosen.n, "width": chosen.width},
        **{"lr": chosen.lr, "seed": chosen.seed, "activation": chosen.activation, "dtype": chosen.dtype, "steps": 100},
        **{"loss": 0.1 + 0.01 * seed, "fit": 0.06, "reg": 0.04 + 0.01 * seed, "loss_dnc": 0.2, "loss_srg": 0.1},
        **{"grad_norm": 1e-7, "seconds": 0.25, "device": "cpu", "torch_version": "2.9", "nccli_version": "0.1.0"},
        **{"host": "lab", "started": "2026-01-02T03:04:05.000006+00:00"},
    }
    return FinishedRun(
        row={**row, **({"finish": "plain"} if columns.get("kind", "dufm") == "dufm" else {}), **columns},
        config=chosen.as_dict(),
        layers=example_layers(seed) if layers is None else layers,
        history=example_history() if history is None else history,
        weights=weights,
    )


_OF_OUTPUT = ("output_rank", "output_etf_distance", "output_pairs_distance")
"""Metrics of layers that cannot be told from what older stores have."""


def double_run(seed: int = 0, **changes: Any) -> FinishedRun:
    """The same in double precision, in which the store keeps every bit of class means and histories."""
    layers = [layer.with_values(**dict.fromkeys(_OF_OUTPUT)) for layer in example_layers(seed)]
    return example_run(seed, config={"dtype": "float64"}, **{"layers": layers, "dtype": "float64", **changes})

"""Features and networks that somebody else made, as runs of the store."""

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np

from nccli.metrics import LayerMetrics
from nccli.store import FinishedRun
from nccli.sweep.run_columns import provenance


def measured_run(
    kind: str, layers: Sequence[LayerMetrics], n: int, config: dict[str, Any], seconds: float, **columns: Any
) -> FinishedRun:
    """Layers of anybody's network as the store keeps them.

    Args:
        kind: "features" (of a file) or "network" (measured by a probe).
        layers: numbered 1, 2, ….
        n: samples a class; of unbalanced classes the mean, rounded down.
        config: what names the run.
        seconds: that measuring took.
        columns: of table `run`, beside those that follow.
    """
    K = len(layers[0].class_means)
    nan = float("nan")
    return FinishedRun(
        row={
            **{"K": K, "L": len(layers), "n": n, "width": max(layer.class_means.shape[1] for layer in layers)},
            **provenance(seconds, "cpu"),
            **{"kind": kind, "status": "converged", "activation": "unknown", "dtype": "float64", "steps": 0},
            **{"loss": nan, "fit": nan, "reg": nan, "loss_dnc": None, "loss_srg": None, "grad_norm": nan},
            **columns,
        },
        config=config,
        layers=layers,
    )


def content_fingerprint(*arrays: Any) -> str:
    """16 hex digits that name the content of arrays."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape}{array.dtype.str}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()[:16]

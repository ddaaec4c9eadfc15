"""A run as it goes into the store, and its id."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jaxtyping import Float

from nccli import strict_json
from nccli.catalogue.runs import MEASURED_KINDS, RESULT_VERSIONS
from nccli.metrics import LayerMetrics
from nccli.theory import imbalance, parse_counts


def run_id(kind: str, config: Mapping[str, Any], version: int | None = None) -> str:
    """12 hex digits that name a run: a hash of its kind, its configuration and a result version, that of now for None.

    The text that is hashed holds the configuration as the store keeps it.
    """
    known = RESULT_VERSIONS.get(kind, 1) if version is None else version
    text = strict_json.dumps({"kind": kind, "config": config, "result_version": known}, sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]


def setting_id(kind: str, config: Mapping[str, Any], version: int | None = None) -> str:
    """12 hex digits that runs share which differ in nothing but the seed."""
    return run_id(kind, {name: value for name, value in config.items() if name != "seed"}, version)


@dataclass(frozen=True)
class FinishedRun:
    """Everything about one run that the store keeps.

    Attributes:
        row: the columns of table `run` except id, created, and those that follow from kind and configuration.
        config: full configuration, JSON-ready.
        layers: metrics by layer and stage.
        history: measurements during training: step, loss, fit, reg, grad_norm, lists over layers and stages.
        weights: W_1..W_L, each of shape (out, in), where they are to be kept.
        state: what it takes besides to go on from the end, by name (`nccli.store.blocks.matrices.STATE`) and layer.
    """

    row: Mapping[str, Any]
    config: Mapping[str, Any]
    layers: Sequence[LayerMetrics]
    history: Sequence[Mapping[str, Any]] = field(default=())
    weights: Sequence[Float[np.ndarray, "_ _"]] = field(default=(), repr=False)
    state: Mapping[str, Mapping[int, Float[np.ndarray, "_ _"]]] = field(default_factory=dict, repr=False)

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of table `run` except id and created."""
        kind = self.row["kind"]
        return {
            **self.row,
            "config": self.config,
            "wd": common_decay(self.config.get("wd_layers", ())),
            "wd_h1": self.config.get("wd_h1"),
            "setting": setting_id(kind, self.config),
            "objective": None if kind in MEASURED_KINDS else self.config.get("objective", "mse"),
            "result_version": RESULT_VERSIONS.get(kind, 1),
            "class_counts": self.config.get("class_counts"),
            "imbalance": imbalance_of(kind, self.config),
        }

    @property
    def id(self) -> str:
        """The run id."""
        return run_id(self.row["kind"], self.config)


def imbalance_of(kind: str, config: Mapping[str, Any]) -> float | None:
    """Largest over smallest class; None of data that somebody else made, or that came unbalanced."""
    if kind in MEASURED_KINDS or not (config.get("balanced", True) or "class_counts" in config):
        return None
    return imbalance(parse_counts(config["class_counts"])) if "class_counts" in config else 1.0


def common_decay(values: Sequence[float]) -> float | None:
    """The weight decay of all layers, None where they differ or there are none."""
    return values[0] if len(set(values)) == 1 else None

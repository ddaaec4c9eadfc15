"""A run as it goes into the store, and its id."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from nccli import strict_json
from nccli.metrics import LayerMetrics

RESULT_VERSION = 1
"""Part of every run id: raised when the same configuration starts to give another result."""


def run_id(kind: str, config: Mapping[str, Any]) -> str:
    """12 hex digits that name a run: a hash of its kind, its configuration and the result version."""
    text = strict_json.dumps({"kind": kind, "config": config, "result_version": RESULT_VERSION}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def setting_id(kind: str, config: Mapping[str, Any]) -> str:
    """12 hex digits that runs share which differ in nothing but the seed."""
    return run_id(kind, {name: value for name, value in config.items() if name != "seed"})


@dataclass(frozen=True)
class FinishedRun:
    """Everything about one run that the store keeps.

    Attributes:
        row: the columns of table `run` except id, config, wd, wd_h1, setting and created, which follow from the rest.
        config: full configuration, JSON-ready.
        layers: metrics by layer and stage.
        history: rows of table `history` without the run id.
    """

    row: Mapping[str, Any]
    config: Mapping[str, Any]
    layers: Sequence[LayerMetrics]
    history: Sequence[Mapping[str, Any]] = field(default=())

    @property
    def columns(self) -> dict[str, Any]:
        """The columns of table `run` except id and created."""
        return {
            **self.row,
            "config": self.config,
            "wd": _common(self.config.get("wd_layers", ())),
            "wd_h1": self.config.get("wd_h1"),
            "setting": setting_id(self.row["kind"], self.config),
        }

    @property
    def id(self) -> str:
        """The run id."""
        return run_id(self.row["kind"], self.config)


def _common(values: Sequence[float]) -> float | None:
    return values[0] if len(set(values)) == 1 else None

"""The options of runs, as they stand in a configuration: type, default where one may be left out, symbol."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from nccli.catalogue.runs import Kind


@dataclass(frozen=True)
class Setting:
    """An option.

    Attributes:
        name: in configurations and, after "config.", in queries.
        type: int, float, bool, str, or list (of floats).
        left_out: by kind of run, the value at which a stored configuration leaves it out.
    """

    name: str
    type: type
    left_out: Mapping[str, Any] = field(default_factory=dict)


_DUFM, _E2E = Kind.DUFM.value, Kind.E2E.value

SETTINGS: tuple[Setting, ...] = (
    *(Setting(name, int) for name in ("K", "L", "n", "width", "steps", "seed", "samples", "epochs", "batch_size")),
    *(Setting(name, float) for name in ("wd", "wd_h1", "lr")),
    Setting("init_scale", float, {_E2E: 1.0}),
    Setting("tol", float),
    Setting("momentum", float, {_DUFM: 0.0}),
    Setting("epsilon", float),
    Setting("collapse_tol", float, {_DUFM: 0.0}),
    Setting("clip", float, {_E2E: 1.0}),
    Setting("refine", bool, {_DUFM: False}),
    Setting("augment", bool, {_E2E: False}),
    Setting("autocast", bool),
    Setting("balanced", bool, {_E2E: True}),
    Setting("dtype", str),
    Setting("activation", str),
    Setting("objective", str, {_DUFM: "mse", _E2E: "mse"}),
    Setting("optimizer", str, {_DUFM: "gd"}),
    Setting("schedule", str, {_DUFM: "constant"}),
    *(Setting(name, str) for name in ("init", "variant", "graph", "dataset", "data", "backbone", "reg")),
    *(Setting(name, str) for name in ("source", "state", "layers", "pool", "pixels")),
    Setting("wd_layers", list),
)
"""Of every kind of run; `wd` is the weight decay of all layers where they have one."""

TYPES: dict[str, type] = {setting.name: setting.type for setting in SETTINGS}

LEFT_OUT: dict[str, dict[str, Any]] = {
    kind: {setting.name: setting.left_out[kind] for setting in SETTINGS if kind in setting.left_out}
    for kind in (_DUFM, _E2E)
}
"""By kind, what a configuration leaves out; a test holds it to the configurations."""

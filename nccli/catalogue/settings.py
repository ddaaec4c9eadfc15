"""The options of runs, as they stand in a configuration: type, what is left out, how labels and captions write them."""

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
        usual: value that labels of figures leave out too.
        symbol: in labels and captions; its name by default.
        bare: whether its value says of which option it is, and stands alone.
        caption: whether captions name it.
        print: whether it is a fingerprint, which names what has no other name.
    """

    name: str
    type: type
    left_out: Mapping[str, Any] = field(default_factory=dict)
    usual: Any = None
    symbol: str = ""
    bare: bool = False
    caption: bool = False
    print: bool = False


_DUFM, _E2E = Kind.DUFM.value, Kind.E2E.value

SETTINGS: tuple[Setting, ...] = (
    Setting("dataset", str, bare=True, caption=True),
    Setting("backbone", str, bare=True, caption=True),
    Setting("K", int, caption=True),
    Setting("L", int, caption=True),
    Setting("n", int, caption=True),
    Setting("width", int, symbol="d", caption=True),
    Setting("wd", float, symbol="λ", caption=True),
    Setting("lr", float, caption=True),
    Setting("optimizer", str, {_DUFM: "gd"}, bare=True, caption=True),
    Setting("activation", str, usual="relu", bare=True, caption=True),
    Setting("epsilon", float, symbol="ε", caption=True),
    Setting("variant", str, bare=True, caption=True),
    Setting("graph", str, bare=True, caption=True),
    Setting("s", int, caption=True),
    Setting("reg", str, caption=True),
    Setting("epochs", int, caption=True),
    Setting("objective", str, {_DUFM: "mse", _E2E: "mse"}, bare=True),
    Setting("dtype", str, usual="float32", bare=True),
    Setting("steps", int),
    Setting("seed", int),
    Setting("samples", int),
    Setting("batch_size", int),
    Setting("wd_h1", float),
    Setting("wd_layers", list),
    Setting("init", str),
    Setting("init_scale", float, {_E2E: 1.0}, usual=1.0, symbol="init scale"),
    Setting("tol", float, usual=1e-7),
    Setting("momentum", float, {_DUFM: 0.0}),
    Setting("schedule", str, {_DUFM: "constant"}),
    Setting("collapse_tol", float, {_DUFM: 0.0}),
    Setting("clip", float, {_E2E: 1.0}),
    Setting("refine", bool, {_DUFM: False}),
    Setting("augment", bool, {_E2E: False}),
    Setting("autocast", bool),
    Setting("balanced", bool, {_E2E: True}),
    Setting("data", str, print=True),
    Setting("source", str),
    Setting("state", str, print=True),
    Setting("layers", str),
    Setting("pool", str),
    Setting("pixels", str),
)
"""Of every kind of run, in the order of captions; `wd` is the weight decay of all layers where they have one."""

TYPES: dict[str, type] = {setting.name: setting.type for setting in SETTINGS}

LEFT_OUT: dict[str, dict[str, Any]] = {
    kind: {setting.name: setting.left_out[kind] for setting in SETTINGS if kind in setting.left_out}
    for kind in (_DUFM, _E2E)
}
"""By kind, what a configuration leaves out; a test holds it to the configurations."""

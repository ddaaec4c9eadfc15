"""The options of runs, as they stand in a configuration: type, what is left out, how labels and captions write them."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from nccli.catalogue.options import Split
from nccli.catalogue.runs import CONSTRUCTED_KINDS, Kind


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
        least, most: between which a run can be made, both included; None where its configuration says more.
    """

    name: str
    type: type
    left_out: Mapping[str, Any] = field(default_factory=dict)
    usual: Any = None
    symbol: str = ""
    bare: bool = False
    caption: bool = False
    print: bool = False
    least: float | None = None
    most: float | None = None

    def complaint(self, value: float, name: str = "") -> str | None:
        """What is wrong with a value that is out of the range, None if nothing is; by another name of the setting."""
        if self.least is None or self.most is None or self.least <= value <= self.most:
            return None
        said = f"{name or self.name.replace('_', '-')} = {value}: must be"
        if self.type is int:
            return f"{said} at least {self.least}" if value < self.least else f"{said} at most {self.most}"
        if not (value > 0 and math.isfinite(value)):
            return f"{said} positive and finite"
        return f"{said} from {self.least:g} to {self.most:g}"


_INT32, _INT64 = 2**31 - 1, 2**63 - 1
"""What the columns of a store hold, PostgreSQL's too."""

_TINY, _HUGE = 1e-30, 1e30
"""Bounds: float32 has 1e-38 to 3e38, and what is added up needs some room."""

_DUFM, _E2E, _SEARCH = Kind.DUFM.value, Kind.E2E.value, Kind.SEARCH.value

_OF_OBJECTIVE = (_DUFM, _E2E, _SEARCH, *CONSTRUCTED_KINDS)

SETTINGS: tuple[Setting, ...] = (
    Setting("dataset", str, bare=True, caption=True),
    Setting("backbone", str, bare=True, caption=True),
    Setting("K", int, caption=True, least=2, most=_INT32),
    Setting("L", int, caption=True, least=2, most=_INT32),
    Setting("n", int, caption=True, least=1, most=_INT32),
    Setting("class_counts", str, symbol="class counts", caption=True),
    Setting("width", int, {_SEARCH: None}, symbol="d", caption=True, least=1, most=_INT32),
    Setting("wd", float, symbol="λ", caption=True, least=_TINY, most=_HUGE),
    Setting("lr", float, caption=True, least=_TINY, most=_HUGE),
    Setting("optimizer", str, {_DUFM: "gd"}, bare=True, caption=True),
    Setting("activation", str, dict.fromkeys(CONSTRUCTED_KINDS, "relu"), usual="relu", bare=True, caption=True),
    Setting("epsilon", float, symbol="ε", caption=True, least=_TINY, most=_HUGE),
    Setting("variant", str, bare=True, caption=True),
    Setting("graph", str, bare=True, caption=True),
    Setting("s", int, caption=True),
    Setting("rank", int, caption=True),
    Setting("reg", str, caption=True),
    Setting("epochs", int, caption=True, least=1, most=_INT32),
    Setting("objective", str, dict.fromkeys(_OF_OBJECTIVE, "mse"), bare=True, caption=True),
    Setting("dtype", str, usual="float32", bare=True),
    Setting("steps", int, least=1, most=_INT32),
    Setting("seed", int, least=0, most=_INT64),
    Setting("samples", int),
    Setting("batch_size", int, {_DUFM: None}, least=1, most=_INT32),
    Setting("wd_h1", float),
    Setting("wd_layers", list),
    Setting("init", str, {_DUFM: "normal"}),
    Setting("init_scale", float, {_E2E: 1.0}, usual=1.0, symbol="init scale", least=_TINY, most=_HUGE),
    Setting("tol", float, usual=1e-7),
    Setting("momentum", float, {_DUFM: 0.0}),
    Setting("schedule", str, {_DUFM: "constant"}),
    Setting("collapse_tol", float, {_DUFM: 0.0}),
    Setting("clip", float, {_E2E: 1.0}, least=_TINY, most=_HUGE),
    Setting("refine", bool, {_DUFM: False}),
    Setting("polish", bool, {_DUFM: False}),
    Setting("until", str, {_DUFM: "steps"}, caption=True),
    Setting("augment", bool, {_E2E: False}),
    Setting("precision", str, usual="float32", bare=True),
    Setting("autocast", bool),
    Setting("lr_rise", float, {_E2E: 0.0}),
    Setting("wd_rise", float, {_E2E: 0.0}),
    Setting("feature_scale", float, {_E2E: 0.0}, symbol="feature scale", least=_TINY, most=_HUGE),
    Setting("balanced", bool, {_E2E: True}),
    Setting("descents", int, least=0, most=_INT32),
    Setting("budget", float, {_SEARCH: None}, least=_TINY, most=_HUGE),
    Setting("fresh", bool, {_SEARCH: False}),
    Setting("recipe", str, {_SEARCH: None}),
    Setting("start", str, caption=True),
    Setting("noise", float, {_DUFM: 0.0}, caption=True),
    Setting("bias", str, {_DUFM: "none"}, caption=True),
    Setting("noise_scale", float, {_DUFM: 0.0}, symbol="noise scale", caption=True),
    Setting("start_print", str, print=True),
    Setting("targets_print", str, {_DUFM: None}, symbol="targets", print=True),
    Setting("data", str, print=True),
    Setting("source", str),
    Setting("state", str, print=True),
    Setting("layers", str),
    Setting("pool", str),
    Setting("pixels", str),
    Setting("split", str, usual=Split.TRAIN.value),
    Setting("modules", str),
)
"""Of every kind of run, in the order of captions; `epochs` and `autocast` stand in configurations of result version 1,
where there are `steps` and `precision` now; `wd` is the weight decay of all layers where they have one."""

BY_NAME = {setting.name: setting for setting in SETTINGS}


def complaints(**values: float | None) -> list[str]:
    """What is wrong with values of settings, by name; None is no value."""
    found = (BY_NAME[name].complaint(value) for name, value in values.items() if value is not None)
    return [complaint for complaint in found if complaint is not None]


def decay_complaints(wd_h1: float | None, wd_layers: Iterable[float]) -> list[str]:
    """The same of weight decays."""
    named = [("wd", decay) for decay in wd_layers] + ([] if wd_h1 is None else [("wd-h1", wd_h1)])
    found = (BY_NAME["wd"].complaint(decay, name) for name, decay in named)
    return [complaint for complaint in found if complaint is not None]


TYPES: dict[str, type] = {setting.name: setting.type for setting in SETTINGS}

LEFT_OUT: dict[str, dict[str, Any]] = {
    kind: {setting.name: setting.left_out[kind] for setting in SETTINGS if kind in setting.left_out}
    for kind in (_DUFM, _E2E, _SEARCH, *CONSTRUCTED_KINDS)
}
"""By kind, what a configuration leaves out; a test holds it to the configurations."""

OTHER_PROBLEM = ("bias", "targets_print")
"""Options that make another problem of it than theory has solutions of, where a configuration has them at all."""

_NO_AXES = ("seed", "samples", "s", "rank", "epochs")
"""Numbers that are none: runs of a setting differ in the seed, others follow from what is one."""

AXES = (
    *(name for name, each in BY_NAME.items() if each.type in (int, float) and name not in _NO_AXES),
    "imbalance",
)
"""Settings that are numbers, and a column that is made of one: what an axis can be of."""

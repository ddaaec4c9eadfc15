"""Settings along axes."""

from dataclasses import dataclass
from typing import Any

from nccli.catalogue.runs import Kind
from nccli.catalogue.settings import AXES, BY_NAME, LEFT_OUT
from nccli.errors import InputError
from nccli.figures.figure import Row
from nccli.figures.series import axis_value


@dataclass(frozen=True)
class SettingAxis:
    """An axis.

    Attributes:
        column: of table `run`, or an option of its configuration.
        label: of the axis.
        words: in a sentence.
        values: for runs that a figure lacks, as on the command line; "" where no single option makes them.
        log: whether it is logarithmic.
    """

    column: str
    label: str
    words: str
    values: str
    log: bool = True


WD = SettingAxis("wd", "weight decay λ", "weight decay", "1e-3,2e-3,4e-3,8e-3")
LR = SettingAxis("lr", "learning rate η", "learning rate", "0.05,0.1,0.2,0.5")
WIDTH = SettingAxis("width", "width d", "width", "10,16,24,32,64")
CLASSES = SettingAxis("K", "number of classes K", "the number of classes", "6,8,10,12,15", log=False)
DEPTH = SettingAxis("L", "number of layers L", "depth", "3..6", log=False)
_SAMPLES = SettingAxis("n", "samples a class n", "samples a class", "1,2,5,10,20")
_WD_H1 = SettingAxis(
    "wd_h1", r"weight decay $\lambda_{H_1}$ of the features", "weight decay of the features", "1e-3,4e-3"
)
_INIT = SettingAxis("init_scale", "scale of the initial point", "scale of the initial point", "0.5,0.7,1,1.4,2")
_STEPS = SettingAxis("steps", "step budget", "step budget", "1000,3000,10000,30000")

_IMBALANCE = SettingAxis("imbalance", "largest over smallest class", "the imbalance of classes", "1,2,5,10,20,50,100")

_KNOWN = {axis.column: axis for axis in (WD, LR, WIDTH, CLASSES, DEPTH, _SAMPLES, _WD_H1, _INIT, _STEPS, _IMBALANCE)}

_ALONG = {"wd_h1": ("λ_H1", "λ_H1/λ"), "imbalance": ("class_counts",)}
"""What else varies along the axis of a setting, by the names of `settings_of`."""


def varied_along(axis: SettingAxis) -> tuple[str, ...]:
    """Names of what runs along an axis differ in."""
    return (axis.column, *_ALONG.get(axis.column, ()))


def axis_of(name: str, flag: str) -> SettingAxis:
    """The axis of a setting.

    Args:
        name: of the setting.
        flag: that names it, for the error.

    Raises:
        InputError: there is no such setting, or it is no number.
    """
    if name not in AXES:
        raise InputError(f"{flag} '{name}': must be a setting that is a number: {', '.join(AXES)}")
    if name in _KNOWN:
        return _KNOWN[name]
    label = BY_NAME[name].symbol or name.replace("_", " ")
    return SettingAxis(name, label, label, "")


def setting_value(run: Row, name: str) -> Any:
    """The value of a setting of a run, a row of table `run`: what it was asked for; None where it has none."""
    config = run["config"]
    if name in config:
        return axis_value(config, name)
    if name in run and name != "steps":
        return axis_value(run, name)
    return LEFT_OUT.get(Kind(run["kind"]), {}).get(name)

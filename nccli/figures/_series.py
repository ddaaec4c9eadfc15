"""Runs grouped by their settings: which belong to one curve, and how to name it."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from nccli.figures._figure import Row
from nccli.store import SettingRuns

_NAMES = {"width": "d", "init_scale": "init scale", "dnc": "DNC", "srg": "SRG", "dufm": "DUFM", "e2e": "end to end"}
_NAMES |= {"mnist": "MNIST", "cifar10": "CIFAR-10", "resnet20": "ResNet20"}
_IN_CAPTION = (
    *("dataset", "backbone", "K", "L", "n", "width", "wd", "lr", "optimizer", "activation", "epsilon", "variant"),
    *("graph", "reg", "epochs"),
)
_BARE = ("kind", "activation", "variant", "graph", "dtype", "optimizer", "dataset", "backbone")
_SEED = ("seed",)


@dataclass(frozen=True)
class Series:
    """Runs that differ in nothing but the seed and what the figure varies.

    Attributes:
        label: the settings that tell it from its neighbours; "" for a single series.
        settings: all of them.
        members: the runs, by what the figure varies.
    """

    label: str
    settings: dict[str, Any]
    members: tuple[SettingRuns, ...]

    @property
    def ids(self) -> list[str]:
        """Of all runs, in increasing order."""
        return sorted(key for member in self.members for key in member.ids)

    @property
    def row(self) -> Row:
        """One of the runs, a row of table `run`."""
        return self.members[0].row


def settings_of(run: Row) -> dict[str, Any]:
    """What makes a run, with the weight decays as `wd` and, only where they differ from it, `λ_H1` and `λ_W`."""
    config = dict(run["config"])
    decays, h1 = config.pop("wd_layers", []), config.pop("wd_h1", None)
    if config.get("reg") == "dufm" and run["wd"]:
        h1, config["n λ_H1/λ"] = run["wd"], round(run["n"] * h1 / run["wd"], 9)
    elif config.get("reg") == "standard":
        h1 = run["wd"]
    if run["kind"] == "e2e":
        config.pop("epochs", None)
    found = {"kind": run["kind"], **config, "wd": run["wd"]}
    if run["wd"] is None:
        found["λ_W"] = ", ".join(f"{value:g}" for value in decays)
    if _plain(h1) != _plain(run["wd"]):
        found["λ_H1"] = h1
    return {name: _plain(value) for name, value in found.items()}


def axis_value(row: Row, name: str) -> Any:
    """A column of a run along an axis; None where it has none."""
    return _plain(row[name])


def _plain(value: Any) -> Any:
    """A value that can be a key; floats that differ by rounding, as from a log-spaced list, are one."""
    if isinstance(value, float):
        return float(f"{value:.12g}")
    return tuple(map(_plain, value)) if isinstance(value, list) else value


def split_series(settings: Sequence[SettingRuns], varied: Iterable[str] = ()) -> list[Series]:
    """Group settings into series, in increasing order of what tells them apart.

    Args:
        settings: runs by setting.
        varied: settings that run along the axis of the figure, as the seed always does.
    """
    ignored = {*_SEED, *varied}
    groups: dict[tuple[tuple[str, Any], ...], list[SettingRuns]] = {}
    for member in settings:
        kept = {name: value for name, value in settings_of(member.row).items() if name not in ignored}
        groups.setdefault(tuple(sorted(kept.items())), []).append(member)
    members = [(dict(key), tuple(group)) for key, group in groups.items()]
    differing = [name for name in _ordered(members) if len({settings.get(name) for settings, _ in members}) > 1]
    named = [
        Series(
            ", ".join(_words(name, settings[name]) for name in differing if settings.get(name) is not None),
            settings,
            group,
        )
        for settings, group in members
    ]
    return sorted(named, key=lambda series: [_sort_key(series.settings.get(name)) for name in differing])


def describe(series: Sequence[Series], extra: str = "") -> str:
    """The caption: settings that all series share, and how many runs there are."""
    shared = {
        name: value
        for name, value in series[0].settings.items()
        if all(other.settings.get(name, ...) == value for other in series)
    }
    parts = [_words(name, shared[name]) for name in _IN_CAPTION if name in shared and shared[name] is not None]
    parts += [_words(name, value) for name, value in shared.items() if name.startswith("λ_")]
    runs = sum(len(each.ids) for each in series)
    parts.append(f"{runs} run{'s' if runs != 1 else ''}")
    return ", ".join(parts) + (f"; {extra}" if extra else "")


def _ordered(members: Sequence[tuple[dict[str, Any], tuple[SettingRuns, ...]]]) -> list[str]:
    seen = dict.fromkeys(name for settings, _ in members for name in settings)
    first = [name for name in ("kind", *_IN_CAPTION) if name in seen]
    return [*first, *(name for name in seen if name not in first)]


def _words(name: str, value: Any) -> str:
    if name in _BARE:
        return _NAMES.get(str(value), str(value))
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return f"{ {'wd': 'λ', 'epsilon': 'ε'}.get(name, _NAMES.get(name, name)) } = {text}"


def _sort_key(value: Any) -> tuple[int, float, str]:
    if value is None:
        return (0, 0.0, "")
    return (1, float(value), "") if isinstance(value, int | float) else (2, 0.0, str(value))

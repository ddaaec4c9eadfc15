"""Runs grouped by their settings: which belong to one curve, and how to name it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Shaped

from nccli.figures.ends import FINISHING, Ends, finish_of
from nccli.figures.figure import Row
from nccli.figures.setting_words import ALL_DIGITS, DIGITS, IN_CAPTION, PRINTS, SEED, USUAL, words
from nccli.store import SettingRuns, as_decimal
from nccli.theory import triangular_root


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
    """What makes a run, with the weight decays as `wd` and, only where they differ from it, `λ_H1` and `λ_W`.

    What was polished or refined has its `finish`, which tells it from the end of its descent.
    """
    config = dict(run["config"])
    finish = finish_of(run)
    decays, h1 = config.pop("wd_layers", []), config.pop("wd_h1", None)
    if config.get("reg") == "dufm" and run["wd"]:
        h1, config["n λ_H1/λ"] = run["wd"], round(run["n"] * h1 / run["wd"], 9)
    elif config.get("reg") == "standard":
        h1 = run["wd"]
    if run["kind"] == "e2e":
        config.pop("epochs", None)
        config.pop("steps", None)
    if run["kind"] == "srg" and triangular_root(run["K"]) is not None:
        config["variant"] = "exact"
    found = {"kind": run["kind"], **config, "wd": run["wd"]}
    if finish is not None:
        found = {**{name: value for name, value in found.items() if name not in FINISHING}, "finish": finish}
    if run["wd"] is None and decays:
        found["λ_W"] = f"({' '.join(f'{value:.15g}' for value in decays)})"
    if _plain(h1) != _plain(run["wd"]):
        found["λ_H1"] = h1
    return {name: _plain(value) for name, value in found.items()}


Values = Shaped[np.ndarray, " runs"]


def measured(members: Iterable[SettingRuns], columns: Sequence[str]) -> tuple[list[str], dict[str, Values]]:
    """The runs that have a value in all of the columns, by increasing id, and their values."""
    found = list(members)
    ids = np.concatenate([np.array(member.ids) for member in found])
    values = {name: np.concatenate([member.values[name] for member in found]) for name in columns}
    kept = np.flatnonzero(np.concatenate([have_all(member, columns) for member in found]))
    kept = kept[np.argsort(ids[kept])]
    return ids[kept].tolist(), {name: each[kept] for name, each in values.items()}


def have_all(member: SettingRuns, columns: Sequence[str]) -> Bool[np.ndarray, " runs"]:
    """Which runs of a setting have a value in all of the columns."""
    return np.asarray(
        np.all([np.ones(len(member.ids), bool), *(_there(member.values[name]) for name in columns)], axis=0)
    )


def outcomes_of(members: Iterable[SettingRuns], ids: Sequence[str]) -> list[str | None]:
    """What became of these runs; None where that is not known."""
    known = {key: outcome for each in members for key, outcome in zip(each.ids, each.values["outcome"], strict=True)}
    return [known[key] for key in ids]


def _there(values: Values) -> Bool[np.ndarray, " runs"]:
    """Which runs have a value: a finite number, or a text."""
    if values.dtype == object:
        return np.array([value is not None for value in values])
    return np.asarray(np.isfinite(values))


def run_rows(place: Row, ids: Sequence[str], quantities: Mapping[str, Sequence[Any]], **rest: Any) -> list[Row]:
    """A row a run, with where it is drawn and what it has in common with others."""
    values = zip(*quantities.values(), strict=True)
    return [
        {"what": "run", **place, **dict(zip(quantities, each, strict=True)), **rest, "run_ids": [key]}
        for key, each in zip(ids, values, strict=True)
    ]


def axis_value(row: Row, name: str) -> Any:
    """A column of a run along an axis; None where it has none."""
    return _plain(row[name])


def _plain(value: Any) -> Any:
    """A value that can be a key; floats that differ by rounding, as from a log-spaced list, are one."""
    if isinstance(value, float):
        return as_decimal(value)
    return tuple(map(_plain, value)) if isinstance(value, list) else value


def split_series(members: Sequence[SettingRuns], varied: Iterable[str] = ()) -> list[Series]:
    """Group settings into series, in increasing order of what tells them apart.

    Args:
        members: runs by setting.
        varied: settings that run along the axis of the figure, as the seed always does.
    """
    ignored = {*SEED, *varied}
    groups: dict[tuple[tuple[str, Any], ...], list[SettingRuns]] = {}
    known = _told_apart([settings_of(member.row) for member in members], "wd" in ignored)
    for member, settings in zip(members, known, strict=True):
        kept = {name: value for name, value in settings.items() if name not in ignored}
        groups.setdefault(tuple(sorted(kept.items())), []).append(member)
    found = [(dict(key), tuple(group)) for key, group in groups.items()]
    differing = [name for name in _ordered(found) if len({settings.get(name) for settings, _ in found}) > 1]
    named = [
        Series(label, settings, group)
        for label, (settings, group) in zip(_labels([settings for settings, _ in found], differing), found, strict=True)
    ]
    return sorted(named, key=lambda series: [_sort_key(series.settings.get(name)) for name in differing])


def in_order_of_numbers(series: Sequence[Series]) -> bool:
    """Whether several series differ in numbers alone, so that they go from less to more."""
    names = {name for each in series for name in each.settings}
    values = [{each.settings.get(name) for each in series} for name in names]
    differing = [found for found in values if len(found) > 1]
    return bool(differing) and all(
        value is None or (isinstance(value, int | float) and not isinstance(value, bool))
        for found in differing
        for value in found
    )


def _labels(found: Sequence[Mapping[str, Any]], differing: Sequence[str]) -> list[str]:
    """Names that tell all settings apart, as short as they can be."""
    short = [_label(settings, differing, whole=False) for settings in found]
    times = Counter(short)
    return [
        _label(settings, differing, whole=True) if times[label] > 1 else label
        for settings, label in zip(found, short, strict=True)
    ]


def _label(settings: Mapping[str, Any], differing: Sequence[str], whole: bool) -> str:
    """What is not as usual; where all is, what is so. If `whole`, with fingerprints and all digits."""
    there = {name: settings.get(name, USUAL.get(name)) for name in differing}
    there = {name: value for name, value in there.items() if value is not None}
    unusual = {name: value for name, value in there.items() if value != USUAL.get(name, ...)}
    if not whole and not unusual.keys() <= PRINTS:
        unusual = {name: value for name, value in unusual.items() if name not in PRINTS}
    digits = ALL_DIGITS if whole else DIGITS
    return ", ".join(words(name, value, digits) for name, value in (unusual or there).items())


def _told_apart(found: list[dict[str, Any]], along_decay: bool) -> list[dict[str, Any]]:
    """Settings, and along an axis of λ the decay λ_H1 of the features as what stays the same along a curve.

    That is λ_H1 = λ, a fixed λ_H1, or a fixed λ_H1/λ: of the last two what makes fewer curves. Runs with λ_H1 = λ that
    all have a λ_H1 which others keep fixed belong to the curves of these.
    """
    if not along_decay:
        return found
    others: dict[tuple[tuple[str, Any], ...], list[dict[str, Any]]] = {}
    for settings in found:
        rest = {name: value for name, value in settings.items() if name not in ("wd", "λ_H1", *SEED)}
        others.setdefault(tuple(sorted(rest.items())), []).append(settings)
    for group in others.values():
        unequal = [settings for settings in group if settings.get("λ_H1") is not None and settings["wd"]]
        fixed = {settings["λ_H1"] for settings in unequal}
        ratios = {_plain(settings["λ_H1"] / settings["wd"]) for settings in unequal}
        if len(ratios) < len(fixed):
            for settings in unequal:
                settings["λ_H1/λ"] = _plain(settings.pop("λ_H1") / settings["wd"])
            continue
        equal = [settings for settings in group if "λ_H1" not in settings]
        if {settings["wd"] for settings in equal} <= fixed:
            for settings in equal:
                settings["λ_H1"] = settings["wd"]
    return found


def describe(series: Sequence[Series], runs: int, ends: Ends, extra: str) -> str:
    """The caption: settings that all series share, how many runs are drawn at which ends, and what else there is."""
    shared = {
        name: value
        for name, value in series[0].settings.items()
        if all(other.settings.get(name, ...) == value for other in series)
    }
    parts = [words(name, shared[name]) for name in IN_CAPTION if name in shared and shared[name] is not None]
    parts += [words(name, value) for name, value in shared.items() if name.startswith("λ_")]
    parts += [ends.steps_words] if ends.steps_words else []
    parts.append(f"{runs} run{'s' if runs != 1 else ''}")
    return "; ".join([", ".join(parts), *([ends.settling_words] if ends.settling_words else []), extra])


def each_of(rows: Iterable[Row], spread: str = "", rest: str = "", of: str = "setting") -> str:
    """The number of runs behind each mean that is drawn, and how their spread is shown, before the `rest`."""
    counts = sorted({row["runs"] for row in rows if row["runs"]})
    number = f"{counts[0]}" if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
    several = f"{number} a {of}" + (f", {spread}" if spread and counts != [1] else "")
    return f"{several}; {rest}" if rest else several


def _ordered(members: Sequence[tuple[dict[str, Any], tuple[SettingRuns, ...]]]) -> list[str]:
    seen = dict.fromkeys(name for settings, _ in members for name in settings)
    first = [name for name in ("kind", *IN_CAPTION) if name in seen]
    return [*first, *(name for name in seen if name not in first)]


def _sort_key(value: Any) -> tuple[int, float, str]:
    if value is None:
        return (0, 0.0, "")
    return (1, float(value), "") if isinstance(value, int | float) else (2, 0.0, str(value))

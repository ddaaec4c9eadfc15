"""Columns of a table that tell its rows apart: no two of them look alike and are not."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from typing import Any

from nccli.catalogue.columns import BY_NAME
from nccli.catalogue.settings import LEFT_OUT, SETTINGS
from nccli.cli.output import Column, Record

_DIGITS = 4
"""Of numbers, where so many tell them apart; as everywhere in tables."""

_PRINT_DIGITS = 8
"""Of fingerprints: a taste."""

_IMPORTANCE = 65
"""On a narrow terminal: without them rows look alike; a taste, below what the table is about."""

_NAMES = ("kind", *(setting.name for setting in SETTINGS), "result_version")
_WORDS = {setting.name for setting in SETTINGS if setting.type is str and not setting.print}
"""Options that are words: an optimiser is shown where it differs, though its learning rate tells as well."""

_PRINTS = {setting.name for setting in SETTINGS if setting.print}
_SYMBOLS = {"wd_layers": "λ_W", **{setting.name: setting.symbol for setting in SETTINGS if setting.symbol}}


def distinctions(runs: Iterable[Mapping[str, Any]], shown: Sequence[str]) -> list[Column]:
    """Columns for options in which runs differ that the columns shown do not tell apart: words, and of numbers few.

    Args:
        runs: rows or records with "id", "kind" and "config"; read once.
        shown: options that the table has columns for.

    Returns:
        Columns, in the order of captions, which find their values by the id of a record.
    """
    options = {run["id"]: options_of(run) for run in runs}
    return [_column(name, options) for name in _telling_apart(options, shown)]


def settings_apart(runs: Iterable[Mapping[str, Any]], shown: Sequence[str]) -> list[str]:
    """Names of the options that `distinctions` has columns for, and of those shown that differ."""
    options = {run["id"]: options_of(run) for run in runs}
    apart = _telling_apart(options, shown)
    return [*(name for name in shown if _differ(name, list(options.values()))), *apart]


def _telling_apart(options: Mapping[str, Mapping[str, Any]], shown: Sequence[str]) -> list[str]:
    alike = [list(options)]
    for name in shown:
        alike = _split(alike, name, options)
    of_kind = _split([list(options)], "kind", options)
    found = []
    for name in _NAMES:
        groups = of_kind if name in _WORDS else alike
        if name in shown or not any(_differ(name, [options[key] for key in keys]) for keys in groups):
            continue
        alike = _split(alike, name, options)
        found.append(name)
    return found


def _split(alike: Iterable[Sequence[str]], name: str, options: Mapping[str, Mapping[str, Any]]) -> list[list[str]]:
    """Runs that were alike so far and are so in one more option; those that are alone are left out."""
    groups: dict[Hashable, list[str]] = {}
    for number, keys in enumerate(alike):
        for key in keys:
            groups.setdefault((number, _hashable(options[key].get(name))), []).append(key)
    return [keys for keys in groups.values() if len(keys) > 1]


def options_of(run: Mapping[str, Any]) -> dict[str, Any]:
    """What makes a run, with what its configuration leaves out; weight decays of layers only where they differ."""
    options = {**LEFT_OUT.get(run["kind"], {}), **run["config"], "kind": run["kind"]}
    options["result_version"] = run.get("result_version")
    decays: Sequence[float] = options.pop("wd_layers", None) or ()
    if len(set(decays)) == 1:
        options["wd"] = decays[0]
    elif decays:
        options["wd_layers"] = tuple(decays)
    return options


def _differ(name: str, group: Sequence[Mapping[str, Any]]) -> bool:
    if name == "wd_h1" and all(options.get("wd") == options.get(name) for options in group):
        return False  # λ says it
    return len({_hashable(options.get(name)) for options in group}) > 1


def _column(name: str, options: Mapping[str, Mapping[str, Any]]) -> Column:
    values = {key: each.get(name) for key, each in options.items()}
    distinct = {_hashable(value): value for value in values.values()}
    few = {shown_text(name, value, _DIGITS) for value in distinct.values()}
    digits = _DIGITS if len(few) == len(distinct) else None
    texts = {key: shown_text(name, value, digits) for key, value in values.items()}
    header = BY_NAME[name].title if name in BY_NAME else _SYMBOLS.get(name, name.replace("_", " "))

    def show(record: Record) -> str:
        return texts.get(record["id"], "")

    words = any(isinstance(value, str) for value in distinct.values())
    return Column(header, show, left=words, importance=_IMPORTANCE)


def _hashable(value: Any) -> Hashable:
    return repr(value) if isinstance(value, (list, dict)) else (type(value) is bool, value)


def shown_text(name: str, value: Any, digits: int | None = None) -> str:
    """The value of an option as text, numbers in full or with so many digits; "" for none."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return repr(value) if digits is None else f"{value:.{digits}g}"
    if isinstance(value, (list, tuple)):
        return ",".join(shown_text(name, each, digits) for each in value)
    return str(value)[:_PRINT_DIGITS] if name in _PRINTS else str(value)

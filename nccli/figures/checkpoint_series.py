"""Runs that are checkpoints of one training, as the series that figures draw."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from nccli.catalogue.runs import MEASURED_KINDS
from nccli.figures.figure import Row
from nccli.store import Comparison, Condition, OneOf, SettingRuns, columns_of

_OF_A_CHECKPOINT = frozenset({"state", "split", "layers"})
"""Options in which checkpoints of one series differ; of files of features also what names the file."""

_OF_A_FILE = frozenset({"data", "source"})


def is_checkpoint(row: Row) -> bool:
    """Whether a run is a checkpoint of a series."""
    return row["kind"] in MEASURED_KINDS and row["series"] is not None and row["step"] is not None


def by_series(members: Iterable[SettingRuns], where: Sequence[Condition]) -> Iterator[SettingRuns]:
    """Runs with settings that those of one series share; a checkpoint of several series is in each that is asked for.

    Args:
        members: runs by setting, each of which a checkpoint is alone.
        where: what was asked.
    """
    asked = _named(where)
    for member in members:
        row = member.row
        if not is_checkpoint(row):
            yield member
            continue
        own = _OF_A_CHECKPOINT | (_OF_A_FILE if row["kind"] == "features" else frozenset())
        shared = {name: value for name, value in row["config"].items() if name not in own}
        for name in row["series"].split(","):
            if not asked or name in asked:
                yield replace(member, row={**row, "series": name, "config": {"series": name, **shared}})


def latest(members: Sequence[SettingRuns]) -> tuple[SettingRuns, ...]:
    """Of the checkpoints among these the last of each part of the data, and all that are none."""
    last: dict[Any, int] = {}
    for member in members:
        if is_checkpoint(member.row):
            key = member.row["split"]
            last[key] = max(last.get(key, 0), member.row["step"])
    return tuple(m for m in members if not is_checkpoint(m.row) or m.row["step"] == last[m.row["split"]])


def _named(where: Sequence[Condition]) -> set[str]:
    """Series that conditions ask for by name."""
    found: set[str] = set()
    for each in where:
        if isinstance(each, Comparison) and each.column == "series" and each.operator == "=":
            found.add(str(each.value))
        elif isinstance(each, OneOf) and each.column == "series":
            found |= set(map(str, each.values))
    return found


def asks_for_checkpoints(where: Sequence[Condition]) -> bool:
    """Whether conditions are about checkpoints, which no training makes."""
    return not columns_of(where).isdisjoint(("series", "step", "split", "file"))

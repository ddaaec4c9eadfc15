"""Which conditions narrow a mixed store down to what fits into one figure."""

import shlex
from collections import Counter
from collections.abc import Sequence
from typing import Any

from nccli.catalogue.runs import TRAINED_KINDS
from nccli.figures.series import Series, axis_value
from nccli.figures.setting_axis import setting_value
from nccli.store import Comparison, Condition, OneOf, Selection, where_text

_SHOWN = 3
"""Groups that a refusal names: a taste."""

Key = tuple[Any, ...]


def largest_groups(series: Sequence[Series], most: int, columns: Sequence[str], selection: Selection) -> list[str]:
    """Options `--where …`, ready to be copied, of the groups with the most runs that have at most so many series.

    Args:
        series: more than these.
        most: series of a figure.
        columns: in which they differ, as `nccli.store.mixed_columns` has them.
        selection: of the runs, which stays in force.
    """
    known = {name: [_value(each, name) for each in series] for name in columns}
    usable = [name for name, values in known.items() if all(isinstance(each, int | float | str) for each in values)]
    chosen = _telling(known, usable, series, most)
    groups: dict[Key, list[Series]] = {}
    for i, each in enumerate(series):
        groups.setdefault(tuple(known[name][i] for name in chosen), []).append(each)
    fitting = {
        key: len({run for each in group for run in each.ids}) for key, group in groups.items() if len(group) <= most
    }
    order = sorted(fitting, key=lambda key: (-fitting[key], [str(value) for value in key]))
    return [_line(chosen, key, groups[key], fitting[key], selection) for key in order[:_SHOWN]]


def _value(series: Series, name: str) -> Any:
    """What all runs of a series have in a column; None where they have not the same."""
    option = name.removeprefix("config.")
    read = axis_value if name in series.row else setting_value
    found = {read(member.row, option if read is setting_value else name) for member in series.members}
    return found.pop() if len(found) == 1 else None


def _telling(known: dict[str, list[Any]], usable: Sequence[str], series: Sequence[Series], most: int) -> list[str]:
    """The fewest of the columns, one after another, whose values leave the largest group no more series than fit."""
    chosen: list[str] = []
    while (left := [name for name in usable if name not in chosen]) and _largest(known, chosen, series)[1] > most:
        found = {name: _largest(known, [*chosen, name], series) for name in left}
        fitting = [name for name, (_, count) in found.items() if count <= most]
        chosen.append(
            max(fitting, key=lambda name: found[name][0]) if fitting else min(left, key=lambda name: found[name][1])
        )
    return chosen


def _largest(known: dict[str, list[Any]], columns: Sequence[str], series: Sequence[Series]) -> tuple[int, int]:
    """Runs and series of the group that has the most runs."""
    runs: Counter[Key] = Counter()
    counts: Counter[Key] = Counter()
    for i, each in enumerate(series):
        key = tuple(known[name][i] for name in columns)
        runs[key] += len(each.ids)
        counts[key] += 1
    return max((runs[key], counts[key]) for key in runs)


def _line(columns: Sequence[str], key: Key, group: Sequence[Series], runs: int, selection: Selection) -> str:
    conditions: list[Condition] = [*selection.where]
    if selection.trained and "kind" not in columns:
        kinds = sorted({each.row["kind"] for each in group} & set(TRAINED_KINDS))
        conditions.append(Comparison("kind", "=", kinds[0]) if len(kinds) == 1 else OneOf("kind", tuple(kinds)))
    conditions += [Comparison(name, "=", value) for name, value in zip(columns, key, strict=True)]
    settings = f"{len(group)} setting{'s' * (len(group) > 1)}, {runs} run{'s' * (runs > 1)}"
    return f"--where {shlex.quote(where_text(conditions))}  # {settings}"

"""Two groups of runs with the same seeds: the difference of each pair, and its mean with an interval."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from nccli.catalogue.columns import GROUP, names
from nccli.errors import InputError, NothingFoundError
from nccli.metrics import RANK_RTOL
from nccli.store.query.groups import key_value
from nccli.store.query.objectives import OBJECTIVE
from nccli.store.query.quantities import QUANTITIES, measured
from nccli.store.query.selection import Selection

_CONFIDENCE = 0.95

_SHOWN = 4
"""Groups that an error names: a taste."""


@dataclass(frozen=True)
class _Run:
    """What a pair needs of a run."""

    values: Mapping[str, float | None]
    left_out: bool
    unsettled: bool


def require_pairing(column: str, keys: Sequence[str]) -> None:
    """Refuse a column that runs cannot be paired by.

    Raises:
        InputError: it is none of --group-by, or makes the groups too.
    """
    if column not in names(GROUP):
        raise InputError(f"--paired: no column '{column}'; pair by seed, or one of {', '.join(names(GROUP))}")
    if not keys:
        raise InputError(f"--paired {column} compares two groups: name what makes them, such as --group-by wd")
    if column in keys:
        raise InputError(f"--paired {column}: the groups of --group-by {','.join(keys)} differ in it; pair by another")


def paired_records(
    connection: Connection,
    selection: Selection,
    keys: Sequence[str],
    column: str,
    rank_rtol: float = RANK_RTOL,
    whole: bool = False,
) -> list[dict[str, Any]]:
    """Differences, the second group minus the first, over pairs of runs that agree in a column.

    Args:
        connection: to the store.
        selection: which runs.
        keys: columns that make the groups, which must be two.
        column: what both runs of a pair have in common.
        rank_rtol: tolerance of the ranks.
        whole: with pairs of which a run is zero, constant or lost classes too.

    Returns:
        A record for each of loss, ratio_dnc, ratio_srg and mean_rank, without loss where the groups are of different
        objectives: keys of both groups as `first` and `second`, `pairs` that have it, both means over these pairs,
        `difference` of them, its `sd` over pairs, and the 95 % interval `low`, `high` of Student's t for paired
        differences, None for fewer than two pairs; pairs `left_out`, and of the others those of which a run is
        `unsettled`.

    Raises:
        InputError: not two groups, or several runs of a group that agree in the column.
        NothingFoundError: no pair.
    """
    groups = _runs_of_groups(connection, selection, keys, column, rank_rtol, whole)
    if len(groups) != 2:
        told = ", ".join(_named(keys, group) for group in list(groups)[:_SHOWN]) + (", …" * (len(groups) > _SHOWN))
        raise InputError(f"--paired {column} compares two groups, these runs make {len(groups)} ({told}): use --where")
    (first, before), (second, after) = sorted(groups.items(), key=lambda each: [(v is None, v) for v in each[0]])
    common = sorted(before.keys() & after.keys(), key=str)
    if not common:
        raise NothingFoundError(f"--paired {column}: no {column} that runs of both groups have")
    pairs = [(before[value], after[value]) for value in common]
    kept = [(a, b) for a, b in pairs if not (a.left_out or b.left_out)]
    about = {
        "first": {key: key_value(key, value) for key, value in zip(keys, first, strict=True)},
        "second": {key: key_value(key, value) for key, value in zip(keys, second, strict=True)},
    }
    found = []
    unlike = about["first"].get(OBJECTIVE) != about["second"].get(OBJECTIVE)
    for name in QUANTITIES:
        if unlike and name == "loss":
            continue
        both = [(a.values[name], b.values[name]) for a, b in kept]
        numbers = [(x, y) for x, y in both if x is not None and y is not None]
        counts = {"left_out": len(pairs) - len(kept), "unsettled": sum(a.unsettled or b.unsettled for a, b in kept)}
        found.append({"quantity": name, **about, **_difference(numbers), **counts})
    return found


def _runs_of_groups(
    connection: Connection, selection: Selection, keys: Sequence[str], column: str, rank_rtol: float, whole: bool
) -> dict[tuple[Any, ...], dict[Any, _Run]]:
    """Runs by group, and there by what pairs them."""
    runs = measured(connection, selection, (*keys, column), rank_rtol, whole)
    groups: dict[tuple[Any, ...], dict[Any, _Run]] = {}
    numbers = zip(*(runs.quantities[name].tolist() for name in QUANTITIES), strict=True)
    about = zip(runs.group.tolist(), runs.degenerate.tolist(), runs.unsettled.tolist(), numbers, strict=True)
    for number, left_out, unsettled, values in about:
        *group, value = runs.keys[number]
        own = groups.setdefault(tuple(group), {})
        if value is None:
            continue
        if value in own:
            raise InputError(
                f"--paired {column}: {_named(keys, group)} has several runs with {column} = {value}: name in "
                "--group-by what they differ in, or narrow with --where"
            )
        known = {name: None if math.isnan(each) else each for name, each in zip(QUANTITIES, values, strict=True)}
        own[value] = _Run(known, left_out, unsettled)
    return groups


def _named(keys: Sequence[str], group: Sequence[Any]) -> str:
    return " ".join(f"{key} = {key_value(key, value)}" for key, value in zip(keys, group, strict=True))


def _difference(pairs: Sequence[tuple[float, float]]) -> dict[str, float | int | None]:
    """Means, and the interval of their difference."""
    count = len(pairs)
    if not count:
        return {"pairs": 0, **dict.fromkeys(("first_mean", "second_mean", "difference", "sd", "low", "high"))}
    means = [_mean(values) for values in zip(*pairs, strict=True)]
    differences = [after - before for before, after in pairs]
    mean = _mean(differences)
    told = {"pairs": count, "first_mean": means[0], "second_mean": means[1], "difference": mean}
    if count < 2:
        return {**told, "sd": None, "low": None, "high": None}
    from scipy.special import stdtrit  # takes a tenth of a second to load

    sd = math.sqrt(math.fsum((each - mean) ** 2 for each in differences) / (count - 1))
    half = float(stdtrit(count - 1, (1 + _CONFIDENCE) / 2)) * sd / math.sqrt(count)
    return {**told, "sd": sd, "low": mean - half, "high": mean + half}


def _mean(values: Sequence[float]) -> float:
    """Of numbers; nan where they are infinite both ways."""
    try:
        return math.fsum(values) / len(values)
    except ValueError:
        return math.nan

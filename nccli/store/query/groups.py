"""Means over groups of runs, worked out by the database."""

import math
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Double, case, cast, func, literal, select

from nccli.catalogue.columns import GROUP, RUN_COLUMNS, Role, names, of_role
from nccli.catalogue.runs import Finish
from nccli.catalogue.settings import LEFT_OUT, TYPES
from nccli.errors import InputError
from nccli.metrics import RANK_RTOL
from nccli.store.query.columns import as_decimal, column_expression, column_type
from nccli.store.query.quantities import QUANTITIES, SHARES, measured
from nccli.store.query.selection import Selection
from nccli.store.schema.tables import RUN

GROUP_COLUMNS = names(GROUP)
_OF_SETTING = tuple(name for name in of_role(Role.PROBLEM, Role.OPTION) if name not in ("seed", "config", "objective"))
_SETTINGS = tuple(name for name in _OF_SETTING if name in GROUP_COLUMNS)
"""Columns that say the same as an option of the configuration."""

_OPTION_OF = {column.option: column.name for column in RUN_COLUMNS if column.option}

_Setting = tuple[str, str]
"""A setting, and which end is meant."""

_SIZES = ("K", "L", "n", "width")
_FOLLOW = ("data", "samples", "state", "source", "layers", "balanced", "polish", "refine")
"""Options that differ where the data set, the network or `finish` does."""


def parse_group_by(text: str) -> tuple[str, ...]:
    """Read the columns of --group-by.

    Raises:
        InputError: a name that is not one of them.
    """
    keys = tuple(part.strip() for part in text.split(","))
    for key in keys:
        if key.startswith("config.") and key[7:].isidentifier():
            column_type(key, "--group-by")
        elif key not in GROUP_COLUMNS:
            raise InputError(
                f"--group-by: no column '{key}'; columns are {', '.join(GROUP_COLUMNS)}, config.NAME for any option"
            )
    return tuple(dict.fromkeys(keys))


def mixed_columns(connection: Connection, selection: Selection, keys: Sequence[str]) -> list[str]:
    """Settings, other than the keys, in which runs of one group differ, and `finish`; as --group-by takes them."""
    wanted = selection.condition(connection)
    labelled = [column.label(f"key_{i}") for i, column in enumerate(_group(keys))]
    pairs: dict[tuple[Any, ...], list[_Setting]] = {}
    finish = func.coalesce(RUN.c.finish, literal(Finish.PLAIN.value))
    for *group, setting, end in connection.execute(select(*labelled, RUN.c.setting, finish).where(wanted).distinct()):
        pairs.setdefault(tuple(group), []).append((setting, end))
    if all(len(settings) == 1 for settings in pairs.values()):
        return []
    one_each = select(func.min(RUN.c.id)).where(wanted).group_by(RUN.c.setting)
    sizes = [RUN.c[name] for name in _SIZES]
    query = select(RUN.c.setting, RUN.c.kind, RUN.c.config, *sizes).where(RUN.c.id.in_(one_each))
    options = {
        setting: {**_options(kind, config), **dict(zip(_SIZES, found, strict=True))}
        for setting, kind, config, *found in connection.execute(query)
    }
    found_settings = {each for settings in pairs.values() for each in settings}
    about = {(setting, end): {**options[setting], "finish": end} for setting, end in found_settings}
    names = dict.fromkeys((*_SETTINGS, "finish", *(name for each in options.values() for name in each)))
    own = {_shown_name(key[7:]) if key.startswith("config.") else key for key in keys}
    mixed = [
        name
        for name in names
        if name not in own
        and any(_differ(name, [about[setting].get(name) for setting in settings]) for settings in pairs.values())
    ]
    return [name for name in mixed if name.removeprefix("config.") not in _FOLLOW] or mixed


def _differ(name: str, values: Sequence[Any]) -> bool:
    """Whether an option has several values; unequal decays differ from equal ones in `wd` already."""
    return len(set(values) - ({None} if name == "config.wd_layers" else set())) > 1


def _options(kind: str, config: dict[str, Any]) -> dict[str, Any]:
    """What makes a run but its seed, by the names of columns, with what its configuration leaves out."""
    options = {"kind": kind, **LEFT_OUT.get(kind, {}), **config}
    options.pop("seed", None)
    decays = options.pop("wd_layers", [])
    if len(set(decays)) > 1:
        options["wd_layers"] = tuple(map(as_decimal, decays))
    elif decays:
        options["wd"] = decays[0]
    return {
        _shown_name(name): as_decimal(value) if isinstance(value, float) else value for name, value in options.items()
    }


def _shown_name(name: str) -> str:
    """Of an option, or of a column that says the same."""
    name = _OPTION_OF.get(name, name)
    return name if name in (*_SETTINGS, "seed") else f"config.{name}"


def group_records(
    connection: Connection,
    selection: Selection,
    keys: Sequence[str],
    rank_rtol: float = RANK_RTOL,
    whole: bool = False,
) -> list[dict[str, Any]]:
    """Mean, sample standard deviation, min, max and count over the runs of each group, groups in increasing order.

    Args:
        connection: to the store.
        selection: which runs.
        keys: columns that make the groups.
        rank_rtol: tolerance of the ranks; those at the default one are stored, others take a pass over all spectra.
        whole: average over runs that are zero, constant or lost classes too.

    Returns:
        For each group its keys, `runs`, how many of them are `left_out` of averages as they did not learn their
        classes, how many of all are `unsettled`, `loss`, `ratio_dnc`, `ratio_srg` and `mean_rank` with suffixes _mean,
        _sd (None for one value), _min, _max, _count (of values); of all runs the shares below the DNC loss and with
        outcome DNC, of those that are not left out the shares with equal hidden ranks and where DNC1 holds. A nan in a
        group makes its mean nan.
    """
    runs = measured(connection, selection, keys, rank_rtol, whole)
    names = [f"key_{i}" for i in range(len(keys))]
    groups = [runs.c[name] for name in names]
    means = [func.avg(runs.c[name]).over(partition_by=groups).label(f"{name}_mean") for name in QUANTITIES]
    around = select(runs, *means).subquery()
    columns: list[ColumnElement[Any]] = [around.c[name] for name in names]
    query = select(*columns, func.count().label("runs"), *_aggregates(around.c)).group_by(*columns)
    rows = [_row(keys, names, found._mapping) for found in connection.execute(query)]
    return sorted(rows, key=lambda row: [(row[key] is None, row[key]) for key in keys])


def _group(keys: Sequence[str]) -> list[ColumnElement[Any]]:
    return [column_expression(key) for key in keys]


def _aggregates(of: Any) -> list[ColumnElement[Any]]:
    found = []
    for name in QUANTITIES:
        deviation = of[name] - of[f"{name}_mean"]
        finite = case((func.abs(of[name]) <= literal(1.7e308), deviation * deviation))
        found += [func.min(of[f"{name}_mean"]).label(f"{name}_mean"), func.min(of[name]).label(f"{name}_min")]
        found += [func.max(of[name]).label(f"{name}_max"), func.count(of[name]).label(f"{name}_count")]
        found += [func.sum(finite).label(f"{name}_squares"), func.count(finite).label(f"{name}_finite")]
    found += [func.avg(cast(of[name], Double)).label(f"share_{name}") for name in SHARES]
    return [*found, *(func.sum(of[name]).label(name) for name in ("dnc_nan", "srg_nan", "degenerate", "unsettled"))]


def _row(keys: Sequence[str], names: Sequence[str], found: Any) -> dict[str, Any]:
    row: dict[str, Any] = {key: key_value(key, found[name]) for key, name in zip(keys, names, strict=True)}
    runs, left_out = int(found["runs"]), int(found["degenerate"])
    row |= {"runs": runs, "left_out": left_out, "unsettled": int(found["unsettled"])}
    nans = {"loss": runs - left_out - found["loss_count"], "ratio_dnc": found["dnc_nan"], "ratio_srg": found["srg_nan"]}
    for name in QUANTITIES:
        row |= _summary(name, found, bool(nans.get(name, 0)))
    return row | {f"share_{name}": found[f"share_{name}"] for name in SHARES}


def key_value(key: str, value: Any) -> Any:
    """A value of a key as records have it."""
    return bool(value) if value is not None and TYPES.get(key.removeprefix("config.")) is bool else value


def _summary(name: str, found: Any, with_nan: bool) -> dict[str, float | int | None]:
    mean, low, high = (found[f"{name}_{suffix}"] for suffix in ("mean", "min", "max"))
    count = int(found[f"{name}_count"])
    if with_nan:
        mean = low = high = spread = math.nan
    elif count < 2:
        spread = None
    elif found[f"{name}_finite"] < count:
        mean, spread = (math.nan if mean is None else mean), math.nan
    elif low == high:
        mean, spread = low, 0.0
    else:
        spread = math.sqrt(found[f"{name}_squares"] / (count - 1))
    return {f"{name}_mean": mean, f"{name}_sd": spread, f"{name}_min": low, f"{name}_max": high, f"{name}_count": count}

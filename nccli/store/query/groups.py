"""Means over groups of runs."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sqlalchemy import Connection, func, select

from nccli.catalogue.columns import GROUP, RUN_COLUMNS, Role, names, of_role
from nccli.catalogue.runs import Finish
from nccli.catalogue.settings import LEFT_OUT, TYPES
from nccli.errors import InputError
from nccli.metrics import RANK_RTOL
from nccli.store.connection.among import one_of
from nccli.store.query.columns import as_decimal, column_type, stored_expression
from nccli.store.query.quantities import QUANTITIES, SHARES, Measured, measured
from nccli.store.query.selection import Selection, Unindexed
from nccli.store.schema.tables import RUN

GROUP_COLUMNS = names(GROUP)
_OF_SETTING = tuple(name for name in of_role(Role.PROBLEM, Role.OPTION) if name not in ("seed", "config"))
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
    wanted, survey = selection.condition(connection), selection.surveyed(keys)
    pairs: dict[tuple[Any, ...], dict[_Setting, None]] = {}
    for *group, setting, end in _settings_of_groups(connection, selection, keys):
        meant = tuple(as_decimal(value) if isinstance(value, float) else value for value in group)
        pairs.setdefault(meant, {})[setting, end or Finish.PLAIN.value] = None
    if all(len(settings) == 1 for settings in pairs.values()):
        return []
    least = select(func.min(RUN.c.id)).where(wanted).group_by(Unindexed(RUN.c.setting))
    known = None if survey is None else survey.least_ids(("setting",))
    one_each = RUN.c.id.in_(least) if known is None else one_of(RUN.c.id, known, connection)
    sizes = [RUN.c[name] for name in _SIZES]
    query = select(RUN.c.setting, RUN.c.kind, RUN.c.config, *sizes).where(one_each)
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


def _settings_of_groups(connection: Connection, selection: Selection, keys: Sequence[str]) -> Iterable[Sequence[Any]]:
    """Values of the keys, setting and finish, of all runs, each once."""
    survey = selection.surveyed(keys)
    if survey is not None:
        return survey.groups((*keys, "setting", "finish"))[0]
    labelled = [Unindexed(stored_expression(key)).label(f"key_{i}") for i, key in enumerate(keys)]
    query = select(*labelled, Unindexed(RUN.c.setting), RUN.c.finish).where(selection.condition(connection))
    return connection.execute(query.distinct())


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
    of_groups = _of_groups(runs)
    rows = [_row(keys, key, {name: values[i] for name, values in of_groups.items()}) for i, key in enumerate(runs.keys)]
    return sorted(rows, key=lambda row: [(row[key] is None, row[key]) for key in keys])


def _of_groups(runs: Measured) -> dict[str, list[Any]]:
    """Counts, sums and extremes by group, in the order of the groups; None where none of its runs has a value."""
    size = len(runs.keys)
    found: dict[str, list[Any]] = {"runs": np.bincount(runs.group, minlength=size).tolist()}
    with np.errstate(invalid="ignore", over="ignore"):
        for name, values in runs.quantities.items():
            found |= {f"{name}_{what}": each for what, each in _spread(runs.group, values, size).items()}
    for name, values in runs.shares.items():
        there = ~np.isnan(values)
        count = np.bincount(runs.group[there], minlength=size)
        found[f"share_{name}"] = _means(np.bincount(runs.group[there], values[there], size), count)
    flags = {"left_out": runs.degenerate, "unsettled": runs.unsettled, **runs.not_numbers}
    return found | {name: np.bincount(runs.group[flag], minlength=size).tolist() for name, flag in flags.items()}


def _spread(group: Int[np.ndarray, " runs"], values: Float[np.ndarray, " runs"], size: int) -> dict[str, list[Any]]:
    """Mean, extremes, number and squared deviations of values that there are, by group."""
    there = ~np.isnan(values)
    own, values = group[there], values[there]
    count = np.bincount(own, minlength=size)
    mean = _means(np.bincount(own, values, size), count)
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(low, own, values)
    np.maximum.at(high, own, values)
    finite = np.isfinite(values)
    deviation = values[finite] - np.array(mean, dtype=np.float64)[own[finite]]
    return {
        "mean": mean,
        "min": low.tolist(),
        "max": high.tolist(),
        "count": count.tolist(),
        "squares": np.bincount(own[finite], deviation * deviation, size).tolist(),
        "finite": np.bincount(own[finite], minlength=size).tolist(),
    }


def _means(sums: Float[np.ndarray, " groups"], count: Int[np.ndarray, " groups"]) -> list[float | None]:
    return [total / of if of else None for total, of in zip(sums.tolist(), count.tolist(), strict=True)]


def _row(keys: Sequence[str], group: Sequence[Any], found: Mapping[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {key: key_value(key, value) for key, value in zip(keys, group, strict=True)}
    row |= {name: found[name] for name in ("runs", "left_out", "unsettled")}
    not_numbers = {"loss": found["runs"] - found["left_out"] - found["loss_count"], **found}
    for name in QUANTITIES:
        row |= _summary(name, found, bool(not_numbers.get(name, 0)))
    return row | {f"share_{name}": found[f"share_{name}"] for name in SHARES}


def key_value(key: str, value: Any) -> Any:
    """A value of a key as records have it."""
    return bool(value) if value is not None and TYPES.get(key.removeprefix("config.")) is bool else value


def _summary(name: str, found: Any, with_nan: bool) -> dict[str, float | int | None]:
    count = found[f"{name}_count"]
    mean, low, high = (found[f"{name}_{suffix}"] if count else None for suffix in ("mean", "min", "max"))
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

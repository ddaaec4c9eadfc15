"""Tables of many runs column by column, without an object a row."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import sqlalchemy as sa
from jaxtyping import Float, Int
from sqlalchemy import Connection, func, select

from nccli.catalogue.stages import When
from nccli.store.connection.among import listed, pages
from nccli.store.query.select import plain_rows
from nccli.store.query.sound_columns import keep
from nccli.store.schema.tables import LAYER, RUN, SINGULAR_VALUE

_AT_ONCE = 2_000
"""Runs read at once. Measured: from 1,000 to 5,000 the time is the same; their singular values take some 20 MB."""

_MANY = 20_000
"""A taste: of so many runs columns without any value are looked for first, which takes a look at the whole table."""

_KEY = ("run_id", "layer", "stage")
_LATE = {When.PRE.value: 0, When.POST.value: 1}


@dataclass(frozen=True)
class RunColumns:
    """Rows of table `run`.

    Attributes:
        order: where the row of each run stands, in the order asked for.
        columns: by name, as the driver has them; None for a column in which no row has anything.
    """

    order: Int[np.ndarray, " runs"]
    columns: Mapping[str, Sequence[Any] | None]


@dataclass(frozen=True)
class LayerColumns:
    """Rows of table `layer` by run in the order asked for, (1, post), (2, pre), (2, post), … first to last.

    Attributes:
        order: where each row stands.
        run: where its run stands among the ids.
        code: a number for run, layer and stage, which increases.
        columns: as of `RunColumns`.
    """

    order: Int[np.ndarray, " rows"]
    run: Int[np.ndarray, " rows"]
    code: Int[np.ndarray, " rows"]
    columns: Mapping[str, Sequence[Any] | None]


@dataclass(frozen=True)
class SpectrumColumns:
    """Singular values of layers in the order of `LayerColumns`, largest first.

    Attributes:
        row: of each value, where its layer stands in that order.
        index: 1 for the largest.
        value: the singular value.
    """

    row: Int[np.ndarray, " values"]
    index: Int[np.ndarray, " values"]
    value: Float[np.ndarray, " values"]


def run_columns(
    connection: Connection, ids: Sequence[str], names: Sequence[str], checked: bool = False
) -> RunColumns | None:
    """Columns of table `run`, the id beside those asked for.

    Args:
        connection: to the store.
        ids: of the runs.
        names: of columns.
        checked: whether `nccli.store.query.unreadable` finds nothing in the runs, which has the last word.

    Returns:
        None where a run is missing, or a value may break the rule of its column.
    """
    found = _read(connection, RUN, ids, tuple(dict.fromkeys(("id", *names))))
    place = {key: i for i, key in enumerate(found["id"] or ())}
    if not place.keys() >= set(ids) or not (checked or _keeps("run", found)):
        return None
    return RunColumns(np.array([place[key] for key in ids], dtype=np.int64), found)


def layer_columns(
    connection: Connection, ids: Sequence[str], names: Sequence[str], checked: bool = False
) -> LayerColumns | None:
    """Columns of table `layer`, keys beside those asked for; arguments and None as of `run_columns`."""
    found = _read(connection, LAYER, ids, tuple(dict.fromkeys((*_KEY, *names))))
    runs, layers, stages = (found[name] or () for name in _KEY)
    if not (checked or _keeps("layer", {name: values for name, values in found.items() if name != "run_id"})):
        return None
    run = _positions(ids, runs)
    code = _codes(run, layers, stages)
    order = np.argsort(code, kind="stable")
    return LayerColumns(order, run[order], code[order], found)


def spectrum_columns(
    connection: Connection, ids: Sequence[str], layers: LayerColumns, checked: bool = False
) -> SpectrumColumns | None:
    """Singular values of layers that were read; None also where they are not numbered from 1, or of no layer."""
    value = SINGULAR_VALUE.c
    keys, numbers, values = list[Any](), [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for part in pages(sorted(ids), _AT_ONCE):
        own = listed(value.run_id, part, connection)
        by_key = (value.run_id, value.layer, value.stage)
        keys += plain_rows(connection, select(*by_key).where(own, value.index == 1).order_by(*by_key))
        rows = plain_rows(connection, select(value.index, value.value).where(own).order_by(*by_key, value.index))
        if rows:
            index, of_index = zip(*rows, strict=True)
            if not checked and not keep("singular_value", {"index": index, "value": of_index}):
                return None
            numbers.append(np.array(index, dtype=np.int64))
            values.append(np.array(of_index, dtype=np.float64))
    number = np.concatenate(numbers)
    starts = np.flatnonzero(number == 1)
    runs, of_layers, stages = zip(*keys, strict=True) if keys else ((), (), ())
    place = _places(layers.code, _codes(_positions(ids, runs), of_layers, stages))
    if place is None or len(starts) != len(keys):
        return None
    sizes = np.diff(starts, append=len(number))
    if not np.array_equal(number, np.arange(len(number)) - np.repeat(starts, sizes) + 1):
        return None
    order = np.argsort(place, kind="stable")
    first = np.repeat(starts[order], sizes[order])
    count = np.arange(len(number)) - np.repeat(np.cumsum(sizes[order]) - sizes[order], sizes[order])
    taken = first + count
    return SpectrumColumns(np.repeat(place[order], sizes[order]), number[taken], np.concatenate(values)[taken])


def _read(
    connection: Connection, table: sa.Table, ids: Sequence[str], names: Sequence[str]
) -> dict[str, list[Any] | None]:
    """Columns of a table, rows of some runs, in whatever order."""
    run = table.c.id if table is RUN else table.c.run_id
    empty = _empty(connection, table, names) if len(ids) > _MANY else frozenset()
    read = [name for name in names if name not in empty]
    found: dict[str, list[Any]] = {name: [] for name in read}
    for part in pages(sorted(ids), _AT_ONCE):
        rows = plain_rows(connection, select(*(table.c[name] for name in read)).where(listed(run, part, connection)))
        for name, values in zip(read, zip(*rows, strict=True), strict=bool(rows)):
            found[name].extend(values)
    return {name: found.get(name) for name in names}


def _keeps(table: str, columns: Mapping[str, Sequence[Any] | None]) -> bool:
    """Whether values keep to the rules of a table; a column without any is nullable."""
    return keep(table, {name: values for name, values in columns.items() if values is not None})


def _empty(connection: Connection, table: sa.Table, names: Sequence[str]) -> frozenset[str]:
    """Columns in which no row of a table has anything: measured, to leave them out saves half of the time."""
    nullable = [name for name in names if table.c[name].nullable]
    if not nullable:
        return frozenset()
    (counts,) = connection.execute(select(*(func.count(table.c[name]) for name in nullable)).select_from(table))
    return frozenset(name for name, count in zip(nullable, counts, strict=True) if not count)


def _positions(ids: Sequence[str], runs: Sequence[str]) -> Int[np.ndarray, " rows"]:
    place = {key: i for i, key in enumerate(ids)}
    return np.array([place[key] for key in runs], dtype=np.int64)


def _codes(run: Int[np.ndarray, " rows"], layers: Sequence[int], stages: Sequence[str]) -> Int[np.ndarray, " rows"]:
    """A number for each layer at a stage of a run, in the order of `LayerColumns`; layers are below 2²⁰."""
    late = np.fromiter(map(_LATE.__getitem__, stages), dtype=np.int64, count=len(stages))
    return np.asarray((run << 21) + (np.array(layers, dtype=np.int64) << 1) + late)


def _places(codes: Int[np.ndarray, " rows"], wanted: Int[np.ndarray, " layers"]) -> Int[np.ndarray, " layers"] | None:
    """Where numbers stand among others, which increase; None if one is not there."""
    found = np.searchsorted(codes, wanted)
    there = len(codes) and (found < len(codes)).all() and np.array_equal(codes[found], wanted)
    return found if there or not len(wanted) else None

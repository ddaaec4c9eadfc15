"""Quantities of many runs that have the same layers, as arrays: what figures average over."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sqlalchemy import ColumnElement, Connection, Double, Text, select, type_coerce

from nccli.catalogue.stages import Stage
from nccli.errors import StoreError
from nccli.store.connection.among import one_of
from nccli.store.schema.tables import HISTORY, LAYER, SINGULAR_VALUE

_FEW = 200  # rows at once: measured, a long list of short-lived rows costs twice the time
_MOST_STEPS = 400
"""Steps of a curve: more than a column of print has dots to tell apart (3.25 in at 300 dpi, minus margins, by 2)."""

_LAYER, _VALUE, _HISTORY = LAYER.c, SINGULAR_VALUE.c, HISTORY.c


@dataclass(frozen=True, eq=False)
class Stacked:
    """A quantity of the layers of several runs.

    Attributes:
        ids: those of the runs that have layers, in increasing order.
        values: by stage, a row a run.
    """

    ids: list[str]
    values: Mapping[Stage, Float[np.ndarray, "runs *of_a_layer"]]


@dataclass(frozen=True, eq=False)
class StackedHistory:
    """Measurements during training of several runs, at common steps: of each run the latest up to there.

    Attributes:
        ids: those of the runs that have a history, in increasing order.
        steps: every step at which one of the runs was measured; evenly thinned where there are very many.
        last: step of the last measurement of each run.
        loss, fit, reg: of each run at each step.
        dnc1, rank: by layer too, over (1, post), (2, pre), (2, post), …
    """

    ids: list[str]
    steps: Int[np.ndarray, " steps"]
    last: Int[np.ndarray, " runs"]
    loss: Float[np.ndarray, "runs steps"]
    fit: Float[np.ndarray, "runs steps"]
    reg: Float[np.ndarray, "runs steps"]
    dnc1: Float[np.ndarray, "runs steps stages"]
    rank: Float[np.ndarray, "runs steps stages"]


def stack_spectra(connection: Connection, ids: Sequence[str]) -> Stacked:
    """Singular values of the class means, largest first, of runs that have the same layers.

    Raises:
        StoreError: they have not.
    """
    return _stack(connection, ids, _VALUE, (_VALUE.layer, _VALUE.stage, _VALUE.index), _VALUE.value)


def stack_layers(connection: Connection, ids: Sequence[str], column: str) -> Stacked:
    """A column of table `layer`, one number a layer, of runs that have the same layers.

    Raises:
        StoreError: they have not.
    """
    stacked = _stack(connection, ids, _LAYER, (_LAYER.layer, _LAYER.stage), _LAYER[column])
    return Stacked(stacked.ids, {stage: values[:, 0] for stage, values in stacked.values.items()})


def stack_history(connection: Connection, ids: Sequence[str]) -> StackedHistory:
    """Histories of runs that have the same layers."""
    numbers = [type_coerce(_HISTORY[name], Double) for name in ("loss", "fit", "reg")]
    lists = [type_coerce(_HISTORY[name], Text) for name in ("dnc1", "rank")]
    query = select(_HISTORY.run_id, _HISTORY.step, *numbers, *lists).where(one_of(_HISTORY.run_id, ids, connection))
    rows = connection.execute(query.order_by(_HISTORY.run_id, _HISTORY.step)).all()
    if not rows:
        nothing = np.zeros((0, 0))
        none, empty = np.zeros(0, int), nothing[..., None]
        return StackedHistory([], none, none, nothing, nothing, nothing, empty, empty)
    keys, steps, *columns = zip(*rows, strict=True)
    place = np.array(steps)
    common = np.unique(place)
    if common.size > _MOST_STEPS:
        common = common[np.unique(np.linspace(0, common.size - 1, _MOST_STEPS).round().astype(int))]
    starts = _starts(keys)
    ends = [*starts[1:], len(keys)]
    latest = np.stack(
        [
            begin + np.maximum(np.searchsorted(place[begin:end], common, side="right") - 1, 0)
            for begin, end in zip(starts, ends, strict=True)
        ]
    )
    loss, fit, reg = (np.array(column, dtype=float)[latest] for column in columns[:3])
    dnc1, rank = (np.array(json.loads(f"[{','.join(texts)}]"), dtype=float)[latest] for texts in columns[3:])
    last = place[np.array(ends) - 1]
    return StackedHistory([keys[start] for start in starts], common, last, loss, fit, reg, dnc1, rank)


def _stack(
    connection: Connection, ids: Sequence[str], table: Any, key: Sequence[ColumnElement[Any]], value: ColumnElement[Any]
) -> Stacked:
    """Rows of a table by run, in the order of its key: the runs must have the same keys."""
    wanted = one_of(table.run_id, ids, connection)
    own = _keys_of_one(connection, wanted, table.run_id, key)
    first = [column == part for column, part in zip(key, own[0] if own else (), strict=False)]
    found = list(connection.scalars(select(table.run_id).where(wanted, *first).order_by(table.run_id)))
    numbers: list[float] = []
    for few in connection.scalars(select(value).where(wanted).order_by(table.run_id, *key)).partitions(_FEW):
        numbers += few
    if len(numbers) != len(found) * len(own):
        raise StoreError(f"runs such as {found[0]} have the same settings but other layers: see nccli store check")
    array = np.array(numbers, dtype=float).reshape(len(found), len(own))
    columns: dict[Stage, list[int]] = {}
    for position, row in enumerate(own):
        columns.setdefault(Stage(row[0], row[1]), []).append(position)
    return Stacked(found, {stage: array[:, positions] for stage, positions in columns.items()})


def _keys_of_one(
    connection: Connection, wanted: ColumnElement[bool], run: ColumnElement[str], key: Sequence[ColumnElement[Any]]
) -> Sequence[Any]:
    """The keys of the first of the runs that has any, in order."""
    first = connection.scalar(select(run).where(wanted).order_by(run).limit(1))
    return connection.execute(select(*key).where(run == first).order_by(*key)).all()


def _starts(keys: Sequence[str]) -> list[int]:
    """Where each run begins in a column of run ids, one after the other."""
    return [i for i, (before, own) in enumerate(zip(chain([None], keys), keys, strict=False)) if before != own]

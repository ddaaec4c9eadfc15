"""Quantities of many runs that have the same layers, as arrays: what figures average over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sqlalchemy import ColumnElement, Connection, select

from nccli.catalogue.stages import Stage
from nccli.errors import StoreError
from nccli.store.blocks.history import SPECTRA, TRAJECTORY, unpack_history
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
        spectra: singular values by layer, where every run kept its trajectory; else None.
    """

    ids: list[str]
    steps: Int[np.ndarray, " steps"]
    last: Int[np.ndarray, " runs"]
    loss: Float[np.ndarray, "runs steps"]
    fit: Float[np.ndarray, "runs steps"]
    reg: Float[np.ndarray, "runs steps"]
    dnc1: Float[np.ndarray, "runs steps stages"]
    rank: Float[np.ndarray, "runs steps stages"]
    spectra: Float[np.ndarray, "runs steps stages K"] | None = None


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
    query = select(_HISTORY.run_id, _HISTORY.block).where(one_of(_HISTORY.run_id, ids, connection))
    rows = connection.execute(query.order_by(_HISTORY.run_id)).all()
    if not rows:
        nothing = np.zeros((0, 0))
        none, empty = np.zeros(0, int), nothing[..., None]
        return StackedHistory([], none, none, nothing, nothing, nothing, empty, empty)
    found = [unpack_history(block) for _, block in rows]
    common = np.unique(np.concatenate([each["step"] for each in found]))
    if common.size > _MOST_STEPS:
        common = common[np.unique(np.linspace(0, common.size - 1, _MOST_STEPS).round().astype(int))]
    latest = [np.maximum(np.searchsorted(each["step"], common, side="right") - 1, 0) for each in found]

    def stacked(name: str) -> Float[np.ndarray, "runs steps *stages"]:
        return np.stack([each[name].T[at].astype(float) for each, at in zip(found, latest, strict=True)])

    last = np.array([each["step"][-1] for each in found])
    names = ("loss", "fit", "reg", "dnc1", "rank")
    whole = all(set(TRAJECTORY) <= set(each) for each in found)
    spectra = stacked(SPECTRA).swapaxes(-1, -2) if whole else None
    return StackedHistory(
        [row[0] for row in rows], common, last, **{name: stacked(name) for name in names}, spectra=spectra
    )


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

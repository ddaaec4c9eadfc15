"""A page of runs, read whole and looked over as it was read, which takes a third of the time of looking first."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, chain, groupby, pairwise
from typing import Any

from sqlalchemy import Connection, and_, func, select

from nccli.catalogue.runs import ENDED_WELL, MEASURED_KINDS
from nccli.catalogue.stages import Stage, When
from nccli.metrics import RANK_RTOL
from nccli.store.connection.among import listed
from nccli.store.query.select import plain_rows, select_ranks
from nccli.store.query.sound_columns import keep, keep_configs
from nccli.store.schema.tables import LAYER, RUN, SINGULAR_VALUE

_MOST_VALUES = 200_000
"""Singular values in memory at once. A bound: with the texts that are made of them they take some 60 MB."""

_KEY = ("run_id", "layer", "stage")
_PLACES = 256
"""A taste: sets of layers and stages that are remembered; runs of one L have one."""

Columns = Mapping[str, Sequence[Any]]


@dataclass(frozen=True)
class RunPage:
    """Runs, column by column, as the driver has them: nan is None, a configuration is text.

    Attributes:
        runs: columns of table `run`, by name, in the order asked for.
        layers: columns of table `layer`, by name, those of a run together.
        layers_of: for each run where its layers stand there: (1, post), (2, pre), (2, post), … first to last.
        values: singular values, those of a layer together, in the order of the layers.
        spectra: for each layer where its singular values begin, and one more for the end of the last.
    """

    runs: Columns
    layers: Columns
    layers_of: Sequence[Sequence[int]]
    values: Sequence[float]
    spectra: Sequence[int]


def run_pages(
    connection: Connection, ids: Sequence[str], rank_rtol: float = RANK_RTOL
) -> Iterator[tuple[Sequence[str], RunPage | None]]:
    """Runs, so many at a time that what is read of them is small.

    Args:
        connection: to the store.
        ids: of the runs.
        rank_rtol: tolerance of the ranks.

    Returns:
        Ids of runs, and these runs, all there and readable; None where that is not sure.
    """
    if set(map(type, ids)) != {str}:  # damage may leave bytes
        yield ids, None
        return
    values = _values(connection, ids)
    if values > _MOST_VALUES and len(ids) > 1:
        for half in (ids[: len(ids) // 2], ids[len(ids) // 2 :]):
            yield from run_pages(connection, half, rank_rtol)
    else:
        yield ids, _page(connection, ids, values, rank_rtol)


def _values(connection: Connection, ids: Sequence[str]) -> int:
    """How many singular values runs have, those of no layer too."""
    wanted = listed(SINGULAR_VALUE.c.run_id, ids, connection)
    return int(connection.scalar(select(func.count()).select_from(SINGULAR_VALUE).where(wanted)) or 0)


def _page(connection: Connection, ids: Sequence[str], values: int, rank_rtol: float) -> RunPage | None:
    try:
        runs = _runs(connection, ids)
        layers = None if runs is None else _layers(connection, ids)
        spectra = None if layers is None else _spectra(connection, ids)
    except (sqlite3.Error, UnicodeDecodeError):  # of rows: text that is none
        return None
    if runs is None or layers is None or spectra is None:
        return None
    found, starts = spectra
    if len(found) != values or len(starts) != len(layers["layer"]) + 1:
        return None
    layers_of = _layers_of(runs, layers)
    if layers_of is None:
        return None
    if rank_rtol != RANK_RTOL:
        ranks = select_ranks(connection, ids, rank_rtol)
        each = zip(*(layers[name] for name in _KEY), strict=True)
        layers = {**layers, "rank": [ranks[run].get(Stage(layer, stage)) for run, layer, stage in each]}
    return RunPage(runs, layers, layers_of, found, starts)


def _columns(names: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> Columns:
    return dict(zip(names, zip(*rows, strict=True) if rows else [()] * len(names), strict=True))


def _runs(connection: Connection, ids: Sequence[str]) -> Columns | None:
    """Columns of table `run` in the order of the ids, if they keep to their rules."""
    rows = {row[0]: row for row in plain_rows(connection, select(*RUN.c).where(listed(RUN.c.id, ids, connection)))}
    if len(rows) != len(ids) or not rows.keys() >= set(ids):
        return None
    runs = _columns(RUN.c.keys(), [rows[key] for key in ids])
    sound = keep("run", runs) and keep_configs(runs["config"], runs["L"], runs["loss_dnc"])
    return runs if sound else None


def _layers(connection: Connection, ids: Sequence[str]) -> Columns | None:
    """Columns of table `layer` in the order of its key, if they keep to their rules."""
    wanted = listed(LAYER.c.run_id, ids, connection)
    layers = _columns(
        LAYER.c.keys(), plain_rows(connection, select(*LAYER.c).where(wanted).order_by(*(LAYER.c[k] for k in _KEY)))
    )
    sound = keep("layer", {name: values for name, values in layers.items() if name != "run_id"})
    return layers if sound else None


def _spectra(connection: Connection, ids: Sequence[str]) -> tuple[Sequence[float], Sequence[int]] | None:
    """Singular values of layers in the order of their key, and where each spectrum begins, if all are numbered from 1.

    A row of no layer is missing among them; damage may let a search by the key find rows of another.
    """
    value = SINGULAR_VALUE.c
    own = and_(*(LAYER.c[name] == value[name] for name in _KEY))
    joined = LAYER.outerjoin(SINGULAR_VALUE, own)
    query = select(value.index, value.value, own).select_from(joined).where(listed(LAYER.c.run_id, ids, connection))
    rows = plain_rows(connection, query.order_by(*(LAYER.c[name] for name in _KEY), value.index))
    index, values, are_own = _columns(("index", "value", "own"), rows).values()
    if not all(are_own) or not keep("singular_value", {"index": index, "value": values}):
        return None
    starts = [*(i for i, number in enumerate(index) if number == 1), len(index)]
    sizes = [end - start for start, end in pairwise(starts)]
    if index != tuple(chain.from_iterable(range(1, size + 1) for size in sizes)):
        return None
    return values, starts


def _layers_of(runs: Columns, layers: Columns) -> Sequence[Sequence[int]] | None:
    """`RunPage.layers_of`, if every run that ended well has none or all of its layers."""
    own = [(key, sum(1 for _ in each)) for key, each in groupby(layers["run_id"])]
    ends = accumulate(count for _, count in own)
    places = list(zip(layers["layer"], layers["stage"], strict=True))
    found = {}
    for (key, count), end in zip(own, ends, strict=True):
        found[key] = [end - count + i for i in _in_order(tuple(places[end - count : end]))]
    if len(found) != len(own) or not found.keys() <= set(runs["id"]):
        return None
    layers_of = [found.get(key, ()) for key in runs["id"]]
    for status, kind, L, there in zip(runs["status"], runs["kind"], runs["L"], layers_of, strict=True):
        whole = L if kind in MEASURED_KINDS else 2 * L - 1
        if status in ENDED_WELL and len(there) not in (0, whole):
            return None
    return layers_of


@lru_cache(_PLACES)
def _in_order(places: tuple[Stage, ...]) -> tuple[int, ...]:
    """Which of the places comes first, second, …: before the activation stands before after it."""
    return tuple(sorted(range(len(places)), key=lambda i: (places[i][0], places[i][1] != When.PRE.value)))

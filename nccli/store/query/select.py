"""Reading runs. Every reading command and every figure gets its rows here."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from itertools import chain, islice
from typing import Any, TypeVar

import numpy as np
from jaxtyping import Float
from sqlalchemy import Connection, Select, and_, case, false, func, or_, select

from nccli.catalogue.runs import RESULT_VERSIONS, Finish, Kind, Status
from nccli.catalogue.stages import Stage, When
from nccli.errors import InputError, NothingFoundError
from nccli.metrics import RANK_RTOL, ZERO_FLOOR
from nccli.store.blocks.history import history_rows
from nccli.store.blocks.matrices import CLASS_MEANS, unpack_matrices
from nccli.store.connection.among import one_of
from nccli.store.query.ranks import counts
from nccli.store.query.where import Condition
from nccli.store.schema.tables import HISTORY, LAYER, MATRIX, RUN, SINGULAR_VALUE

_STAGE = ("run_id", "layer", "stage")
_VALUE = SINGULAR_VALUE.c
IN_ORDER = (LAYER.c.run_id, LAYER.c.layer, case((LAYER.c.stage == When.PRE.value, 0), else_=1))
"""Rows of table `layer` by run, (1, post), (2, pre), (2, post), … first to last."""

Row = dict[str, Any]
T = TypeVar("T")

GRAM = "gram"
"""Name of what is made of class means when it is asked for."""

_FETCHED = 10_000
"""Rows in memory at once: some MB."""

_DIGITS = 12
"""Of a run id."""


def find_ids(connection: Connection, prefixes: Iterable[str]) -> list[str]:
    """Full ids for ids or unique prefixes, in the order given, each once.

    Raises:
        InputError: a prefix of several runs, or text that is no id.
        NothingFoundError: a prefix of no run.
    """
    asked = list(prefixes)
    whole = set(
        select_ids(connection, [prefix for prefix in asked if len(prefix) == _DIGITS])
    )  # one query, not one each
    found: dict[str, None] = {}
    for prefix in asked:
        if prefix in whole:
            found[prefix] = None
            continue
        wanted = prefix.strip().lower()
        if not wanted or any(c not in "0123456789abcdef" for c in wanted):
            raise InputError(f"'{prefix}' is not a run id: ids are 12 hex digits, or their first few")
        upper = wanted + "g"  # 'g' sorts after every hex digit
        ids = list(connection.scalars(select(RUN.c.id).where(RUN.c.id >= wanted, RUN.c.id < upper).limit(3)))
        if not ids:
            raise NothingFoundError(f"no run {prefix} in the store: nccli runs list shows what there is")
        if len(ids) > 1:
            shown = ", ".join(ids[:2]) + (", …" if len(ids) > 2 else "")
            raise InputError(f"'{prefix}' is the start of several runs ({shown}): give more digits")
        found[ids[0]] = None
    return list(found)


def existing_statuses(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Status of those of the runs that are stored."""
    query = select(RUN.c.id, RUN.c.status).where(one_of(RUN.c.id, ids, connection))
    return {row.id: row.status for row in connection.execute(query)}


def select_runs(
    connection: Connection,
    ids: Sequence[str] | None = None,
    where: Sequence[Condition] = (),
    limit: int | None = None,
) -> list[Row]:
    """Rows of table `run`: of the ids in their order, or, for None, of all runs, newest first; `where` narrows both."""
    query = select(*RUN.c).where(*(comparison.as_sql() for comparison in where))
    if ids is None:
        return _dictionaries(connection, query.order_by(RUN.c.created.desc(), RUN.c.id).limit(limit))
    rows = {row["id"]: row for row in _dictionaries(connection, query.where(one_of(RUN.c.id, ids, connection)))}
    return [rows[key] for key in ids if key in rows][:limit]


def find_beginnings(connection: Connection, sizes: Collection[tuple[int, int, int]]) -> list[Row]:
    """Descents of these K, L and n, as they are made now, whose budget ran out: others may go on from there."""
    of_sizes = [and_(RUN.c.K == K, RUN.c.L == L, RUN.c.n == n) for K, L, n in sorted(set(sizes))]
    descents = (RUN.c.kind == Kind.DUFM.value, RUN.c.result_version == RESULT_VERSIONS[Kind.DUFM.value])
    ended = (RUN.c.status == Status.STOPPED.value, RUN.c.finish == Finish.PLAIN.value)
    return _dictionaries(connection, select(*RUN.c).where(*descents, *ended, or_(false(), *of_sizes)))


def _dictionaries(connection: Connection, query: Select[Any]) -> list[Row]:
    """Rows by the names of their columns."""
    found = connection.execute(query)
    names = list(found.keys())
    return [dict(zip(names, row, strict=True)) for row in found.all()]


def select_ids(
    connection: Connection,
    ids: Sequence[str] | None = None,
    where: Sequence[Condition] = (),
    limit: int | None = None,
) -> list[str]:
    """As `select_runs`, ids alone: also of runs that cannot be read."""
    query = select(RUN.c.id).where(*(comparison.as_sql() for comparison in where))
    if ids is None:
        return list(connection.scalars(query.order_by(RUN.c.created.desc(), RUN.c.id).limit(limit)))
    found = set(connection.scalars(query.where(one_of(RUN.c.id, ids, connection))))
    return [key for key in ids if key in found][:limit]


def select_layers(connection: Connection, ids: Sequence[str]) -> dict[str, list[Row]]:
    """Rows of table `layer` by run, (1, post), (2, pre), (2, post), … first to last."""
    found = by_run(list[Row], ids)
    query = select(*LAYER.c).where(one_of(LAYER.c.run_id, ids, connection)).order_by(*IN_ORDER)
    for row in connection.execute(query):
        found[row.run_id].append({key: value for key, value in row._mapping.items() if key != "run_id"})
    return found


def select_ranks(
    connection: Connection, ids: Sequence[str], rtol: float = RANK_RTOL, floor: float = ZERO_FLOOR
) -> dict[str, dict[Stage, int]]:
    """Numerical rank of the class means by run and stage, from the stored spectra at any tolerance."""
    found = by_run(dict[Stage, int], ids)
    if rtol == RANK_RTOL and floor == ZERO_FLOOR:
        query = select(*(LAYER.c[name] for name in (*_STAGE, "rank"))).where(one_of(LAYER.c.run_id, ids, connection))
    else:
        own, wanted = [_VALUE[name] for name in _STAGE], one_of(_VALUE.run_id, ids, connection)
        first = select(*own, _VALUE.value.label("top")).where(_VALUE.index == 1, wanted).subquery()
        same = and_(*(_VALUE[name] == first.c[name] for name in _STAGE))
        counted = func.sum(case((counts(_VALUE.value, first.c.top, rtol, floor), 1), else_=0))
        query = select(*own, counted).join(first, same).group_by(*own)
    for run, layer, stage, rank in connection.execute(query):
        found[run][Stage(layer, stage)] = int(rank)
    return found


def select_spectra(connection: Connection, ids: Sequence[str]) -> dict[str, dict[Stage, list[float]]]:
    """Singular values of the class means by run and stage, largest first."""
    found = by_run(dict[Stage, list[float]], ids)
    key, wanted = (_VALUE.run_id, _VALUE.layer, _VALUE.stage), one_of(_VALUE.run_id, ids, connection)
    counted = plain_rows(connection, select(*key, func.count()).where(wanted).group_by(*key).order_by(*key))
    values = plain_rows(connection, select(_VALUE.value).where(wanted).order_by(*key, _VALUE.index))
    each = chain.from_iterable(values)
    for run, layer, stage, count in counted:  # measured: keys that come once, not with every value, take a third
        found[run][Stage(layer, stage)] = list(islice(each, count))
    return found


def by_run(make: Callable[[], T], ids: Sequence[str]) -> dict[str, T]:
    """Something empty for every run; a damaged index finds rows of others, which do no harm."""
    return defaultdict(make, {key: make() for key in ids})


def plain_rows(connection: Connection, query: Select[Any]) -> list[tuple[Any, ...]]:
    """Rows as the driver has them: tuples, NULL where a column of type Real says nan, in half the time."""
    cursor = connection.execute(query).cursor
    assert cursor is not None
    rows: list[tuple[Any, ...]] = list(cursor.fetchall())
    return rows


def each_row(connection: Connection, query: Select[Any]) -> Iterator[tuple[Any, ...]]:
    """The same of any number of rows, of which few are in memory at once."""
    for rows in parts_of_rows(connection, query, _FETCHED):
        yield from rows


def parts_of_rows(connection: Connection, query: Select[Any], size: int) -> Iterator[Sequence[tuple[Any, ...]]]:
    """The same, so many rows at a time."""
    found = connection.execute(query)
    assert found.cursor is not None
    try:
        while rows := found.cursor.fetchmany(size):
            yield rows
    finally:
        found.close()


def select_history(connection: Connection, ids: Sequence[str]) -> dict[str, list[Row]]:
    """Measurements during training by run, in the order of steps; those of layers are lists over layers and stages."""
    found = by_run(list[Row], ids)
    query = select(*HISTORY.c).where(one_of(HISTORY.c.run_id, ids, connection))
    for row in connection.execute(query.order_by(HISTORY.c.run_id)):
        found[row.run_id] += [{"run_id": row.run_id, **point} for point in history_rows(row.block)]
    return found


def select_matrices(connection: Connection, run: str, name: str) -> dict[Stage, Float[np.ndarray, "_ _"]]:
    """Matrices of a run by layer and stage, in double precision: `class_means` (d × K), `gram` (K × K), or `weights`.

    Gram matrices are those of the class means that are kept. A run that has none has an empty dictionary.
    """
    kept = CLASS_MEANS if name == GRAM else name
    query = select(MATRIX.c.block).where(MATRIX.c.run_id == run, MATRIX.c.name == kept).order_by(MATRIX.c.layer)
    found = {stage: M for block in connection.scalars(query) for stage, M in unpack_matrices(block).items()}
    return {stage: (_gram if name == GRAM else np.asarray)(M.astype(np.float64)) for stage, M in found.items()}


def select_matrix(connection: Connection, run: str, layer: int, stage: str, name: str) -> Float[np.ndarray, "_ _"]:
    """One of them; whoever wants several asks for all.

    Raises:
        NothingFoundError: the run has no such matrix.
    """
    found = select_matrices(connection, run, name).get(Stage(layer, stage))
    if found is None:
        raise NothingFoundError(f"run {run} has no matrix '{name}' of layer {layer}, stage {stage}")
    return found


def _gram(M: Float[np.ndarray, "d K"]) -> Float[np.ndarray, "K K"]:
    """MᵀM, computed as `nccli.metrics.LayerMetrics` does."""
    means = np.ascontiguousarray(M.T)
    return np.asarray(means @ means.T)

"""Reading runs. Every reading command and every figure gets its rows here."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float
from sqlalchemy import Connection, and_, case, func, select

from nccli.catalogue.stages import Stage
from nccli.errors import InputError, NothingFoundError
from nccli.metrics import RANK_RTOL, ZERO_FLOOR
from nccli.store.query.where import Condition
from nccli.store.schema.tables import History, Layer, Matrix, Run, SingularValue

_CHUNK = 5_000
_RUN = Run.__table__.c  # type: ignore[attr-defined]  # SQLModel does not declare it
_LAYER = Layer.__table__.c  # type: ignore[attr-defined]
_VALUE = SingularValue.__table__.c  # type: ignore[attr-defined]
_HISTORY = History.__table__.c  # type: ignore[attr-defined]
_MATRIX = Matrix.__table__.c  # type: ignore[attr-defined]

Row = dict[str, Any]


def find_ids(connection: Connection, prefixes: Iterable[str]) -> list[str]:
    """Full ids for ids or unique prefixes, in the order given, each once.

    Raises:
        InputError: a prefix of several runs, or text that is no id.
        NothingFoundError: a prefix of no run.
    """
    found: dict[str, None] = {}
    for prefix in prefixes:
        wanted = prefix.strip().lower()
        if not wanted or any(c not in "0123456789abcdef" for c in wanted):
            raise InputError(f"'{prefix}' is not a run id: ids are 12 hex digits, or their first few")
        upper = wanted + "g"  # 'g' sorts after every hex digit
        ids = list(connection.scalars(select(_RUN.id).where(_RUN.id >= wanted, _RUN.id < upper).limit(3)))
        if not ids:
            raise NothingFoundError(f"no run {prefix} in the store: nccli runs list shows what there is")
        if len(ids) > 1:
            shown = ", ".join(ids[:2]) + (", …" if len(ids) > 2 else "")
            raise InputError(f"'{prefix}' is the start of several runs ({shown}): give more digits")
        found[ids[0]] = None
    return list(found)


def existing_statuses(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """Status of those of the runs that are stored."""
    statuses: dict[str, str] = {}
    for chunk in _chunks(ids):
        statuses.update(
            {row.id: row.status for row in connection.execute(select(_RUN.id, _RUN.status).where(_RUN.id.in_(chunk)))}
        )
    return statuses


def select_runs(
    connection: Connection,
    ids: Sequence[str] | None = None,
    where: Sequence[Condition] = (),
    limit: int | None = None,
) -> list[Row]:
    """Rows of table `run`: of the ids in their order, or, for None, of all runs, newest first; `where` narrows both."""
    conditions = [comparison.as_sql() for comparison in where]
    if ids is None:
        query = select(*_RUN).where(*conditions).order_by(_RUN.created.desc(), _RUN.id).limit(limit)
        return [dict(row._mapping) for row in connection.execute(query)]
    rows = {}
    for chunk in _chunks(ids):
        for row in connection.execute(select(*_RUN).where(_RUN.id.in_(chunk), *conditions)):
            rows[row.id] = dict(row._mapping)
    return [rows[key] for key in ids if key in rows][:limit]


def select_layers(connection: Connection, ids: Sequence[str]) -> dict[str, list[Row]]:
    """Rows of table `layer` by run, (1, post), (2, pre), (2, post), … first to last."""
    found: dict[str, list[Row]] = {key: [] for key in ids}
    for chunk in _chunks(ids):
        order = (_LAYER.run_id, _LAYER.layer, case((_LAYER.stage == "pre", 0), else_=1))
        for row in connection.execute(select(*_LAYER).where(_LAYER.run_id.in_(chunk)).order_by(*order)):
            found[row.run_id].append({key: value for key, value in row._mapping.items() if key != "run_id"})
    return found


def select_ranks(
    connection: Connection, ids: Sequence[str], rtol: float = RANK_RTOL, floor: float = ZERO_FLOOR
) -> dict[str, dict[Stage, int]]:
    """Numerical rank of the class means by run and stage, from the stored spectra at any tolerance."""
    found: dict[str, dict[Stage, int]] = {key: {} for key in ids}
    for chunk in _chunks(ids):
        if rtol == RANK_RTOL and floor == ZERO_FLOOR:
            query = select(_LAYER.run_id, _LAYER.layer, _LAYER.stage, _LAYER.rank).where(_LAYER.run_id.in_(chunk))
        else:
            first = (
                select(_VALUE.run_id, _VALUE.layer, _VALUE.stage, _VALUE.value.label("top"))
                .where(_VALUE.index == 1, _VALUE.run_id.in_(chunk))
                .subquery()
            )
            counts = and_(_VALUE.value > rtol * first.c.top, _VALUE.value > floor)
            same = and_(_VALUE.run_id == first.c.run_id, _VALUE.layer == first.c.layer, _VALUE.stage == first.c.stage)
            query = (
                select(_VALUE.run_id, _VALUE.layer, _VALUE.stage, func.sum(case((counts, 1), else_=0)))
                .join(first, same)
                .group_by(_VALUE.run_id, _VALUE.layer, _VALUE.stage)
            )
        for run, layer, stage, rank in connection.execute(query):
            found[run][Stage(layer, stage)] = int(rank)
    return found


def select_spectra(connection: Connection, ids: Sequence[str]) -> dict[str, dict[Stage, list[float]]]:
    """Singular values of the class means by run and stage, largest first."""
    found: dict[str, dict[Stage, list[float]]] = {key: defaultdict(list) for key in ids}
    for chunk in _chunks(ids):
        query = select(*_VALUE).where(_VALUE.run_id.in_(chunk))
        for row in connection.execute(query.order_by(_VALUE.run_id, _VALUE.layer, _VALUE.stage, _VALUE.index)):
            found[row.run_id][Stage(row.layer, row.stage)].append(row.value)
    return found


def select_history(connection: Connection, ids: Sequence[str]) -> dict[str, list[Row]]:
    """Rows of table `history` by run, in the order of steps."""
    found: dict[str, list[Row]] = {key: [] for key in ids}
    for chunk in _chunks(ids):
        query = select(*_HISTORY).where(_HISTORY.run_id.in_(chunk)).order_by(_HISTORY.run_id, _HISTORY.step)
        for row in connection.execute(query):
            found[row.run_id].append(dict(row._mapping))
    return found


def select_matrix(connection: Connection, run: str, layer: int, stage: str, name: str) -> Float[np.ndarray, "_ _"]:
    """One stored matrix.

    Raises:
        NothingFoundError: the run has no such matrix.
    """
    wanted = (_MATRIX.run_id == run, _MATRIX.layer == layer, _MATRIX.stage == stage, _MATRIX.name == name)
    row = connection.execute(select(*_MATRIX).where(*wanted)).first()
    if row is None:
        raise NothingFoundError(f"run {run} has no matrix '{name}' of layer {layer}, stage {stage}")
    return np.frombuffer(row.bytes, dtype=row.dtype).reshape(row.shape)


def _chunks(ids: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(ids), _CHUNK):
        yield ids[start : start + _CHUNK]

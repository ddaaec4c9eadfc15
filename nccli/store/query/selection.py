"""A set of runs as a condition in SQL, and what its runs are, setting by setting."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from typing import Any, Self

import numpy as np
from jaxtyping import Shaped
from sqlalchemy import ColumnElement, Connection, and_, func, not_, or_, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import NullType

from nccli.catalogue.outcomes import DEGENERATE
from nccli.catalogue.runs import ENDED_WELL, MEASURED_KINDS, RUNNING, TRAINED_KINDS, Finish
from nccli.store.connection.among import one_of
from nccli.store.query.columns import TEXT_COLUMNS
from nccli.store.query.select import Row, each_row, select_runs
from nccli.store.query.survey import Survey, as_text
from nccli.store.query.surveying import read_survey
from nccli.store.query.where import Condition
from nccli.store.schema.tables import RUN


class Unindexed(FunctionElement[Any]):
    """A column for what is asked of most rows of a table: measured, by an index they are found in up to five times
    the time of a scan.
    """

    type = NullType()
    inherit_cache = True


@compiles(Unindexed, "sqlite")
def _unindexed_sqlite(element: Unindexed, compiler: Any, **options: Any) -> str:
    return f"+{compiler.process(element.clauses, **options)}"


@compiles(Unindexed)
def _unindexed(element: Unindexed, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


def is_degenerate() -> ColumnElement[bool]:
    """Whether a run did not learn its classes (`nccli.catalogue.outcomes.DEGENERATE`); no where that is not known.

    What somebody else made is as it is: an early layer of any network may look constant.
    """
    ours = RUN.c.kind.not_in(MEASURED_KINDS)
    return and_(RUN.c.outcome.is_not(None), RUN.c.outcome.in_(DEGENERATE), ours)


def is_plain() -> ColumnElement[bool]:
    """Whether a run is where its descent ended, and not a point that was polished or refined from there."""
    return or_(RUN.c.finish.is_(None), RUN.c.finish == Finish.PLAIN.value)


def is_unsettled() -> ColumnElement[bool]:
    """Whether it is known that a run has not settled."""
    return and_(RUN.c.settled.is_not(None), RUN.c.settled == 0)


@dataclass(frozen=True)
class Selection:
    """Runs that a command is about, named without reading them; never those in training, which have no result yet.

    Attributes:
        ids: only these; None for no such limit.
        where: conditions that all hold.
        trained: only trained runs that ended well.
        without: never these, which cannot be read.
        learned: only runs that are neither zero nor constant and lost no classes, for averages.
        plain: only ends of descents, none that were polished or refined from there.
        survey: columns of these and other runs, where they were read already.
    """

    ids: tuple[str, ...] | None = None
    where: tuple[Condition, ...] = ()
    trained: bool = False
    without: frozenset[str] = frozenset()
    learned: bool = False
    plain: bool = False
    survey: Survey | None = field(default=None, compare=False, repr=False)

    def condition(self, connection: Connection) -> ColumnElement[bool]:
        """The selection in SQL, over table `run`."""
        parts = [condition.as_sql() for condition in self.where]
        if self.ids is not None:
            parts.append(one_of(RUN.c.id, self.ids, connection))
        if self.trained:
            parts += [Unindexed(RUN.c.kind).in_(TRAINED_KINDS), Unindexed(RUN.c.status).in_(ENDED_WELL)]
        if self.without:
            parts.append(not_(one_of(RUN.c.id, sorted(self.without), connection)))
        if self.learned:
            parts.append(not_(is_degenerate()))
        if self.plain:
            parts.append(is_plain())
        return and_(Unindexed(RUN.c.status) != RUNNING, *parts)

    def with_survey(self, connection: Connection, columns: Collection[str]) -> Self:
        """The same with columns of its runs, and of those that others were made of, if nothing is wrong with them."""
        every = replace(self, without=frozenset(), learned=False, plain=False)
        sound = ("status",) if self.trained else ()
        read = read_survey(connection, every.condition(connection), columns, self._about, sound)
        return replace(self, survey=read)

    def surveyed(self, columns: Collection[str]) -> Survey | None:
        """Columns of exactly these runs; None where they have not been read."""
        found = self.survey
        if found is None or found.about != self._about or self.without or not found.has(columns):
            return None
        found = found.only(found.plain) if self.plain else found
        return found.only(~found.degenerate) if self.learned else found

    @property
    def _about(self) -> tuple[Any, ...]:
        return (self.ids, self.where, self.trained)

    def count(self, connection: Connection) -> int:
        """How many runs there are."""
        return int(connection.scalar(select(func.count()).select_from(RUN).where(self.condition(connection))) or 0)

    def exists(self, connection: Connection) -> bool:
        """Whether there is one."""
        found = self.surveyed(())
        if found is not None:
            return len(found.id) > 0
        return connection.execute(select(RUN.c.id).where(self.condition(connection)).limit(1)).first() is not None

    def left_out(self, connection: Connection) -> dict[str, int]:
        """By status, runs that would be among these: those in training, and of `trained` those that ended otherwise."""
        parts = [condition.as_sql() for condition in self.where]
        if self.ids is not None:
            parts.append(one_of(RUN.c.id, self.ids, connection))
        if self.trained:
            parts += [Unindexed(RUN.c.kind).in_(TRAINED_KINDS), RUN.c.status.not_in(ENDED_WELL)]
        else:
            parts.append(RUN.c.status == RUNNING)
        query = select(RUN.c.status, func.count()).where(*parts).group_by(RUN.c.status).order_by(RUN.c.status)
        return {str(status): count for status, count in connection.execute(query)}  # damage leaves bytes, too


@dataclass(frozen=True, eq=False)
class SettingRuns:
    """Runs that differ in nothing but the seed, all of the same `finish`: the ends of descents, or what became of them.

    Attributes:
        row: one of them, a row of table `run`.
        ids: of all, in increasing order.
        values: columns asked for, in the order of the ids; where a run has no value nan, or None for text.
    """

    row: Row
    ids: tuple[str, ...]
    values: dict[str, Shaped[np.ndarray, " runs"]]


def select_settings(connection: Connection, selection: Selection, columns: Sequence[str] = ()) -> list[SettingRuns]:
    """The selected runs by setting, without reading more of them than asked for.

    Args:
        connection: to the store.
        selection: which runs.
        columns: of table `run`.
    """
    found = selection.surveyed(columns)
    if found is not None:
        return _from_survey(connection, found, columns)
    wanted = [RUN.c[name] for name in columns]
    query = select(RUN.c.setting, RUN.c.finish, RUN.c.id, *wanted).where(selection.condition(connection))
    rows = each_row(connection, query.order_by(Unindexed(RUN.c.setting), Unindexed(RUN.c.id)))
    groups = [part for _, members in groupby(rows, key=itemgetter(0)) for part in _by_finish(list(members))]
    first = select_runs(connection, [group[0][2] for group in groups])
    settings = []
    for row, group in zip(first, groups, strict=True):
        _, _, ids, *values = zip(*group, strict=True)
        arrays = {name: _array(name, each) for name, each in zip(columns, values, strict=True)}
        settings.append(SettingRuns(row, ids, arrays))
    return settings


def _from_survey(connection: Connection, found: Survey, columns: Sequence[str]) -> list[SettingRuns]:
    """The same of columns that were read."""
    keys, group = found.groups(("setting", "finish"))
    order = np.lexsort((found.id, group))
    parts = np.split(order, np.flatnonzero(np.diff(group[order])) + 1) if len(order) else []
    parts.sort(key=lambda part: (keys[group[part[0]]][0], found.id[part[0]]))
    ids = [tuple(as_text(found.id[part])) for part in parts]
    texts = {name: found.texts[name].values for name in columns if name in TEXT_COLUMNS}
    values = {name: texts[name] if name in texts else found.number(name) for name in columns}
    first = select_runs(connection, [each[0] for each in ids])
    return [
        SettingRuns(row, own, {name: each[part] for name, each in values.items()})
        for row, own, part in zip(first, ids, parts, strict=True)
    ]


def _by_finish(members: Sequence[Any]) -> list[Sequence[Any]]:
    """Rows of a setting by which end they are."""
    if len({row[1] for row in members}) == 1:
        return [members]
    parts: dict[str | None, list[Any]] = {}
    for row in members:
        parts.setdefault(row[1], []).append(row)
    return list(parts.values())


def _array(name: str, values: Sequence[Any]) -> Shaped[np.ndarray, " runs"]:
    return np.array(values, dtype=object if name in TEXT_COLUMNS else np.float64)


def select_selected(connection: Connection, selection: Selection) -> list[Row]:
    """Rows of table `run` of the selected runs, newest first."""
    query = select(*RUN.c).where(selection.condition(connection)).order_by(RUN.c.created.desc(), RUN.c.id)
    return [dict(row._mapping) for row in connection.execute(query)]

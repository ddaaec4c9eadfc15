"""Everything that the store keeps of a run, to be copied, compared and written elsewhere."""

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from typing import Any, Self

from sqlalchemy import Connection, Table, delete

from nccli.catalogue.columns import Role, of_role
from nccli.catalogue.runs import FINISHED
from nccli.store.blocks.history import has_trajectory, without_trajectory
from nccli.store.blocks.matrices import CLASS_MEANS, OUTPUT, SPECTRA, STATE, WEIGHTS
from nccli.store.schema.checksum import RawRun, checksum, fits, raw_runs
from nccli.store.schema.column_types import from_raw, to_raw
from nccli.store.schema.tables import CHILDREN, RUN

NO_RESULT = frozenset(of_role(Role.PROVENANCE, Role.LATER))
"""Columns of `run` that say where and when it was made, or what was found out about it since."""

_RESULT = ("layer", "singular_value")
"""Tables that tell one result from another; what else is kept of a run may be left out of a copy."""

PARTS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "history": ("history", ()),
    "matrices": ("matrix", (CLASS_MEANS, *SPECTRA, OUTPUT)),
    "weights": ("matrix", (WEIGHTS, *STATE)),
}
"""Parts that have rows of their own: table, and the names of these there, the first one in every such part."""

TRAJECTORY, HOST = "trajectory", "host"
LEFT_OUT = (*PARTS, TRAJECTORY, HOST)
"""What a copy of a run may be without; the trajectory is in the block of the history, the host's name in the run."""


@dataclass(frozen=True)
class RunContent:
    """One run, whole.

    Attributes:
        run: its row of table `run`.
        children: its rows of the other tables, by table, in the order of their keys, without `run_id`.
        intact: whether these are what was stored once, by the checksum.
    """

    run: Mapping[str, Any]
    children: Mapping[str, Sequence[Mapping[str, Any]]]
    intact: bool = True

    @property
    def id(self) -> str:
        """The run id."""
        return str(self.run["id"])

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return self.run["status"] in FINISHED

    @cached_property
    def result(self) -> str:
        """A hash that is equal for equal results, wherever and whenever they were made, and whatever is kept of them.

        It is of everything but the provenance, what was found out since, and what `without` leaves out.
        """
        raw = self.raw
        run = {name: value for name, value in raw.run.items() if name not in NO_RESULT}
        return checksum(RawRun(run, {name: raw.children[name] for name in _RESULT}))

    @property
    def parts(self) -> frozenset[str]:
        """Those of `LEFT_OUT` that it has."""
        found = {part for part, (table, names) in PARTS.items() if _named(self.children[table], names[:1])}
        told = any(has_trajectory(row["block"]) for row in self.children["history"])
        return frozenset({*found, *([TRAJECTORY] if told else []), *([HOST] if self.run["host"] else [])})

    def without(self, parts: Collection[str]) -> Self:
        """A copy that lacks some of `LEFT_OUT`."""
        run, children = self.run, dict(self.children)
        for part in parts:
            if part == TRAJECTORY:
                kept = [{**row, "block": without_trajectory(row["block"])} for row in children["history"]]
                children["history"] = kept
            elif part == HOST:
                run = {**run, HOST: ""}
            else:
                table, names = PARTS[part]
                children[table] = [row for row in children[table] if names and row.get("name") not in names]
        return replace(self, run=run, children=children)

    @cached_property
    def checksum(self) -> str:
        """A hash of everything but itself, as the store keeps it."""
        return checksum(self.raw)

    @cached_property
    def raw(self) -> RawRun:
        """The rows as a database has them."""
        children = {name: [to_raw(CHILDREN[name], row) for row in rows] for name, rows in self.children.items()}
        return RawRun(to_raw(RUN, self.run), children)

    @classmethod
    def of(cls, raw: RawRun) -> Self:
        """The run whose rows these are; what is not of its column's type stays as it is."""
        children = {}
        for name, table in CHILDREN.items():
            order = _order([column.name for column in table.primary_key.columns if column.name != "run_id"])
            children[name] = sorted((from_raw(table, row) for row in raw.children[name]), key=order)
        found = cls(from_raw(RUN, raw.run), children, fits(raw))
        found.__dict__["raw"] = raw  # a cached property, as is the checksum, which is known where it fits
        if found.intact and raw.run.get("checksum") is not None:
            found.__dict__["checksum"] = raw.run["checksum"]
        return found


def _named(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> list[Mapping[str, Any]]:
    """Rows of these names; all for none."""
    return [row for row in rows if not names or row.get("name") in names]


def _order(keys: Sequence[str]) -> Callable[[Mapping[str, Any]], Any]:
    """Rows by their keys, whatever type damage has given these."""
    return lambda row: [(type(row[key]).__name__, row[key]) for key in keys]


def read_contents(connection: Connection, ids: Sequence[str]) -> Iterator[RunContent]:
    """The content of runs, in the order given; ids of no run are left out. Nothing is checked."""
    return map(RunContent.of, raw_runs(connection, ids))


def write_content(connection: Connection, content: RunContent) -> str:
    """Store a run as it is, in place of one with the same id, and return its checksum, which fits if it did before."""
    (seal,) = write_contents(connection, [content])
    return seal


def write_contents(connection: Connection, contents: Sequence[RunContent]) -> list[str]:
    """The same of several runs."""
    seals = [content.checksum if content.intact else content.run["checksum"] for content in contents]
    connection.execute(delete(RUN).where(RUN.c.id.in_([content.id for content in contents])))
    runs = [{**content.raw.run, "checksum": seal} for content, seal in zip(contents, seals, strict=True)]
    _insert(connection, RUN, runs)
    for name, table in CHILDREN.items():
        rows = [{**row, "run_id": content.id} for content in contents for row in content.raw.children[name]]
        _insert(connection, table, rows)
    return seals


def _insert(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Add rows as a database has them: measured, in a third of the time that types of columns take."""
    if rows:
        statement, names = _inserting(table, connection.dialect.paramstyle)
        connection.exec_driver_sql(statement, [tuple(map(row.get, names)) for row in rows])


@cache
def _inserting(table: Table, style: str) -> tuple[str, tuple[str, ...]]:
    names = tuple(column.name for column in table.c)
    marks = ", ".join(["?" if style == "qmark" else "%s"] * len(names))
    listed = ", ".join(f'"{name}"' for name in names)
    return f"INSERT INTO {table.name} ({listed}) VALUES ({marks})", names

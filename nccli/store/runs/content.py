"""Everything that the store keeps of a run, to be copied, compared and written elsewhere."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from nccli import strict_json
from nccli.catalogue.columns import Role, of_role
from nccli.catalogue.runs import FINISHED
from nccli.store.runs.pages import pages
from nccli.store.schema.tables import CHILDREN, RUN

PROVENANCE = frozenset(of_role(Role.PROVENANCE))
"""Columns of `run` that say where and when it was made, and nothing of the result."""


@dataclass(frozen=True)
class RunContent:
    """One run, whole.

    Attributes:
        run: its row of table `run`.
        children: its rows of the other tables, by table, in the order of their keys, without `run_id`.
    """

    run: Mapping[str, Any]
    children: Mapping[str, Sequence[Mapping[str, Any]]]

    @property
    def id(self) -> str:
        """The run id."""
        return str(self.run["id"])

    @property
    def finished(self) -> bool:
        """Whether the run came to its end."""
        return self.run["status"] in FINISHED

    @property
    def result(self) -> str:
        """A hash of everything but the provenance: equal for equal results, wherever and whenever they were made."""
        row = {name: value for name, value in self.run.items() if name not in PROVENANCE}
        return _hash([row, self.children])

    @property
    def whole(self) -> str:
        """A hash of everything."""
        return _hash([self.run, self.children])


def read_contents(connection: Connection, ids: Sequence[str]) -> Iterator[RunContent]:
    """The content of runs, in the order given; ids of no run are left out."""
    for chunk in pages(ids):
        rows = {row.id: dict(row._mapping) for row in connection.execute(select(*RUN.c).where(RUN.c.id.in_(chunk)))}
        children: dict[str, dict[str, list[dict[str, Any]]]] = {key: {name: [] for name in CHILDREN} for key in rows}
        for name, table in CHILDREN.items():
            query = select(*table.c).where(table.c.run_id.in_(chunk)).order_by(*table.primary_key.columns)
            for row in connection.execute(query):
                fields = dict(row._mapping)
                children[fields.pop("run_id")][name].append(fields)
        yield from (RunContent(rows[key], children[key]) for key in chunk if key in rows)


def write_content(connection: Connection, content: RunContent) -> None:
    """Store a run as it is, in place of one with the same id."""
    connection.execute(delete(RUN).where(RUN.c.id == content.id))
    connection.execute(insert(RUN), dict(content.run))
    for name, table in CHILDREN.items():
        rows = [{"run_id": content.id, **fields} for fields in content.children[name]]
        if rows:
            connection.execute(insert(table), rows)


def _hash(value: Any) -> str:
    text = json.dumps(strict_json.encodable(value), sort_keys=True, default=lambda raw: raw.hex())
    return hashlib.sha256(text.encode()).hexdigest()

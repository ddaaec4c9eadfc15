"""Names that a person gives to runs, to find them by."""

from collections.abc import Sequence

from sqlalchemy import Connection, select, update

from nccli.errors import InputError
from nccli.printable import printable
from nccli.store.connection.among import one_of, pages
from nccli.store.connection.store import Store
from nccli.store.runs.rules import RULES
from nccli.store.schema.checksum import fits, raw_runs, seal_runs
from nccli.store.schema.tables import RUN

_RULE = RULES["run"]["tag"]


def require_tag(tag: str) -> str:
    """A name that runs can have.

    Raises:
        InputError: it is empty, too long, begins or ends with a space, or has control characters.
    """
    if _RULE.fault(tag) is not None:
        raise InputError(
            f"tag '{printable(tag[:40])}': must be 1 to 100 characters, none of them control characters, "
            "without spaces around them"
        )
    return tag


def tag_runs(store: Store, ids: Sequence[str], tag: str | None) -> list[str]:
    """Give stored runs a name in place of the one they had, None for none; returns those whose name changed.

    Raises:
        InputError: a name that no run can have, or a run that was changed outside nccli; nothing was changed.
        StoreError: the store is busy or cannot be written.
    """
    if tag is not None:
        require_tag(tag)
    with store.read() as connection:
        if not _others(connection, ids, tag):
            return []
    with store.write() as connection:
        others = _others(connection, ids, tag)
        for part in pages(others):
            for raw in raw_runs(connection, part):
                if not fits(raw):
                    raise InputError(
                        f"run {raw.run['id']} is damaged and cannot be tagged: nccli store check --repair sets it aside"
                    )
            connection.execute(update(RUN).where(one_of(RUN.c.id, part, connection)).values(tag=tag))
            seal_runs(connection, part)
    return others


def tagged_runs(connection: Connection, tag: str) -> list[str]:
    """Runs that have a name, the newest first."""
    return list(connection.scalars(select(RUN.c.id).where(RUN.c.tag == tag).order_by(RUN.c.created.desc(), RUN.c.id)))


def _others(connection: Connection, ids: Sequence[str], tag: str | None) -> list[str]:
    """Those of the runs that have another name, in the order given."""
    query = select(RUN.c.id).where(one_of(RUN.c.id, ids, connection), RUN.c.tag.is_distinct_from(tag))
    found = set(connection.scalars(query))
    return [key for key in dict.fromkeys(ids) if key in found]

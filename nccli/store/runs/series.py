"""Checkpoints that are stored as runs: found by what was measured, and given their place in a series."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, select, update

from nccli.catalogue.runs import FINISHED, RESULT_VERSIONS
from nccli.errors import InputError
from nccli.printable import printable
from nccli.store.connection.store import Store
from nccli.store.query.columns import column_expression
from nccli.store.runs.rules import RULES
from nccli.store.schema.checksum import fits, raw_runs, seal_runs
from nccli.store.schema.tables import RUN

PLACE = ("series", "step", "file")
"""Columns of table `run` that say which checkpoint of which series a run is, and nothing of what was measured."""


def require_series(name: str) -> str:
    """A name that a series can have.

    Raises:
        InputError: it is empty, too long, begins or ends with a space, or has control characters.
    """
    if "," in name or RULES["run"]["series"].fault(name) is not None:
        raise InputError(
            f"series '{printable(name[:40])}': must be 1 to 100 characters, no comma and no control character, "
            "without spaces around them"
        )
    return name


def find_measured(connection: Connection, kind: str, config: Mapping[str, Any]) -> str | None:
    """The run of a kind that was measured of this content as it is measured now; None where there is none.

    Args:
        connection: to the store.
        kind: one of `nccli.catalogue.runs.MEASURED_KINDS`.
        config: all of the run's but `layers`, which only measuring tells.
    """
    asked = [column_expression(f"config.{name}") == config[name] for name in ("state", "data") if name in config]
    current = (RUN.c.kind == kind, RUN.c.result_version == RESULT_VERSIONS[kind], RUN.c.status.in_(FINISHED))
    query = select(RUN.c.id, RUN.c.config).where(*current, *asked).order_by(RUN.c.id)
    for key, found in connection.execute(query):
        if isinstance(found, Mapping) and {**found, "layers": None} == {**config, "layers": None}:
            return str(key)
    return None


def with_place(before: Mapping[str, Any], place: Mapping[str, Any]) -> dict[str, Any]:
    """A place in a series beside the one that a run has: one series more, and the latest word on step and file."""
    place = {name: printable(value) if isinstance(value, str) else value for name, value in place.items()}
    found = {name: before[name] if place.get(name) is None else place[name] for name in PLACE}
    known = str(before["series"]).split(",") if before["series"] else []
    if place.get("series") is not None:
        found["series"] = ",".join(dict.fromkeys([*known, place["series"]]))
    return found


def place_in_series(store: Store, run: str, place: Mapping[str, Any]) -> Mapping[str, Any]:
    """Make a stored run a checkpoint of a series, beside those that it is of already; returns what stood there.

    Args:
        store: where the run is.
        run: its id.
        place: values of `PLACE`; None leaves what is there.

    Raises:
        InputError: a run that was changed outside nccli; nothing was changed.
        StoreError: the store is busy or cannot be written.
    """
    query = select(*(RUN.c[name] for name in PLACE)).where(RUN.c.id == run)
    with store.read() as connection:
        before = dict(connection.execute(query).one()._mapping)
    if with_place(before, place) == before:
        return before
    with store.write() as connection:
        before = dict(connection.execute(query).one()._mapping)
        for raw in raw_runs(connection, [run]):
            if not fits(raw):
                raise InputError(f"run {run} is damaged: nccli store check --repair sets it aside")
        connection.execute(update(RUN).where(RUN.c.id == run).values(**with_place(before, place)))
        seal_runs(connection, [run])
    return before

"""Which runs a command is about: ids as arguments, ids from stdin, --where, or all."""

import json
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from sqlalchemy import Connection

from nccli.cli._notes import note
from nccli.errors import InputError, NothingFoundError
from nccli.store import TRAINED_KINDS, Row, Store, find_ids, parse_where, select_runs, settle_abandoned, store_location

_ENDED_WELL = ("converged", "stopped")


@contextmanager
def selected_runs(
    store: str | None, arguments: Sequence[str] | None, where: str | None, limit: int | None = None
) -> Iterator[tuple[Connection, list[Row]]]:
    """The store, and rows of the runs that a command was asked about; all, newest first, if it was asked about none.

    Ids on stdin are read to their end before the store is opened: the command that prints them may be the one that
    makes it.

    Raises:
        InputError: a malformed id or --where, or "-" without anything on stdin.
        NothingFoundError: no store, an id of no run, or no run that matches.
    """
    comparisons = parse_where(where) if where is not None else ()
    named = _with_stdin(arguments) if arguments else None
    opened = Store.open(store_location(store))
    settle_abandoned(opened)
    with opened.read() as connection:
        ids = None if named is None else find_ids(connection, named)
        runs = select_runs(connection, ids, comparisons, limit)
        if not runs:
            raise NothingFoundError(f"no run matches --where '{where}'" if where else "the store has no runs yet")
        yield connection, runs


@contextmanager
def selected_or_trained(
    store: str | None, arguments: Sequence[str] | None, where: str | None, quiet: bool
) -> Iterator[tuple[Connection, list[Row]]]:
    """As `selected_runs`, without runs in training; asked about none, the trained runs that ended well.

    A note tells of those left out.

    Raises:
        InputError, NothingFoundError: as `selected_runs`.
    """
    with selected_runs(store, arguments, where) as (connection, runs):
        if arguments or where is not None:
            ended = [run for run in runs if run["status"] != "running"]
            if not ended:
                raise NothingFoundError(f"nothing to show yet: {_counted(runs)} still running")
            if len(ended) < len(runs):
                note(f"{len(runs) - len(ended)} runs left out: running", quiet)
            yield connection, ended
            return
        trained = [run for run in runs if run["kind"] in TRAINED_KINDS]
        kept = [run for run in trained if run["status"] in _ENDED_WELL]
        if not kept:
            raise NothingFoundError("the store has no trained run that ended well: train some with nccli train-dufm")
        left_out = sorted({run["status"] for run in trained} - set(_ENDED_WELL))
        if left_out:
            note(f"{len(trained) - len(kept)} runs left out: {', '.join(left_out)}", quiet)
        yield connection, kept


def _counted(runs: Sequence[Row]) -> str:
    return "the run is" if len(runs) == 1 else f"all {len(runs)} runs are"


def _with_stdin(arguments: Sequence[str]) -> list[str]:
    """The arguments, with "-" replaced by the ids on stdin: one a line, or JSON records with a key "id"."""
    ids: list[str] = []
    for argument in arguments:
        if argument != "-":
            ids.append(argument)
            continue
        if sys.stdin is None or sys.stdin.isatty():
            raise InputError(
                "'-' reads run ids from stdin, which is a terminal: pipe a command that prints ids into it"
            )
        lines = [line.strip() for line in sys.stdin if line.strip()]
        if not lines:
            raise NothingFoundError("no run ids on stdin: the command before the pipe printed none")
        ids.extend(_id_of(line) for line in lines)
    return ids


def _id_of(line: str) -> str:
    if not line.startswith("{"):
        return line
    try:
        record = json.loads(line)
    except ValueError as error:
        raise InputError(f"stdin: '{line[:40]}' is neither a run id nor a JSON record") from error
    if not isinstance(record.get("id"), str):
        raise InputError(f"stdin: the record '{line[:40]}…' has no id")
    return str(record["id"])

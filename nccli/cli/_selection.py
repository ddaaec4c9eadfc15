"""Which runs a command is about: ids as arguments, ids from stdin, --where, or all."""

import json
import sys
from collections.abc import Sequence

from sqlalchemy import Connection

from nccli.cli._notes import note
from nccli.errors import InputError, NothingFoundError
from nccli.store import TRAINED_KINDS, Row, find_ids, parse_where, select_runs


def selected_runs(
    connection: Connection, arguments: Sequence[str] | None, where: str | None, limit: int | None = None
) -> list[Row]:
    """Rows of the runs that a command was asked about; all runs, newest first, if it was asked about none.

    Raises:
        InputError: a malformed id or --where, or "-" without anything on stdin.
        NothingFoundError: an id of no run, or no run that matches.
    """
    comparisons = parse_where(where) if where is not None else ()
    ids = find_ids(connection, _with_stdin(arguments)) if arguments else None
    runs = select_runs(connection, ids, comparisons, limit)
    if not runs:
        raise NothingFoundError(f"no run matches --where '{where}'" if where else "the store has no runs yet")
    return runs


def selected_or_trained(
    connection: Connection, arguments: Sequence[str] | None, where: str | None, quiet: bool
) -> list[Row]:
    """As `selected_runs`; asked about none, the trained runs that ended well, with a note on those left out.

    Raises:
        InputError, NothingFoundError: as `selected_runs`.
    """
    if arguments or where is not None:
        return selected_runs(connection, arguments, where)
    trained = [run for run in select_runs(connection) if run["kind"] in TRAINED_KINDS]
    kept = [run for run in trained if run["status"] in ("converged", "stopped")]
    if not kept:
        raise NothingFoundError("the store has no trained run that ended well: train some with nccli train-dufm")
    left_out = sorted({run["status"] for run in trained} - {"converged", "stopped"})
    if left_out:
        note(f"{len(trained) - len(kept)} runs left out: {', '.join(left_out)}", quiet)
    return kept


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

"""Which runs a command is about: ids as arguments, ids from stdin, --where, or all."""

import gc
import json
import sys
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Self

from sqlalchemy import Connection

from nccli.catalogue.columns import SUMMARIES
from nccli.cli.notes import fail_later, note, warn
from nccli.cli.opened import open_store
from nccli.errors import InputError, NothingFoundError, SomeRunsFailedError
from nccli.store import (
    RUNNING,
    Row,
    Selection,
    Store,
    asking_for,
    columns_of,
    count_finishes,
    find_ids,
    names_ends,
    parse_where,
    select_ids,
    select_runs,
    select_selected,
    settle_abandoned,
    unreadable_runs,
)

READ = ("layer", "singular_value")
"""Tables that most commands read, beside `run`."""

_WAY_OUT = "nccli store check --repair sets aside what is damaged"
_NONE_READABLE = f"none of the runs can be read: {_WAY_OUT}"
_OBJECTS = 200_000
"""Between searches for cycles, of which rows have none: measured, a third of the time of a million runs."""

_NAMED = 10
"""Runs that are named one by one where many cannot be read."""


def selected_ids(
    store: str | None, arguments: Sequence[str] | None, where: str | None, limit: int | None = None
) -> tuple[Store, list[str]]:
    """The store, and the runs that a command was asked about; all, newest first, if it was asked about none.

    Ids on stdin are read to their end before the store is opened: the command that prints them may be the one that
    makes it.

    Raises:
        InputError: a malformed id or --where, or "-" without anything on stdin.
        NothingFoundError: no store, an id of no run, or no run that matches.
    """
    comparisons = parse_where(where) if where is not None else ()
    named = _with_stdin(arguments) if arguments else None
    opened = open_store(store)
    settle_abandoned(opened)
    with opened.read() as connection:
        ids = None if named is None else find_ids(connection, named)
        found = select_ids(connection, ids, comparisons, limit)
    if not found:
        raise NothingFoundError(f"no run matches --where '{where}'" if where else "the store has no runs yet")
    return opened, found


def readable_ids(connection: Connection, ids: Sequence[str], tables: Collection[str] = READ) -> list[str]:
    """Those of the runs that can be read; the others are named.

    Args:
        connection: to the store.
        ids: of runs that are there.
        tables: that the command reads, beside `run`.

    Raises:
        SomeRunsFailedError: none of the runs can be read.
    """
    left_out = name_unreadable(connection, ids, tables)
    if ids and len(left_out) == len(ids):
        raise SomeRunsFailedError(_NONE_READABLE)
    return [key for key in ids if key not in left_out] if left_out else list(ids)


def readable_runs(connection: Connection, ids: Sequence[str], tables: Collection[str] = READ) -> list[Row]:
    """Rows of runs; those that cannot be read are named, and left out.

    Raises:
        SomeRunsFailedError: as `readable_ids`.
    """
    return select_runs(connection, readable_ids(connection, ids, tables))


def name_unreadable(
    connection: Connection,
    runs: Sequence[str] | Selection,
    tables: Collection[str],
    columns: Collection[str] | None = None,
) -> frozenset[str]:
    """Runs that cannot be read, named on stderr: the command goes on without them, and ends with exit code 4."""
    found = unreadable_runs(connection, runs, tables, columns)
    with LeftOut() as left_out:
        left_out.name(found)
    return frozenset(found)


class LeftOut:
    """Runs that cannot be read, named on stderr as they are found; the command ends with exit code 4."""

    def __init__(self, of: int | None = None) -> None:
        """None so far, of so many runs."""
        self._of, self._count = of, 0

    def __enter__(self) -> Self:
        """Begin to look."""
        return self

    def name(self, found: Mapping[str, str]) -> None:
        """Name runs, with why: the first few of all."""
        for key in sorted(found)[: max(0, _NAMED - self._count)]:
            warn(f"run {key} cannot be read and is left out: {found[key]}")
        self._count += len(found)

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Tell how many, unless something else ends the command.

        Raises:
            SomeRunsFailedError: none of the runs can be read.
        """
        if kind is not None or not self._count:
            return
        if self._count == self._of:
            raise SomeRunsFailedError(_NONE_READABLE)
        count = "1 run" if self._count == 1 else f"{self._count} runs"
        fail_later(SomeRunsFailedError(f"{count} cannot be read: {_WAY_OUT}"))


@contextmanager
def selection(
    store: str | None,
    arguments: Sequence[str] | None,
    where: str | None,
    quiet: bool,
    any_kind: bool = False,
    tables: Collection[str] = READ,
    plain: bool = False,
    columns: Collection[str] | None = None,
) -> Iterator[tuple[Connection, Selection]]:
    """The store, and the runs that a command was asked about, unread; asked about none, trained ones that ended well.

    A note tells how many runs are left out. With `any_kind` all runs are meant where none is asked about. With `plain`
    the ends of descents are meant, unless ids or --where name others. Runs of which something cannot be read that the
    command reads, `tables` and `columns` of table `run` as in `unreadable_runs`, are named and left out.

    Raises:
        InputError, NothingFoundError: as `selected_ids`; or all of the runs are still in training, or not plain.
    """
    gc.set_threshold(_OBJECTS)
    comparisons = parse_where(where) if where is not None else ()
    named = _with_stdin(arguments) if arguments else None
    opened = open_store(store)
    settle_abandoned(opened)
    with opened.read() as connection:
        ids = None if named is None else tuple(find_ids(connection, named))
        trained = ids is None and where is None and not any_kind
        chosen = Selection(ids, comparisons, trained, plain=plain and ids is None and not names_ends(comparisons))
        left_out = chosen.left_out(connection)
        if not chosen.exists(connection):
            finished = count_finishes(connection, replace(chosen, plain=False))
            if finished:
                counted = ", ".join(f"{runs} {name}" for name, runs in finished.items())
                raise NothingFoundError(f"no plain end, but {counted} ({asking_for(finished)} draws them)")
            if left_out and not trained:
                raise NothingFoundError(f"nothing to show yet: {_counted(sum(left_out.values()))} still running")
            if where is not None:
                raise NothingFoundError(f"no run matches --where '{where}'")
            raise NothingFoundError("the store has no trained run that ended well: train some with nccli train-dufm")
        if left_out:
            note(f"{sum(left_out.values())} runs left out: {', '.join(left_out)}", quiet)
        asked_by = {name.split(".")[0] for name in columns_of(comparisons)}  # of config.NAME, `config`
        read = None if columns is None else {*columns, *asked_by}
        if read is not None:
            chosen = chosen.with_survey(connection, read)
        chosen = replace(chosen, without=name_unreadable(connection, chosen, _with_layers(tables, asked_by), read))
        if not chosen.exists(connection):
            raise SomeRunsFailedError(_NONE_READABLE)
        yield connection, chosen


@contextmanager
def selected_or_trained(
    store: str | None, arguments: Sequence[str] | None, where: str | None, quiet: bool
) -> Iterator[tuple[Connection, list[Row]]]:
    """As `selection`, with the rows of the runs.

    Raises:
        InputError, NothingFoundError: as `selected_ids`.
    """
    with selection(store, arguments, where, quiet) as (connection, chosen):
        if chosen.ids is not None:
            ids = [key for key in select_ids(connection, chosen.ids, chosen.where) if key not in chosen.without]
            yield connection, [run for run in select_runs(connection, ids) if run["status"] != RUNNING]
        else:
            yield connection, select_selected(connection, chosen)


def _with_layers(tables: Collection[str], asked_by: Collection[str]) -> Collection[str]:
    """Tables that are read where conditions are about metrics over layers too."""
    return tables if set(SUMMARIES).isdisjoint(asked_by) else {*tables, "layer"}


def _counted(runs: int) -> str:
    return "the run is" if runs == 1 else f"all {runs} runs are"


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

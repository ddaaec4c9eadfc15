"""`nccli store path|check|upgrade|backup|merge`; `seal` is a file of its own."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from nccli.cli import options as option
from nccli.cli.commands.seal import seal
from nccli.cli.notes import note, warn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nccli.store import MergeReport

_NAMED = 20
"""Runs that are named one by one."""


def show_path(store: option.StoreLocation = None, format: option.Format = None) -> None:
    """Print where the store is, whether or not it exists yet."""
    from nccli.cli.output import Column, emit, plain, write
    from nccli.store import shown_location, store_location

    location = shown_location(store_location(store))
    if format is None:
        write(f"{location}\n")
    else:
        emit([{"path": location}], format, format, [Column("path", plain("path"), left=True)])


def check(
    repair: Annotated[
        bool,
        typer.Option("--repair", help="Set aside what is damaged into a file beside the store; the rest stays usable."),
    ] = False,
    store: option.StoreLocation = None,
    format: option.Format = None,
    quiet: option.Quiet = False,
) -> None:
    """Check whether the store is sound.

    Schema, journal, file system and whether other machines share it, integrity, foreign keys, partial runs, abandoned
    runs, odd matrices, and every run against its checksum and the ranges of its values. Exit 0 if it is sound, 5 if
    not.
    """
    from nccli.cli.opened import open_store
    from nccli.cli.output import Column, emit, plain
    from nccli.errors import StoreError
    from nccli.store import Store, check_store, store_location

    location = store_location(store)
    if repair:
        _repair(location, quiet)
    opened = Store.peek(location)
    if not opened.is_current and opened.is_kept:
        opened = open_store(location)
    findings = check_store(opened)
    for finding in findings:
        _tell(finding.reasons, "is damaged")
        if finding.advice:
            note(finding.advice, quiet)
    records = [{"check": f.check, "value": f.value, "ok": f.ok} for f in findings]
    columns = [Column(name, plain(name), left=True) for name in ("check", "value", "ok")]
    emit(records, format, option.OutputFormat.jsonl, columns)
    bad = [f"{f.check}: {f.value}" for f in findings if not f.ok]
    if bad:
        raise StoreError("the store is not sound: " + "; ".join(bad))


def _repair(location: str, quiet: bool) -> None:
    from nccli.store import DamagedStoreError, Store, check_store, repair_store

    try:
        opened = Store.peek(location)
        findings = check_store(opened)
    except DamagedStoreError:
        opened, findings = Store.at(location), []
    if findings and all(finding.ok for finding in findings):
        return
    done = repair_store(opened, findings)
    _tell(done.set_aside, "was set aside")
    if done.file is not None:
        what = f"{len(done.set_aside)} runs were set aside into {done.file}"
        note(f"{what}: a line mended by hand can be imported", quiet)
    if done.copy is not None:
        note(f"the store is a new file with the {done.kept} runs that are sound; as it was it is {done.copy}", quiet)


def _tell(reasons: "Mapping[str, str]", what: str) -> None:
    for key in sorted(reasons)[:_NAMED]:
        warn(f"run {key} {what}: {reasons[key]}")
    if len(reasons) > _NAMED:
        warn(f"and {len(reasons) - _NAMED} more")


def upgrade(store: option.StoreLocation = None, format: option.Format = None) -> None:
    """Bring an older store to the newest schema.

    A copy of the file as it was stays beside it. Every command does this by itself; here it is said what was done.
    """
    from nccli.cli.output import Column, emit, plain
    from nccli.store import Store, store_location

    opened = Store.peek(store_location(store))
    if not opened.is_current:
        opened = Store.create(store_location(store))
    record = {
        "store": opened.location,
        "schema": opened.revision,
        "upgraded_from": opened.upgraded_from,
        "backup": None if opened.backup is None else str(opened.backup),
        "bytes_before": opened.bytes_before,
        "bytes_after": opened.bytes_after,
    }
    emit([record], format, option.OutputFormat.jsonl, [Column(name, plain(name), left=True) for name in record])
    if opened.bytes_before and opened.bytes_after:
        sizes = f"{opened.bytes_after / 1e6:.3g} MB, and was {opened.bytes_before / 1e6:.3g} MB"
        note(f"the store is {sizes}; as it was it is {opened.backup}", False)


def backup(
    file: Annotated[
        str | None,
        typer.Argument(metavar="[FILE]", help="The copy. [default: STORE-backup-TIME beside it]", show_default=False),
    ] = None,
    store: option.StoreLocation = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a file that is there.")] = False,
) -> None:
    """Copy the store, while others read and write it.

    Prints the name of the copy. A PostgreSQL store is copied into an SQLite file. The copy of a sealed store is not
    sealed.
    """
    from datetime import UTC, datetime
    from tempfile import TemporaryDirectory

    from nccli.cli.output import write
    from nccli.errors import InputError
    from nccli.outputs import Output
    from nccli.store import Store, copy_file, merge_stores, store_file, store_location
    from nccli.store_files import BACKUP, Role, journals

    own = store_file(store)
    if file is None:
        file = f"{own or 'nccli.db'}{BACKUP}{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    target = Output("", Path(file), own, replaces=frozenset({Role.BACKUP, Role.DATABASE}))
    target.require()
    if target.is_stream:
        raise InputError(f"{target} must be a file: a database cannot be written into a pipe or a device")
    if target.path.exists() and not force:
        raise InputError(f"{target} is there already: name another file, or --force replaces it")
    if left := journals(target.path):
        raise InputError(f"{target} would be changed by {left[0]}, of a program that writes or died: name another file")
    source = Store.peek(store_location(store))
    if source.path is not None:
        copy_file(source.path, target.path, target.permit)
    else:
        with TemporaryDirectory(prefix=f".{target.path.name[:100]}.", dir=target.path.parent) as folder:
            copy = Path(folder) / "copy.db"
            merge_stores([store_location(store)], Store.create(str(copy)))
            copy_file(copy, target.path, target.permit)
    write(f"{target.path}\n")


def merge(
    sources: Annotated[list[str], typer.Argument(metavar="STORE...", help="Stores and rescue files.")],
    into: Annotated[
        str | None,
        typer.Option("--into", metavar="PATH|URL", help="Where runs go. [default: as --store]", show_default=False),
    ] = None,
    without: Annotated[
        str | None,
        typer.Option(
            "--without",
            metavar="PART,…",
            help="What to leave out: history, matrices, weights, trajectory, host (its name).",
            show_default=False,
        ),
    ] = None,
    store: option.StoreLocation = None,
    format: option.Format = None,
    quiet: option.Quiet = False,
) -> None:
    """Merge the runs of stores into one.

    The others stay as they are. Any order of the stores, and any repetition, ends in the same store. A finished run
    takes the place of an unfinished one. Of different results of one run the one that is there stays, unless it was
    changed outside nccli; they are listed, with exit code 4. With --without the runs that come lack a part; of copies
    of one result the one that has more stays.

    Example: nccli store merge laptop.db cluster.db --into all.db
    """
    from nccli.errors import InputError
    from nccli.store import LEFT_OUT, Store, merge_stores, store_location

    parts = [] if without is None else [part.strip() for part in without.split(",")]
    if odd := [part for part in parts if part not in LEFT_OUT]:
        raise InputError(f"--without {odd[0]}: must be among {', '.join(LEFT_OUT)}")
    if into is not None and store is not None:
        raise InputError("--into and --store name the same thing: drop one of them")
    for source in sources:
        Store.peek(source)
    target = Store.create(store_location(into or store))
    report_merge(merge_stores(sources, target, parts), target.location, format, quiet)


def report_merge(report: "MergeReport", location: str, format: option.OutputFormat | None, quiet: bool) -> None:
    """Print what a merge did; the conflicts one by one on stderr.

    Raises:
        SomeRunsFailedError: there were conflicts.
    """
    from nccli.cli.output import Column, emit, plain
    from nccli.errors import SomeRunsFailedError

    record = {
        "store": location,
        **{name: getattr(report, name) for name in ("added", "finished", "same", "skipped")},
        "conflicts": [conflict.id for conflict in report.conflicts],
    }
    columns = [Column(name, plain(name)) for name in ("added", "finished", "same", "skipped")]
    columns.append(Column("conflicts", lambda record: str(len(record["conflicts"]))))
    emit([record], format, option.OutputFormat.jsonl, columns)
    if report.skipped:
        note(f"{report.skipped} runs are in training and were left out", quiet)
    for key, place in report.doubtful:
        warn(f"run {key} from {place} was changed outside nccli, its checksum does not fit: see nccli store check")
    for conflict in report.conflicts:
        if conflict.where is None:
            warn(
                f"run {conflict.id} was changed outside nccli in {location} (loss {conflict.other!r}): a result that "
                f"fits its checksum takes its place (loss {conflict.kept!r})"
            )
            continue
        if conflict.source == conflict.where:
            losses = f"loss {conflict.kept!r}, which is stored, and loss {conflict.other!r}, which is not"
            warn(f"run {conflict.id} has two results in {conflict.where}: {losses}")
            continue
        place = conflict.source or location
        outcome = "stays as it is" if conflict.source is None else "is stored"
        warn(
            f"run {conflict.id} has another result in {conflict.where} "
            f"(loss {conflict.other!r}) than in {place} (loss {conflict.kept!r}), which {outcome}"
        )
    if report.conflicts:
        raise SomeRunsFailedError(f"{len(report.conflicts)} runs differ and were not merged; the rest is stored")


COMMANDS: dict[str, Callable[..., None]] = {
    "path": show_path,
    "check": check,
    "upgrade": upgrade,
    "backup": backup,
    "merge": merge,
    "seal": seal,
}

"""`nccli sweep status|wait|merge|cancel`: coming back to what a cluster carries out."""

from collections import Counter
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nccli.cli import options as option
from nccli.cli.notes import note, warn
from nccli.errors import InputError, SomeRunsFailedError

if TYPE_CHECKING:
    from nccli.store import Store
    from nccli.sweep.cluster.folder import SweepFolder
    from nccli.sweep.cluster.tasks import Tasks

Name = Annotated[str, typer.Argument(metavar="NAME", help="Of the sweep, or how it begins.")]


def status(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="Of the sweep. [default: list them]")] = None,
    store: option.StoreLocation = None,
    format: option.Format = None,
) -> None:
    """Show how a sweep in a cluster stands, job by job.

    Without a name, the sweeps that lie beside the store.
    """
    from nccli.cli.output import Column, emit, plain
    from nccli.store import store_file
    from nccli.sweep.cluster.folder import sweeps
    from nccli.sweep.cluster.overview import overview

    if name is None:
        found = [_summary(each) for each in sweeps(store_file(store))]
        columns = [Column(key, plain(key)) for key in ("name", "tag", "jobs", "open", "folder")]
        emit(found, format, option.OutputFormat.jsonl, columns)
        return
    folder, there = _found(name, store)
    records = overview(folder, there)
    shown = ("job", "state", "runs", "stored", "made", "task", "attempts", "node", "reason", "error")
    emit(records, format, option.OutputFormat.jsonl, [Column(key, plain(key)) for key in shown])


def wait(
    name: Name, store: option.StoreLocation = None, format: option.Format = None, quiet: option.Quiet = False
) -> None:
    """Wait for a sweep, merge what its tasks make, print it.

    A task that was lost is begun once more, as by the command that submitted the sweep.
    """
    from nccli.cli.signals import stop_on_signals
    from nccli.sweep.cluster.tasks import follow

    folder, there = _found(name, store)
    with stop_on_signals() as stop:
        tasks = _tasks(folder, there, stop, quiet)
        tasks.take_on()
        follow(tasks)
        missing = _print(folder, there, format, quiet)
        if stop():
            raise stop.error("interrupted; the tasks go on")
    if missing:
        raise SomeRunsFailedError(
            f"{missing} runs of sweep {name} are not stored: the command that made it submits them"
        )


def merge(
    name: Name, store: option.StoreLocation = None, format: option.Format = None, quiet: option.Quiet = False
) -> None:
    """Merge what the tasks of a sweep have made so far.

    Those that still run included. Prints its runs.
    """
    folder, there = _found(name, store)
    _merge(folder, there)
    missing = _print(folder, there, format, quiet)
    note(f"{missing} runs of sweep {name} are still to come", quiet or not missing)


def cancel(
    name: Name, store: option.StoreLocation = None, format: option.Format = None, quiet: option.Quiet = False
) -> None:
    """End the tasks of a sweep, and merge what they made."""
    from nccli.sweep.cluster import slurm

    folder, there = _found(name, store)
    left = [task for task in folder.tasks().values() if task.open and task.ids]
    try:
        living = slurm.alive([task.ids[-1] for task in left])
        slurm.cancel(list(living))
        slurm.wait_until_gone(list(living))
    except slurm.UnreachableError as error:
        raise InputError(f"the cluster cannot be reached: {error}; nothing was cancelled") from error
    _merge(folder, there)
    folder.note("given up", [task.number for task in left])
    note(f"{len(living)} tasks of sweep {name} were ended", quiet)
    _print(folder, there, format, quiet)


def _found(name: str, location: str | None) -> "tuple[SweepFolder, Store]":
    from nccli.store import Store, store_file, store_location
    from nccli.sweep.cluster.folder import SweepFolder

    return SweepFolder.open(store_file(location), name), Store.create(store_location(location))


def _tasks(folder: "SweepFolder", store: "Store", stop: Callable[[], bool], quiet: bool) -> "Tasks":
    from nccli.sweep.cluster.tasks import Tasks
    from nccli.training.watch import Watch

    def say(text: str) -> None:
        note(text, quiet)

    watch: Watch[Any] = Watch(should_stop=stop, on_trouble=warn, on_note=say, on_wait=say)
    return Tasks(folder, store, watch)


def _merge(folder: "SweepFolder", store: "Store") -> None:
    from nccli.sweep.cluster.tasks import merge_results

    merge_results(folder, [number for number, task in folder.tasks().items() if not task.merged], store)


def _print(folder: "SweepFolder", store: "Store", format: option.OutputFormat | None, quiet: bool) -> int:
    """Print the runs of a sweep that the store has, and return how many it has not."""
    from nccli.catalogue.runs import FINISHED
    from nccli.cli.output import emit
    from nccli.cli.run_table import run_columns
    from nccli.cli.selection import readable_runs
    from nccli.cli.sweep_notes import note_degenerate
    from nccli.store import existing_statuses, run_records

    ids = list(dict.fromkeys(key for number in folder.tasks() for key in folder.job(number).by_id))
    with store.read() as connection:
        statuses = existing_statuses(connection, ids)
        there = [key for key in ids if statuses.get(key) in FINISHED]
        records = run_records(connection, readable_runs(connection, there))
    note_degenerate(records, quiet)
    emit(records, format, option.OutputFormat.ids, run_columns(records))
    ended = Counter(statuses[key] for key in there)
    if ended["diverged"]:
        warn(f"{ended['diverged']} of {len(ids)} runs diverged")
    return len(ids) - len(there)


def _summary(folder: "SweepFolder") -> dict[str, Any]:
    tasks, sweep = folder.tasks(), folder.sweep
    left = sum(task.open for task in tasks.values())
    return {"name": sweep.name, "tag": sweep.tag, "jobs": len(tasks), "open": left, "folder": str(folder.path)}


COMMANDS: dict[str, Callable[..., None]] = {"status": status, "wait": wait, "merge": merge, "cancel": cancel}

"""What the training commands share: plan, --dry-run, train, print, exit codes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from shlex import quote
from typing import TYPE_CHECKING, Any

from nccli.catalogue.runs import FAILED, RUNNING
from nccli.cli.collector import collect_as_usual
from nccli.cli.hands import Hands
from nccli.cli.notes import note, warn
from nccli.cli.options import OutputFormat
from nccli.cli.progress import TrainingProgress, Words
from nccli.cli.sweep_notes import existing_store, note_degenerate, note_stored, what_went_wrong
from nccli.errors import SomeRunsFailedError
from nccli.training.group import Group

if TYPE_CHECKING:
    from nccli.cli.output import Column
    from nccli.store import FinishedRun, Store
    from nccli.sweep import Executor, JobSize, Plan, Trainer


@dataclass(frozen=True)
class Request:
    """What the user asked of a training command, beside the runs themselves.

    Attributes:
        device: "auto", "cpu" or "cuda".
        store: location of the store; None for the usual one.
        format: of the records; None for what suits the stream.
        force: make stored runs again.
        dry_run: show what would be done.
        quiet: no notes, no progress.
        tag: name of the runs; None for none.
        hands: who carries the runs out.
        command: the line for a shell that makes the run of a configuration by itself.
    """

    device: str
    store: str | None
    format: OutputFormat | None
    force: bool
    dry_run: bool
    quiet: bool
    tag: str | None = None
    hands: Hands = field(default_factory=Hands)
    command: Callable[[Any], str] = lambda config: ""


@dataclass(frozen=True)
class Training:
    """What a training command does in its own way.

    Attributes:
        trainer: of the runs.
        words: what is said of its progress.
        hint: the options that may help where runs diverged.
        show: prints what would be done in jobs of a size, for --dry-run; the store is None where there is none.
        check: refuses what cannot be done, with an InputError.
        on_run: called with each run when it is stored.
        on_records: called with all records before they are printed.
        piped: format where stdout is no terminal.
        columns: of the table of records; None for those of any run.
        records: what is printed of the records of runs.
    """

    trainer: "Trainer[Any]"
    words: Words
    hint: str
    show: "Callable[[Plan[Any], Store | None, JobSize], None]"
    check: "Callable[[Plan[Any]], None]" = lambda plan: None
    on_run: "Callable[[FinishedRun], None]" = lambda run: None
    on_records: Callable[[Sequence[Mapping[str, Any]]], None] = lambda records: None
    piped: OutputFormat = OutputFormat.ids
    columns: "Callable[[Sequence[Mapping[str, Any]]], Sequence[Column]] | None" = None
    records: Callable[[Sequence[Mapping[str, Any]]], Sequence[Mapping[str, Any]]] = list


def carry_out(configs: Sequence[Any], request: Request, training: Training, group: Group | None = None) -> None:
    """Train what the store lacks of a grid, and print all of it.

    Args:
        configs: the grid.
        request: what else the user asked.
        training: how it is done.
        group: the processes that train together; the leader stores, prints and complains.

    Raises:
        InputError: something that cannot be trained here; nothing was trained.
        InterruptedRunError: somebody asked to stop; what was trained so far is stored and printed.
        SomeRunsFailedError: runs diverged; the others are stored and printed.
        StoreError: the store failed.
    """
    from nccli.cli.signals import stop_on_signals
    from nccli.store import Store, store_location
    from nccli.sweep import execute, plan_runs
    from nccli.training.watch import Watch

    group = group or Group()
    location = store_location(request.store)
    if request.dry_run:
        if group.leads:
            found = existing_store(location)
            asked: Plan[Any] = plan_runs(configs, found, request.force)
            training.check(asked)
            place = found or Store.at(location)
            size = request.hands.executor(training.trainer, asked, place, group, request.quiet).size
            training.show(asked, found, size)
        return
    store = group.leader_does(lambda: Store.create(location))
    plan: Plan[Any] = group.from_leader(
        group.leader_does(lambda: plan_runs(configs, store, request.force, request.tag))
    )
    training.check(plan)
    note_stored(plan, request.quiet)
    executor: Executor | None = None
    if store is not None and plan.left:
        executor = request.hands.executor(training.trainer, plan, store, group, request.quiet)
    collect_as_usual()
    with stop_on_signals() as stop:
        with TrainingProgress(request.quiet, training.words) as progress:

            def say(text: str) -> None:
                note(text, request.quiet)

            watch = Watch(progress, stop, warn, say, say)
            statuses = execute(plan, training.trainer, store, watch, executor, group, training.on_run)
        if group.leads and store is not None:
            _print(
                [key for key in plan.configs if statuses.get(key, FAILED) not in (FAILED, RUNNING)],
                store,
                request,
                training,
            )
        if group.leads:
            note_in_cluster(executor, statuses, request)
        problem = what_went_wrong(plan, statuses, training.hint)
        if stop():
            what = f"interrupted: {problem}" if problem else "interrupted"
            raise stop.error(f"{what}; the same command goes on from there" if group.leads else "")
    if problem:
        raise SomeRunsFailedError(problem if group.leads else "")


def note_in_cluster(executor: "Executor | None", statuses: Mapping[str, str], request: Request) -> None:
    """Say which runs go on without this process, and how to come back to them."""
    folder = getattr(executor, "folder", None)
    left = sum(status == RUNNING for status in statuses.values())
    if folder is not None and left:
        name, at = folder.sweep.name, "" if request.store is None else f" --store {quote(request.store)}"
        note(f"{left} runs go on in the cluster: nccli sweep status {name}{at} · wait · merge · cancel", request.quiet)


def _print(ids: Sequence[str], store: "Store", request: Request, training: Training) -> None:
    from nccli.cli.output import emit
    from nccli.cli.run_table import run_columns
    from nccli.cli.selection import readable_runs
    from nccli.store import run_records

    with store.read() as connection:
        records = run_records(connection, readable_runs(connection, ids))
    training.on_records(records)
    note_degenerate(records, request.quiet)
    columns = run_columns if training.columns is None else training.columns
    shown = training.records(records)
    emit(shown, request.format, training.piped, columns(shown))

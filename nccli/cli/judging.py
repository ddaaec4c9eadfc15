"""`measure --hessian`: stored runs judged one after the other, each verdict stored as it is there."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from nccli.catalogue.runs import ENDED_WELL
from nccli.catalogue.verdicts import Verdict
from nccli.cli import options as option
from nccli.cli.notes import fail_later, note, warn
from nccli.cli.output import Column, Record, emit, number, plain
from nccli.cli.run_table import run_column
from nccli.cli.signals import StopRequest, stop_on_signals
from nccli.errors import InputError, SomeRunsFailedError
from nccli.store import Row, Store
from nccli.sweep.judged import JudgedRun, judged_run, way_on


def judge_runs(store: Store, ids: Sequence[str], escape: bool, format: option.OutputFormat | None, quiet: bool) -> None:
    """Judge runs, store and print what was found.

    Args:
        store: that has them.
        ids: of the runs.
        escape: whether saddles and points that are not stationary are left, and where that leads is judged too.
        format: of the records.
        quiet: no notes.

    Raises:
        InputError: none of them can be judged.
        InterruptedRunError: Ctrl-C or SIGTERM; what was judged is stored.
        StoreError: verdicts cannot be stored there.
    """
    store.require_writable()
    judging, said = _Judging(store, escape, quiet), time.monotonic()
    with stop_on_signals() as stop:
        for number, key in enumerate(ids, 1):
            if stop():
                break
            judging.take(key, stop)
            if time.monotonic() - said > _EVERY:
                said = time.monotonic()
                note(f"{number} of {len(ids)} judged", quiet)
        judging.close(len(ids))
        if judging.records:
            emit(judging.records, format, option.OutputFormat.ids, VERDICT_COLUMNS)
        if stop():
            raise stop.error(f"interrupted: {len(judging.records)} of {len(ids)} runs judged; the rest is as it was")


class _Judging:
    """What was judged so far."""

    def __init__(self, store: Store, escape: bool, quiet: bool) -> None:
        self._store, self._escape, self._quiet = store, escape, quiet
        self.records: list[dict[str, Any]] = []
        self._failed: list[str] = []
        self._open = self._flat = 0

    def take(self, key: str, stop: StopRequest) -> None:
        """Judge a run; where that cannot be done, say so at the end."""
        try:
            judged = self._judged(key)
            if self._escape:
                self._leave(judged, stop)
        except InputError as error:
            self._failed.append(str(error))

    def close(self, asked: int) -> None:
        """Say what the verdicts leave open, and which runs have none.

        Raises:
            InputError: all of them.
        """
        if self._failed and not self.records:
            others = len(self._failed) - 1
            raise InputError(self._failed[0] + (f" (and {others} more)" if others else ""))
        for reason in self._failed:
            warn(reason)
        if self._failed:
            fail_later(SomeRunsFailedError(f"{len(self._failed)} of {asked} runs not judged; the rest is stored"))
        if self._open:
            note(f"{self._open} verdicts stay open: a way should lead down, and no lower point was found", self._quiet)
        if self._flat:
            note(
                f"of {self._flat} of {len(self.records)} points the loss is flat to second order off the kinks as well "
                "(flat_exits): no strict minima there",
                self._quiet,
            )

    def _judged(self, key: str) -> JudgedRun:
        from nccli.store import add_to_run

        judged = judged_run(self._store, _row(self._store, key))
        add_to_run(self._store, key, judged.columns)
        self.records.append(judged.record)
        self._open += judged.found.verdict is None
        standing = judged.found.verdict in (Verdict.MINIMUM, Verdict.DEGENERATE)
        self._flat += bool(standing and judged.found.flat_exits)
        if judged.row["max_dnc1"] is not None and judged.row["max_dnc1"] > _COLLAPSED:
            spread = f"DNC1 {judged.row['max_dnc1']:.1g}"
            note(f"run {key} had not collapsed ({spread}): its class means were judged", self._quiet)
        further = way_on(judged)
        if further is not None:
            note(further, self._quiet)
        return judged

    def _leave(self, judged: JudgedRun, stop: StopRequest) -> None:
        """Follow a way down from a point that is no minimum, and from where that leads if it is none either."""
        if judged.found.verdict in (Verdict.MINIMUM, Verdict.DEGENERATE):
            note(f"run {judged.row['id']} is a minimum as far as second order tells: no way leads down", self._quiet)
            return
        for _ in range(_MOST_ESCAPES):
            further = self._left(judged, stop)
            if further is None or further.found.verdict in (Verdict.MINIMUM, Verdict.DEGENERATE):
                return
            judged = further

    def _left(self, judged: JudgedRun, stop: StopRequest) -> JudgedRun | None:
        """One way down, and the judgement on its end; None where there is no end."""
        from nccli.cli.progress import BATCH_WORDS, TrainingProgress
        from nccli.sweep.escape import escape
        from nccli.training.watch import Watch

        key, before = judged.row["id"], judged.found.loss
        with TrainingProgress(self._quiet, BATCH_WORDS) as progress:
            found = escape(self._store, judged, Watch(progress, stop, warn))
        if found is None:
            warn(f"run {key}: no lower point was found beside it")
            return None
        if stop():
            return None
        if found.status not in ENDED_WELL:
            warn(f"run {key} left by {found.way}: the descent from there, run {found.descent}, {found.status}")
            return None
        self.records[-1]["escaped_to"] = found.run
        led = self._judged(found.run)
        what = led.found.verdict or "open"
        fall = f"loss {before:.8g} → {led.found.loss:.8g}"
        note(f"run {key} left {found.way}: {fall}, run {found.run}, {what}", self._quiet)
        return led


_MOST_ESCAPES = 5
"""A taste: how often ends of descents that are no minima are left in turn."""

_COLLAPSED = 1e-8
"""A taste: DNC1 of class means that are the run."""

_EVERY = 30.0
"""Seconds between lines of progress, as of training: the design sheet's."""


def _row(store: Store, key: str) -> Row:
    from nccli.store import select_runs

    with store.read() as connection:
        rows = select_runs(connection, [key])
    if not rows:
        raise InputError(f"run {key} is not there any more")
    return rows[0]


def _verdict(record: Record) -> str:
    return str(record["verdict"] or "open")


def _flat(record: Record) -> str:
    """Zero eigenvalues, and how many of them symmetry explains."""
    return "" if record["flat_directions"] is None else f"{record['flat_directions']} ({record['symmetries']})"


def _kinks(record: Record) -> str:
    weak = record["weak_kinks"]
    return f"{record['kinks']} ({weak})" if weak else str(record["kinks"])


def _proved(record: Record) -> str:
    found: Mapping[int | None, str] = {None: "", 0: "searched", 1: "all"}
    return found[record["verdict_proved"]]


VERDICT_COLUMNS: Sequence[Column] = (
    *(run_column(name) for name in ("id", "kind", "K", "L", "n", "width", "wd")),
    run_column("loss", 8),
    Column("verdict", _verdict, left=True),
    Column("residual", number("verdict_residual", 2)),
    Column("least", number("hessian_min", 3)),
    Column("largest", number("hessian_max", 3)),
    Column("negative", plain("negative_directions")),
    Column("flat (symm.)", _flat),
    Column("kinks (weak)", _kinks),
    Column("slope", number("least_slope", 2)),
    Column("new unit", number("new_unit_gain", 5)),
    Column("ways off", _proved, left=True),
)
"""Of `measure --hessian`."""

"""Progress of training on stderr: a bar on a terminal, a plain line every 30 s elsewhere."""

import os
import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from nccli.dufm.progress import Progress
    from nccli.e2e.result import EpochProgress

_PLAIN_SECONDS = 30.0
_TITLE = 16


class TrainingProgress:
    """Shows how a sweep goes. Use as a context manager and as the callback of `execute_dufm` or `execute_e2e`."""

    def __init__(
        self,
        quiet: bool,
        title: Callable[[int, int, Any], str] | None = None,
        state: Callable[[Any], str] | None = None,
    ) -> None:
        """Prepare; nothing is shown yet.

        Args:
            quiet: show nothing ever.
            title, state: what to say of a batch and of its progress; by default that of DUFM training.
        """
        self._quiet = quiet
        self._title: Callable[[int, int, Any], str] = title or _title
        self._state: Callable[[Any], str] = state or _state
        self._bar_width = 20 if state is None else 8
        self._bar: Any = None
        self._task: Any = None
        self._next = time.monotonic() + _PLAIN_SECONDS

    def __enter__(self) -> Self:
        """Start the bar where stderr is a terminal that can draw one."""
        if not self._quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn
            from rich.table import Column

            whole = Column(no_wrap=True, min_width=_TITLE)
            title = TextColumn("{task.description}", table_column=whole)
            columns = (title, BarColumn(bar_width=self._bar_width), TextColumn("{task.fields[state]}"))
            self._bar = Progress(*columns, console=Console(file=sys.stderr, legacy_windows=False), transient=True)
            self._bar.start()
            self._task = self._bar.add_task("training", total=None, state="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, batch: int, batches: int, progress: "Progress | EpochProgress") -> None:
        """Show the state of a batch, one of so many."""
        if self._bar is not None:
            self._bar.update(
                self._task,
                description=self._title(batch, batches, progress),
                total=progress.steps,
                completed=progress.step,
                state=self._state(progress),
            )
        elif not self._quiet and time.monotonic() >= self._next:
            self._next = time.monotonic() + _PLAIN_SECONDS
            print(f"{self._title(batch, batches, progress)}: {self._state(progress)}", file=sys.stderr, flush=True)


def _title(batch: int, batches: int, progress: "Progress") -> str:
    part = f" (batch {batch + 1} of {batches})" if batches > 1 else ""
    if progress.refining:
        return f"refining run {progress.refining} of {progress.runs}{part}"
    return f"{progress.active} of {progress.runs} runs{part}"


def _state(progress: "Progress") -> str:
    clock = clock_time(progress.seconds_left)
    if progress.refining:
        return f"loss {progress.loss:.4g} dnc1 {progress.dnc1:.1e} rank {progress.rank:.1f}"
    return (
        f"step {progress.step}/{progress.steps} loss {progress.loss:.4g} dnc1 {progress.dnc1:.1e} "
        f"rank {progress.rank:.1f} {progress.steps_per_second:.0f} steps/s {clock} left"
    )


def epoch_title(run: int, runs: int, progress: "EpochProgress") -> str:
    """Which network is trained, and how far it is."""
    last = run + progress.together
    which = f"runs {run + 1} to {last}" if progress.together > 1 else f"run {last}"
    return f"epoch {progress.epoch}/{progress.epochs}" + (f" ({which} of {runs})" if runs > 1 else "")


def epoch_state(progress: "EpochProgress") -> str:
    """What was measured last, and how long it takes from here."""
    ranks = " ".join(map(str, progress.rank))
    return (
        f"loss {progress.loss:.3g} fit {progress.fit:.2g} reg {progress.reg:.2g} acc {progress.accuracy:.3f} "
        f"dnc1 {progress.dnc1[-1]:.0e} ranks {ranks} {clock_time(progress.seconds_left)} left"
    )


def clock_time(seconds: float) -> str:
    """Hours, minutes and seconds."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"

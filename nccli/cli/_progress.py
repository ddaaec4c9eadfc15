"""Progress of training on stderr: a bar on a terminal, a plain line every 30 s elsewhere."""

import os
import sys
import time
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from nccli.dufm.train import Progress

_PLAIN_SECONDS = 30.0


class TrainingProgress:
    """Shows how a sweep goes. Use as a context manager and as the callback of `execute_dufm`."""

    def __init__(self, batches: int, quiet: bool) -> None:
        """Prepare for so many batches; with `quiet`, show nothing."""
        self._batches = batches
        self._quiet = quiet
        self._bar: Any = None
        self._task: Any = None
        self._next = time.monotonic() + _PLAIN_SECONDS

    def __enter__(self) -> Self:
        """Start the bar where stderr is a terminal that can draw one."""
        if not self._quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            columns = (TextColumn("{task.description}"), BarColumn(bar_width=20), TextColumn("{task.fields[state]}"))
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

    def __call__(self, progress: "Progress", batch: int) -> None:
        """Show the state of a batch."""
        if self._bar is not None:
            self._bar.update(
                self._task,
                description=self._title(progress, batch),
                total=progress.steps,
                completed=progress.step,
                state=_state(progress),
            )
        elif not self._quiet and time.monotonic() >= self._next:
            self._next = time.monotonic() + _PLAIN_SECONDS
            print(f"{self._title(progress, batch)}: {_state(progress)}", file=sys.stderr, flush=True)

    def _title(self, progress: "Progress", batch: int) -> str:
        part = f" (batch {batch + 1} of {self._batches})" if self._batches > 1 else ""
        return f"{progress.active} of {progress.runs} runs{part}"


def _state(progress: "Progress") -> str:
    left = int(progress.seconds_left)
    clock = f"{left // 3600}:{left // 60 % 60:02d}:{left % 60:02d}"
    return (
        f"step {progress.step}/{progress.steps} loss {progress.loss:.4g} dnc1 {progress.dnc1:.1e} "
        f"rank {progress.rank:.1f} {progress.steps_per_second:.0f} steps/s {clock} left"
    )

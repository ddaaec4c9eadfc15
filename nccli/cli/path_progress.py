"""Progress of what has a share that is done: a bar on a terminal, a plain line every 30 s elsewhere."""

import os
import sys
import time
from types import TracebackType
from typing import Any, Self

_PLAIN_SECONDS = 30.0
"""The design sheet's: how often a line is printed where there is no bar."""


class PathProgress:
    """Shows how far paths are. Use as a context manager."""

    def __init__(self, quiet: bool) -> None:
        """Prepare; nothing is shown yet."""
        self._quiet, self._bar, self._task = quiet, None, None
        self._next = time.monotonic() + _PLAIN_SECONDS

    def __enter__(self) -> Self:
        """Start the bar where stderr is a terminal that can draw one."""
        if not self._quiet and sys.stderr.isatty() and os.environ.get("TERM") != "dumb":
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn

            bar: Any = Progress(
                TextColumn("paths"),
                BarColumn(bar_width=30),
                TextColumn("{task.percentage:>3.0f} %"),
                console=Console(file=sys.stderr, legacy_windows=False),
                transient=True,
            )
            bar.start()
            self._bar, self._task = bar, bar.add_task("paths", total=1.0)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, done: float) -> None:
        """Show the share that is done."""
        if self._bar is not None:
            self._bar.update(self._task, completed=done)
        elif not self._quiet and time.monotonic() >= self._next:
            self._next = time.monotonic() + _PLAIN_SECONDS
            print(f"paths: {100 * done:.0f} % done", file=sys.stderr, flush=True)

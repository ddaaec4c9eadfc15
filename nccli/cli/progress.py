"""Progress of training on stderr: a bar on a terminal, a plain line every 30 s elsewhere."""

import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from nccli.dufm.progress import Progress
    from nccli.e2e.result import NetworkProgress
    from nccli.search.search import SearchProgress
    from nccli.sweep import SweepProgress

_PLAIN_SECONDS = 30.0
"""The design sheet's: how often a line is printed where there is no bar."""

_TITLE = 16
"""Columns that the longest usual title takes, so that the bar does not jump."""


@dataclass(frozen=True)
class Words:
    """What is said of a kind of training.

    Attributes:
        title: what is in hand.
        state: how it goes.
        bar: columns of the bar; states that say more leave less for it.
    """

    title: "Callable[[SweepProgress[Any]], str]"
    state: Callable[[Any], str]
    bar: int


class ProgressLine:
    """A bar on a terminal, a plain line every 30 s elsewhere. Use as a context manager."""

    def __init__(self, quiet: bool, bar: int, name: str) -> None:
        """Prepare; nothing is shown yet.

        Args:
            quiet: show nothing ever.
            bar: its columns.
            name: title until there is another.
        """
        self._quiet, self._columns, self._name = quiet, bar, name
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
            columns = (title, BarColumn(bar_width=self._columns), TextColumn("{task.fields[state]}"))
            self._bar = Progress(*columns, console=Console(file=sys.stderr, legacy_windows=False), transient=True)
            self._bar.start()
            self._task = self._bar.add_task(self._name, total=None, state="")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.stop()

    def show(self, title: Callable[[], str], state: Callable[[], str], done: float, total: float) -> None:
        """Show how it goes; words are asked for only where they are shown."""
        if self._bar is not None:
            self._bar.update(self._task, description=title(), total=total, completed=done, state=state())
        elif not self._quiet and time.monotonic() >= self._next:
            self._next = time.monotonic() + _PLAIN_SECONDS
            print(f"{title()}: {state()}", file=sys.stderr, flush=True)


class TrainingProgress(ProgressLine):
    """Shows how a sweep goes, as `on_progress` of its watch."""

    def __init__(self, quiet: bool, words: Words) -> None:
        """Prepare; nothing is shown yet.

        Args:
            quiet: show nothing ever.
            words: `BATCH_WORDS`, `NETWORK_WORDS` or `SEARCH_WORDS`.
        """
        super().__init__(quiet, words.bar, "training")
        self._words = words

    def __call__(self, progress: "SweepProgress[Any]") -> None:
        """Show the state of a sweep."""
        inner, words = progress.inner, self._words
        self.show(lambda: words.title(progress), lambda: words.state(inner), inner.step, inner.steps)


def _batch_title(progress: "SweepProgress[Progress]") -> str:
    part, inner = progress.part, progress.inner
    which = f" (batch {part.job + 1} of {part.jobs})" if part.jobs > 1 else ""
    if inner.finishing:
        return f"{inner.finishing} {inner.finished} of {inner.runs}{which}"
    return f"{inner.active} of {inner.runs} runs{which}"


def _batch_state(progress: "Progress") -> str:
    clock = clock_time(progress.seconds_left)
    if progress.finishing:
        return f"{clock} left" if progress.steps_per_second > 0 else ""
    return (
        f"step {progress.step}/{progress.steps} loss {progress.loss:.4g} dnc1 {progress.dnc1:.1e} "
        f"rank {progress.rank:.1f} {progress.steps_per_second:.0f} steps/s {clock} left"
    )


def _network_title(progress: "SweepProgress[NetworkProgress]") -> str:
    """Which network is trained, and how far it is."""
    part, inner = progress.part, progress.inner
    last = part.run + inner.together
    which = f"runs {part.run + 1} to {last}" if inner.together > 1 else f"run {last}"
    return f"step {inner.step}/{inner.steps}" + (f" ({which} of {part.runs})" if part.runs > 1 else "")


def _network_state(progress: "NetworkProgress") -> str:
    """What was measured last, and how long it takes from here; τ counts time constants of weight decay."""
    over = {"DNC": progress.loss_dnc, "SRG": progress.loss_srg}
    losses = [f"/{name} {progress.loss / loss:.3g}" for name, loss in over.items() if loss]
    kept = [] if progress.kept is None else [f"classes {progress.kept}/{progress.K}"]
    parts = [f"τ {progress.passed:.1f}/{progress.time_constants:.3g}", f"loss {progress.loss:.3g}", *losses, *kept]
    ranks = " ".join(map(str, progress.rank))
    return f"{' '.join(parts)} ranks {ranks} dnc1 {progress.dnc1[-1]:.0e} {clock_time(progress.seconds_left)} left"


def clock_time(seconds: float) -> str:
    """Hours, minutes and seconds."""
    whole = int(seconds)
    return f"{whole // 3600}:{whole // 60 % 60:02d}:{whole % 60:02d}"


def _search_title(progress: "SweepProgress[SearchProgress]") -> str:
    part = progress.part
    which = f" (problem {part.job + 1} of {part.jobs})" if part.jobs > 1 else ""
    return f"{progress.inner.stage}{which}"


def _search_state(progress: "SearchProgress") -> str:
    """The best loss so far."""
    best = f"loss {progress.loss:.8g} /DNC {progress.loss / progress.loss_dnc:.4f}"
    return f"{progress.step}/{progress.steps} {best} {clock_time(progress.seconds)}"


BATCH_WORDS = Words(_batch_title, _batch_state, bar=20)
"""Of batches of the L-DUFM."""

NETWORK_WORDS = Words(_network_title, _network_state, bar=8)
"""Of networks trained end to end."""

SEARCH_WORDS = Words(_search_title, _search_state, bar=12)
"""Of searches."""

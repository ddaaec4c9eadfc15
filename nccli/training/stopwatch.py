"""How long a training takes, without the time in which its process was stopped or the machine slept."""

import time

_LEAST_SECONDS = 1.0
"""A taste: shorter gaps are those of any busy machine."""

_IDLE = 0.1
"""A taste: a crowded machine slows a process down by less than this, between two calls."""


class Stopwatch:
    """Counts the seconds between calls, which come at least every second or so of work.

    A process that is stopped (SIGSTOP, a machine that sleeps) uses no processor time. Where it used less than a tenth
    of what it took a second so far, a gap is counted as the time which that much processor time took so far.

    Attributes:
        seconds: counted up to the last call.
    """

    def __init__(self) -> None:
        """From now on."""
        self.seconds, self._used = 0.0, 0.0
        self._wall, self._processor = time.perf_counter(), time.process_time()

    def tick(self) -> float:
        """Count the time since the last call, and return all that was counted."""
        gap, used = time.perf_counter() - self._wall, time.process_time() - self._processor
        self._wall, self._processor = self._wall + gap, self._processor + used
        usual = self._used / self.seconds if self.seconds else 1.0
        if gap > _LEAST_SECONDS and used < _IDLE * usual * gap:
            gap = used / usual
        self.seconds, self._used = self.seconds + gap, self._used + used
        return self.seconds

    def rate(self, count: int) -> float:
        """How many a second that is, of so many things done since the start."""
        return count / max(self.tick(), 1e-9)

"""A program of the machine that gets so long and no longer."""

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Sequence
from contextlib import suppress

_KEPT_BYTES = 2**16
"""A bound: of what it prints."""

_LOOK_SECONDS = 0.05
"""A taste: how often to see whether it has ended while a child of its own holds on to its output."""


def output_within(seconds: float, command: Sequence[str]) -> tuple[int, str]:
    """Exit code and output of a command that reads nothing and writes files for us alone.

    Raises:
        OSError: it cannot be started.
        TimeoutError: it has not ended in time; it was killed with all that it had started.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        process_group=0,
        umask=0o077,
    ) as process:
        try:
            output = _output(process, time.monotonic() + seconds)
        except BaseException:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
    return process.returncode, output.decode(errors="replace")


def _output(process: subprocess.Popen[bytes], end: float) -> bytes:
    """What it prints until it has ended, or until a child of its own is the last to hold on to its output."""
    assert process.stdout is not None
    kept = b""
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        while (left := end - time.monotonic()) > 0:
            ended = process.poll() is not None
            if not selector.select(0 if ended else min(_LOOK_SECONDS, left)):
                if ended:
                    return kept
            elif part := os.read(process.stdout.fileno(), _KEPT_BYTES):
                kept = (kept + part)[:_KEPT_BYTES]
            else:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(left)
                    return kept
    raise TimeoutError(f"not ended in time: {process.args!r}")

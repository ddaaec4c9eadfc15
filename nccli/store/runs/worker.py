"""A process as others can recognise it: which it is, and whether it still lives."""

import os
import platform
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

_PROC = Path("/proc")
_START = 18
"""Place of the start time in /proc/PID/stat after name and state: field 22 of proc(5), in clock ticks since boot."""


@dataclass(frozen=True)
class Identity:
    """What tells this process from every other one, also from a later one with the same number.

    Attributes:
        id: 12 hex digits, drawn at random.
        host: name of the machine.
        place: boot and process-number namespace; "" where the system does not tell.
        pid: process number in that namespace.
        process_start: when the process started, as the system counts; "" where it does not tell.
    """

    id: str
    host: str
    place: str
    pid: int
    process_start: str


def this_process() -> Identity:
    """The identity of the calling process, with a new id."""
    return Identity(secrets.token_hex(6), platform.node(), _place(), os.getpid(), _process_start(os.getpid()) or "")


def lives(worker: Mapping[str, Any]) -> bool | None:
    """Whether a process still runs; None for one that cannot be seen from here.

    Args:
        worker: `place`, `pid` and `process_start` of an `Identity`.
    """
    if not worker["place"] or worker["place"] != _place():
        return None
    try:
        os.kill(worker["pid"], 0)
    except PermissionError:
        return None  # somebody else's, whose start time may be hidden
    except (ProcessLookupError, OverflowError):
        return False
    return _process_start(worker["pid"]) == str(worker["process_start"])


def now() -> str:
    """The time in UTC, ISO 8601 with microseconds: texts that sort as the times do."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def seconds_since(moment: str) -> float:
    """Seconds since a time that another machine wrote; negative where its clock is ahead, inf for what is no time."""
    try:
        return (datetime.now(UTC) - datetime.fromisoformat(moment)).total_seconds()
    except (ValueError, TypeError):
        return float("inf")


def _place() -> str:
    try:
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _process_start(pid: int) -> str | None:
    """None for a process that has ended, waited for by its parent or not."""
    try:
        text = (_PROC / str(pid) / "stat").read_text(errors="replace")
    except OSError:
        return None
    state, *fields = text.rpartition(")")[2].split()
    return None if state in ("Z", "X") else fields[_START]

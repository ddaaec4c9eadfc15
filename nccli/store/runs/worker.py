"""A process as others can recognise it: which it is, and whether it still lives."""

import os
import platform
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import psutil

_PROC = Path("/proc")
_SAME_START = 1.0
"""Seconds that two readings of one start may differ: psutil adds the time of boot, which systems tell to a second."""


@dataclass(frozen=True)
class Identity:
    """What tells this process from every other one, also from a later one with the same number.

    Attributes:
        id: 12 hex digits, drawn at random.
        host: name of the machine.
        place: boot, and the process-number namespace or the machine; "" where the system does not tell.
        pid: process number there.
        process_start: when the process started, in clock ticks since boot; "" where the system does not tell.
    """

    id: str
    host: str
    place: str
    pid: int
    process_start: str


def this_process() -> Identity:
    """The identity of the calling process, with a new id."""
    import psutil  # here, for commands that only read seldom meet a worker

    try:
        start = str(round(_start(psutil.Process()) * _ticks()))
    except (psutil.Error, OSError):
        start = ""
    return Identity(secrets.token_hex(6), platform.node(), _place(), os.getpid(), start)


def name_of(worker: Mapping[str, Any]) -> str:
    """A process as a person would speak of it: "host, process 123"."""
    return f"{worker['host']}, process {worker['pid']}"


def lives(worker: Mapping[str, Any]) -> bool | None:
    """Whether a process still runs; None for one that cannot be seen from here, or whose start is not known.

    Args:
        worker: `place`, `pid` and `process_start` of an `Identity`.
    """
    import psutil

    if not worker["place"] or worker["place"] != _place():
        return None
    try:
        process = psutil.Process(worker["pid"])
        if process.status() in (psutil.STATUS_ZOMBIE, psutil.STATUS_DEAD):
            return False
        return abs(_start(process) - float(worker["process_start"]) / _ticks()) <= _SAME_START
    except psutil.ZombieProcess:
        return False
    except psutil.NoSuchProcess:
        return None if _is_taken(worker["pid"]) else False  # it may be hidden from this user
    except (psutil.AccessDenied, ValueError, OSError):
        return None


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
    import psutil

    try:
        if not psutil.LINUX:
            return f"{platform.node()} {int(psutil.boot_time())}"
        boot = (_PROC / "sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {(_PROC / 'self/ns/pid').readlink()}"
    except OSError:
        return ""


def _start(process: "psutil.Process") -> float:
    """Seconds from boot to the start of a process: unlike the hour, no setting of the clock changes them."""
    import psutil

    return float(process.create_time() - psutil.boot_time())


def _is_taken(pid: int) -> bool:
    import psutil

    try:
        return bool(psutil.pid_exists(pid))
    except OverflowError:
        return False


def _ticks() -> int:
    """Clock ticks a second, the unit of the start in proc(5)."""
    return os.sysconf("SC_CLK_TCK")

"""A process that carries out the jobs that another sends it, and hands back each run as it ends.

Started by `nccli.sweep.executors.crew`, with one end of a pipe.
"""

import json
import os
import traceback
from contextlib import suppress
from multiprocessing.connection import Connection
from queue import SimpleQueue
from threading import Event, Thread
from typing import Any

from nccli.errors import NccliError
from nccli.store import FinishedRun
from nccli.sweep.executors.crew import Message, ignore_signals
from nccli.sweep.executors.local import carry_out
from nccli.sweep.job import Job
from nccli.sweep.trainers import Trainer, trainer_of
from nccli.training.watch import Watch


class Handed:
    """A sink that hands runs to the process that leads."""

    def __init__(self, pipe: Connection) -> None:
        """Through a pipe."""
        self._pipe = pipe

    def save(self, run: FinishedRun) -> str:
        """Hand it over; it is stored there."""
        self._pipe.send((Message.RUN, run))
        return run.id


def main(number: int) -> None:
    """Serve at the end of a pipe that has this number."""
    ignore_signals()
    serve(Connection(number))


def serve(pipe: Connection) -> None:
    """Carry out what comes, until the other end is closed, however that came to be."""
    jobs: SimpleQueue[dict[str, Any] | None] = SimpleQueue()
    stop = Event()
    Thread(target=_listen, args=(pipe, jobs, stop), name="nccli orders", daemon=True).start()
    watch: Watch[Any] = Watch(
        on_progress=lambda progress: pipe.send((Message.PROGRESS, progress)),
        should_stop=stop.is_set,
        on_trouble=lambda text: pipe.send((Message.TROUBLE, text)),
        on_note=lambda text: pipe.send((Message.NOTE, text)),
        on_wait=lambda text: pipe.send((Message.NOTE, text)),
    )
    last: tuple[str, Trainer[Any]] | None = None
    with suppress(BrokenPipeError, ConnectionResetError):
        pipe.send((Message.READY, None))
        while (fields := jobs.get()) is not None:
            try:
                job = Job.from_dict(fields)
                last = _trainer(job, last)
                carry_out(job, Handed(pipe), watch, last[1])
            except (BrokenPipeError, ConnectionResetError):
                return
            except Exception as error:
                pipe.send((Message.ERROR, _told(error)))
            else:
                pipe.send((Message.READY, None))


def _listen(pipe: Connection, jobs: "SimpleQueue[dict[str, Any] | None]", stop: Event) -> None:
    """Take orders while a job is carried out: the next job, or None to stop."""
    with suppress(EOFError, OSError):
        while (order := pipe.recv()) is not None:
            jobs.put(order)
    stop.set()
    jobs.put(None)


def _trainer(job: Job[Any], last: tuple[str, Trainer[Any]] | None) -> tuple[str, Trainer[Any]]:
    """The trainer of a job: that of the last one, which has its images on the device, where it asks for the same."""
    data = getattr(job.configs[0], "data", None)
    asked = json.dumps([job.kind, job.device, dict(job.options), len(job.configs), data], sort_keys=True)
    return last if last is not None and last[0] == asked else (asked, trainer_of(job))


def _told(error: Exception) -> Exception:
    """An error as it can be raised in another process."""
    if isinstance(error, NccliError | MemoryError):
        return error
    if os.environ.get("NCCLI_DEBUG"):
        traceback.print_exception(error)
    return RuntimeError(f"{type(error).__name__}: {error}")

"""Work shared out to processes, whose results come in the order of the work."""

import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import cycle
from multiprocessing import get_context
from multiprocessing.connection import Connection
from typing import Any, TypeVar

from nccli.errors import NccliError

_AHEAD = 2
"""Pieces of work that a process has in hand: one to do, one to go on with."""

Work = TypeVar("Work")
Result = TypeVar("Result")


def in_order(do: Callable[[Work], Result], pieces: Iterable[Work], processes: int) -> Iterator[Result]:
    """What `do` makes of each piece, in their order.

    The processes begin anew instead of being copies of this one, which may have threads. They end with this one however
    it ends: their end of the pipe is all that they wait for.

    Args:
        do: that can be pickled, as can its pieces and results.
        pieces: of work; small, as several of them lie in a pipe.
        processes: that share them; 1 for this one alone.

    Raises:
        NccliError: a process was killed; or what `do` raises.
    """
    if processes == 1:
        yield from map(do, pieces)
        return
    context = get_context("spawn")
    crew, pipes = [], []
    try:
        for _ in range(processes):
            ours, theirs = context.Pipe()
            worker = context.Process(target=_serve, args=(do, theirs), daemon=True)
            worker.start()
            theirs.close()
            crew.append(worker)
            pipes.append(ours)
        waiting: deque[Connection] = deque()
        for piece, pipe in zip(pieces, cycle(pipes), strict=False):
            pipe.send(piece)
            waiting.append(pipe)
            if len(waiting) == _AHEAD * processes:
                yield _received(waiting.popleft())
        while waiting:
            yield _received(waiting.popleft())
    finally:
        for worker in crew:
            worker.terminate()
        for worker in crew:
            worker.join()


def _received(pipe: Connection) -> Any:
    try:
        result, error = pipe.recv()
    except (EOFError, ConnectionError) as error:
        raise NccliError("a process that did a part of the work was killed, perhaps for want of memory") from error
    if error is not None:
        raise error
    return result


def _serve(do: Callable[[Any], Any], pipe: Connection) -> None:
    """Do what comes until nothing does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a terminal sends it to all, and the first process tells the others
    while True:
        try:
            piece = pipe.recv()
        except EOFError:
            return
        try:
            answer: tuple[Any, Exception | None] = (do(piece), None)
        except Exception as error:
            answer = (None, error)
        try:
            pipe.send(answer)
        except BrokenPipeError:
            return

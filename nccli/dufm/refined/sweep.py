"""Many points refined in several processes, each by itself: a result depends on its own point alone."""

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.synchronize import Event

import numpy as np
from jaxtyping import Float
from threadpoolctl import threadpool_limits

from nccli.dufm.refined.problem import RefinedProblem
from nccli.dufm.refined.refined_point import Refined
from nccli.dufm.refined.refinement import refine
from nccli.training.threads import cores

_POLL_SECONDS = 0.2
"""A taste: how long a sweep goes on that is asked to stop, beside a Newton step."""


@dataclass(frozen=True, eq=False)
class Point:
    """One point to refine.

    Attributes:
        problem: sizes, regularisation, activation.
        means: M_1, d × K.
        weights: W_1..W_L, each (out, in).
        most_loss: as for `refine`.
    """

    problem: RefinedProblem
    means: Float[np.ndarray, "d K"]
    weights: Sequence[Float[np.ndarray, "_ _"]]
    most_loss: float | None = None


def refine_all(
    points: Sequence[Point], should_stop: Callable[[], bool] = lambda: False, workers: int | None = None
) -> Iterator[tuple[int, Refined]]:
    """Refine many points.

    Args:
        points: each by itself.
        should_stop: polled every 0.2 s and at every Newton step; once it holds, what is not done is not yielded.
        workers: processes; as many as cores at most, which is also what None means. With one nothing is started.

    Yields:
        A point's place and what came of it, as soon as it is there.
    """
    workers = min(workers or cores(), cores(), len(points))
    if workers <= 1:
        with threadpool_limits(1):
            for place, point in enumerate(points):
                found = refine(point.problem, point.means, point.weights, should_stop, point.most_loss)
                if found is None:
                    return
                yield place, found
        return
    context = multiprocessing.get_context("spawn")
    stop = context.Event()
    with ProcessPoolExecutor(workers, context, _begin, (stop, os.getpid())) as pool:
        try:
            left = {pool.submit(_refined, point): place for place, point in enumerate(points)}
            while left:
                if should_stop():
                    return
                for future in wait(left, _POLL_SECONDS, FIRST_COMPLETED).done:
                    found = future.result()
                    place = left.pop(future)
                    if found is not None:
                        yield place, found
        finally:
            stop.set()
            pool.shutdown(cancel_futures=True)


_asked: Event | None = None
_parent = 0


def _begin(stop: Event, parent: int) -> None:
    """In each process: Ctrl-C is the parent's business, and one thread is enough."""
    import signal

    global _asked, _parent
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _asked, _parent = stop, parent


def _should_stop() -> bool:
    return (_asked is not None and _asked.is_set()) or os.getppid() != _parent


def _refined(point: Point) -> Refined | None:
    with threadpool_limits(1):
        return refine(point.problem, point.means, point.weights, _should_stop, point.most_loss)

"""From stored ends of descents to polished and refined points, each a result of its own beside its parent's."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Float

from nccli.catalogue.options import Until
from nccli.catalogue.runs import ENDED_WELL, Finish, Status
from nccli.dufm import refined
from nccli.dufm.arrays import numpy_array
from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.ending import end_point
from nccli.dufm.measurement import measure
from nccli.dufm.parameters import Parameters
from nccli.dufm.polish import polish
from nccli.dufm.progress import Progress
from nccli.dufm.refined import Point, RefinedProblem, refine_all
from nccli.dufm.result import DufmResult, Finishing
from nccli.dufm.start import StartPoint
from nccli.training.stopwatch import Stopwatch
from nccli.training.threads import cores
from nccli.training.watch import Watch

_SETTLING_STEPS = 100_000
"""Measured by the prototype, at Figure 2's settings and of other seeds: 73 of 100 runs then come to a residual below
1e-6, from 20,000 steps 62, and the steps take a fifth of the descent's processor time."""

_NAMES = ("status", "steps", "loss", "fit", "reg", "grad_norm")


@dataclass(frozen=True, eq=False)
class StoredEnd:
    """The end of a descent.

    Attributes:
        parent: id of the run.
        status, steps, loss, fit, reg, grad_norm: of it.
        point: class means and weights; None where it diverged.
    """

    parent: str
    status: str
    steps: int
    loss: float
    fit: float
    reg: float
    grad_norm: float
    point: StartPoint | None

    @classmethod
    def from_dict(cls, parent: str, fields: Mapping[str, Any]) -> "StoredEnd":
        """Of fields as a job has them, with the point as text.

        Raises:
            InputError: it is none.
        """
        text = fields["point"]
        point = None if text is None else StartPoint.of_text(text)
        return cls(parent, **{name: fields[name] for name in _NAMES}, point=point)


Ends = Mapping[DufmConfig, StoredEnd]


def finish(ends: Ends, device: str = "cpu", watch: Watch[Progress] | None = None) -> Iterator[DufmResult]:
    """Polish or refine ends of one shape.

    Args:
        ends: by the configuration of the run that is made of each; all of them polish, or all refine.
        device: where polishing takes steps.
        watch: who watches.

    Yields:
        Each result as it is there. A run whose descent diverged has diverged. Once asked to stop, runs in hand end as
        interrupted or are left out.
    """
    watch = watch or Watch()
    for config, end in ends.items():
        if end.status not in ENDED_WELL or end.point is None:
            yield _diverged(config, end)
    left = {config: end for config, end in ends.items() if end.status in ENDED_WELL and end.point is not None}
    if left:
        yield from (_refined if next(iter(left)).refine else _polished)(left, device, watch)


def _polished(ends: Ends, device: str, watch: Watch[Progress]) -> Iterator[DufmResult]:
    """All ends as one batch."""
    clock, configs = Stopwatch(), list(ends)
    start = _start(ends)
    watch.on_progress(_progress("polishing", 0, configs))
    found = polish(start, device, cores(), _stopping(clock, watch))
    for place, (config, end) in enumerate(ends.items()):
        ended = (start if found is None else found.batch).select([place]).double()
        batch = replace(ended, configs=(config,))
        status = Status.INTERRUPTED.value if found is None else end.status
        yield _result(config, end, batch, status, Finishing(Finish.POLISHED, end.parent), clock.tick() / len(configs))


def _refined(ends: Ends, device: str, watch: Watch[Progress]) -> Iterator[DufmResult]:
    """Each end by itself, in several processes, from where a polish has taken it."""
    clock, configs = Stopwatch(), list(ends)
    watch.on_progress(_progress("polishing", 0, configs))
    polished = polish(_start(ends), device, cores(), _stopping(clock, watch), _SETTLING_STEPS)
    if polished is None:
        return
    shared, began = clock.tick() / len(configs), clock.tick()
    points = [
        Point(_problem(config), *_matrices(polished.batch.select([place]).double()), end.loss)
        for place, (config, end) in enumerate(ends.items())
    ]
    watch.on_progress(_progress("refining", 0, configs))
    for done, (place, found) in enumerate(refine_all(points, _stopping(clock, watch)), 1):
        config = configs[place]
        batch = _batch([config], [StartPoint(found.means, tuple(found.weights))], "float64")
        finish = Finish.CERTIFIED if found.certified else Finish.REFINED
        finishing = Finishing(finish, ends[config].parent, found.residual, found.radius, found.kinks)
        status = Status.CONVERGED.value if found.certified else Status.STOPPED.value
        seconds = shared + (clock.tick() - began) / done
        yield _result(config, ends[config], batch, status, finishing, seconds)
        watch.on_progress(_progress("refining", done, configs, clock.rate(done)))


def _stopping(clock: Stopwatch, watch: Watch[Progress]) -> Callable[[], bool]:
    """Polls, and keeps the clock going."""

    def stop() -> bool:
        clock.tick()
        return watch.should_stop()

    return stop


def _start(ends: Ends) -> Batch:
    """The ends as descents of their own, which a polish goes on from."""
    descents = [replace(config.plain, until=Until.STEPS.value) for config in ends]
    return _batch(descents, [_point(end) for end in ends.values()], descents[0].dtype)


def _point(end: StoredEnd) -> StartPoint:
    assert end.point is not None
    return end.point


def _batch(configs: Sequence[DufmConfig], points: Sequence[StartPoint], dtype: str) -> Batch:
    """Runs at these points, in class form."""
    layers = list(zip(*([W.T for W in point.weights] for point in points), strict=True))
    features = np.stack([point.means.T for point in points])
    found = Parameters(features, np.stack([np.stack(layer) for layer in layers[:-1]]), np.stack(layers[-1]))
    return Batch.at(configs, found.each(lambda array: np.ascontiguousarray(array, dtype=dtype)), reduced=True)


def _matrices(batch: Batch) -> tuple[Float[np.ndarray, "d K"], list[Float[np.ndarray, "_ _"]]]:
    """M_1 and W_1..W_L of a batch with one run."""
    means, *weights = (numpy_array(array[0]).T for array in batch.parameters.all)
    return means, weights


def _result(
    config: DufmConfig, end: StoredEnd, batch: Batch, status: str, finishing: Finishing, seconds: float
) -> DufmResult:
    """A point of one run, in float64 and class form."""
    point = end_point(batch, status, measure(batch))
    fit, reg, grad_norm = (float(getattr(point.measured, name)[0]) for name in ("fit", "reg", "grad_norm"))
    return DufmResult(
        config=config,
        status=status,
        steps=end.steps,
        loss=fit + reg,
        fit=fit,
        reg=reg,
        grad_norm=grad_norm,
        seconds=seconds,
        history=(),
        layers=point.layers,
        weights=point.weights,
        schatten_gap=point.schatten_gap,
        finishing=finishing,
    )


def _diverged(config: DufmConfig, end: StoredEnd) -> DufmResult:
    """What diverged has no end to go on from."""
    finishing = Finishing(Finish.POLISHED if config.polish else Finish.REFINED, end.parent)
    numbers = (end.steps, end.loss, end.fit, end.reg, end.grad_norm)
    return DufmResult(config, Status.DIVERGED.value, *numbers, 0.0, (), [], finishing=finishing)


def loss_at(config: DufmConfig, point: StartPoint) -> float:
    """The loss of a run at a point in class form, in float64."""
    measured = measure(_batch([config.plain], [point], "float64"))
    return float(measured.fit[0] + measured.reg[0])


def require_room(configs: Sequence[DufmConfig]) -> None:
    """Refuse runs that could not be refined.

    Raises:
        InputError: a problem too large for the memory that there is.
    """
    for config in {config.batch_key: config for config in configs if config.refine}.values():
        refined.require_room(_problem(config))


def _problem(config: DufmConfig) -> RefinedProblem:
    decays = (config.wd_h1, *config.wd_layers)
    return RefinedProblem(config.K, config.n, config.width, decays, config.activation, config.objective)


def _progress(what: str, done: int, configs: Sequence[DufmConfig], rate: float = 0.0) -> Progress:
    """So many of the runs are done."""
    nan, runs = float("nan"), len(configs)
    return Progress(done, runs, runs - done, runs, nan, nan, nan, rate, finishing=what, finished=done)

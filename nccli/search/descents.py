"""Random descents of a search: what gradient descent finds, sooner than plain steps would."""

from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nccli.catalogue.options import OptimizerName
from nccli.catalogue.runs import ENDED_WELL
from nccli.dufm.config import DufmConfig
from nccli.dufm.progress import Progress
from nccli.dufm.train import train
from nccli.search.config import SearchConfig
from nccli.search.point import SearchPoint
from nccli.training.watch import Watch

_MOMENTUM, _RATE = 0.9, 0.05
"""Tastes: of Nesterov's way down, steps as long as plain ones of 0.5."""

_TIMES, _MOST_STEPS = 30, 200_000
"""Tastes: time constants of weight decay that a descent takes, and steps at most."""

_SCALES = (1.0, 0.5)
"""Tastes: of initial points; smaller ones lead to lower ranks, and more often to zero."""


def random_ends(
    config: SearchConfig, should_stop: Callable[[], bool], on_progress: Callable[[int, int], None]
) -> list[SearchPoint]:
    """Ends of descents of the class means from random points, of two widths and two scales.

    Args:
        config: the search.
        should_stop: polled; descents that it ends are left out.
        on_progress: told of how many how many have ended.
    """
    every = _descents(config)
    found: list[SearchPoint] = []
    for width in dict.fromkeys(each.width for each in every):
        for end in ends_of(config, [each for each in every if each.width == width], should_stop):
            found.append(end)
            on_progress(len(found), len(every))
        if should_stop():
            break
    return found


def ends_of(
    config: SearchConfig, descents: Sequence[DufmConfig], should_stop: Callable[[], bool] = lambda: False
) -> Iterator[SearchPoint]:
    """Ends of descents of one width, those that have one."""
    watch: Watch[Progress] = Watch(should_stop=should_stop)
    for result in train(descents, "cpu", watch):
        if result.status in ENDED_WELL:
            run = result.config
            how = f"descent (seed {run.seed}, width {run.width}, init scale {run.init_scale:g})"
            yield SearchPoint.of(config.problem, result.layers[0].class_means.T, result.weights, how)


def descent(config: SearchConfig, seed: int, width: int, init_scale: float) -> DufmConfig:
    """A descent of the class means of a problem."""
    problem = config.problem
    slowest = min(problem.collapsed_lambda_h1, *problem.lambda_w)
    return DufmConfig(
        K=config.K,
        L=config.L,
        n=1,
        width=width,
        wd_h1=problem.collapsed_lambda_h1,
        wd_layers=problem.lambda_w,
        lr=_RATE,
        steps=min(_MOST_STEPS, int(np.ceil(_TIMES * (1 - _MOMENTUM) / (_RATE * slowest)))),
        seed=seed,
        init_scale=init_scale,
        optimizer=OptimizerName.NESTEROV.value,
        momentum=_MOMENTUM,
        schedule="cosine",
    )


def _descents(config: SearchConfig) -> list[DufmConfig]:
    widths, scales = (config.K + 4, 2 * config.K + 4), len(_SCALES)
    first = config.seed * config.descents
    return [
        descent(config, first + i, widths[i // scales % len(widths)], _SCALES[i % scales])
        for i in range(config.descents)
    ]

"""What is said of a training on its way: the latest measurement of the runs that go on."""

from itertools import pairwise
from statistics import fmean

import pytest

from nccli.catalogue.stages import hidden_layers, stages
from nccli.dufm.config import DufmConfig
from nccli.dufm.progress import Progress
from nccli.dufm.train import train
from nccli.training.watch import Watch


def config(L: int) -> DufmConfig:
    """Ten classes in seven units: the ranks of layers differ, before and after the activation, while it trains."""
    return DufmConfig(K=10, L=L, n=1, width=7, wd_h1=4e-3, wd_layers=(4e-3,) * L, lr=0.5, steps=600, seed=1, tol=0.0)


@pytest.mark.parametrize("L", [2, 3, 4, 7])
def test_the_mean_rank_shown_is_that_of_the_hidden_layers_alone(L: int) -> None:
    seen: list[Progress] = []
    (result,) = train([config(L)], watch=Watch(on_progress=seen.append))
    hidden = [list(stages(L)).index(stage) for stage in hidden_layers(L)]
    ranks = [(point.step, fmean(point.rank[i] for i in hidden)) for point in result.history]
    told = 0
    for (step, rank), (following, _) in pairwise(ranks):
        for progress in seen:
            if step < progress.step <= following:  # at the next measurement it is told what came before
                assert progress.rank == pytest.approx(rank), f"after the measurement at step {step}"
                told += 1
    assert told > 10
    assert any(fmean(point.rank) != fmean(point.rank[i] for i in hidden) for point in result.history)

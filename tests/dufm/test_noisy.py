"""Noisy and mini-batch steps: those of autograd on the loss of the batch, unbiased, and a function of seed and step."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from nccli.catalogue.runs import StepsBy
from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.draws import Draws
from nccli.dufm.optimizers import OPTIMIZERS
from nccli.dufm.other_steps import OtherSteps
from nccli.dufm.placement import make_steps, taken_by
from nccli.dufm.plain import PlainSteps
from nccli.dufm.train import train
from nccli.errors import InputError
from tests.oracle.autograd_dufm import OrdinaryDufm

BASE = DufmConfig(3, 3, 4, 5, wd_h1=5e-3, wd_layers=(4e-3, 5e-3, 6e-3), lr=0.1, steps=60, seed=0, dtype="float64")
N = BASE.n * BASE.K
MOMENTUM = {"gd": 0.0, "adam": 0.9, "adamw": 0.9}


def way(optimizer: str, **changes: object) -> DufmConfig:
    lr = 0.02 if optimizer.startswith("adam") else 0.1
    return replace(BASE, optimizer=optimizer, momentum=MOMENTUM.get(optimizer, 0.8), lr=lr, **changes)  # type: ignore[arg-type]


def moved(config: DufmConfig, first: int, count: int) -> Batch:
    batch = Batch.start([config])
    steps = OtherSteps(batch)
    steps.advance(first, count)
    steps.sync()
    return batch


def assert_same(one: Batch, other: Batch, rtol: float, atol: float) -> None:
    for held, others in zip(one.held, other.held, strict=True):
        for a, b in zip(held.all, others.all, strict=True):
            np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


@pytest.mark.parametrize("schedule", ["constant", "cosine"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_a_batch_of_all_samples_takes_the_steps_of_full_batch_descent(optimizer: str, schedule: str) -> None:
    full = Batch.start([way(optimizer, schedule=schedule)])
    PlainSteps(full).advance(0, 60)
    assert_same(moved(way(optimizer, batch_size=N, schedule=schedule), 0, 60), full, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("size", [1, 5, 6])
def test_a_step_is_that_of_autograd_on_the_batch_and_moves_nothing_else(size: int) -> None:
    """With 5 of 12 the third batch has what two epochs have to give, and may have a sample twice."""
    config = replace(BASE, batch_size=size, steps=100)
    batch, model = Batch.start([config]), OrdinaryDufm(BASE)
    steps = OtherSteps(batch)
    for step in range(12):
        places, before = torch.from_numpy(Draws(config).samples(step)), batch.parameters.features.copy()
        H = model.H_1[:, places]
        output = H
        for W, sigma in zip(model.W[:-1], model.sigma, strict=True):
            output = sigma(W @ output)
        loss = (model.W[-1] @ output - model.Y[:, places]).square().sum() / (2 * size)
        loss = loss + BASE.wd_h1 * N / size / 2 * H.square().sum()
        for W, wd in zip(model.W, BASE.wd_layers, strict=True):
            loss = loss + wd / 2 * W.square().sum()
        for p in (model.H_1, *model.W):
            p.grad = None
        loss.backward()  # type: ignore[no-untyped-call]
        with torch.no_grad():
            for p in (model.H_1, *model.W):
                assert p.grad is not None
                p.sub_(BASE.lr * p.grad)
        steps.advance(step, 1)
        steps.sync()
        for own, p in zip(batch.parameters.all, (model.H_1, *model.W), strict=True):
            np.testing.assert_allclose(own[0], p.detach().T, rtol=1e-10, atol=1e-12)
        still = np.setdiff1d(np.arange(N), places)
        assert np.array_equal(batch.parameters.features[0, still], before[0, still])


def test_the_mean_step_over_an_epoch_is_the_full_batch_step() -> None:
    start, full = Batch.start([BASE]), Batch.start([BASE])
    PlainSteps(full).advance(0, 1)
    steps = [moved(replace(BASE, batch_size=4), step, 1) for step in range(3)]
    for i, (before, after) in enumerate(zip(start.parameters.all, full.parameters.all, strict=True)):
        mean = np.mean([each.parameters.all[i] - before for each in steps], axis=0)
        np.testing.assert_allclose(mean, after - before, rtol=1e-9, atol=1e-13)


@pytest.mark.parametrize(("samples", "size"), [(12, 4), (12, 5), (12, 12), (12, 7)])
def test_an_epoch_has_every_sample_once_and_its_remainder_begins_the_next(samples: int, size: int) -> None:
    draws = Draws(replace(BASE, batch_size=size, seed=3))
    drawn = np.concatenate([draws.samples(step) for step in range(2 * samples)])
    epochs = drawn[: len(drawn) // samples * samples].reshape(-1, samples)
    assert (np.sort(epochs, axis=1) == np.arange(samples)).all()
    assert len(np.unique(epochs, axis=0)) > 1


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_noise_is_added_to_the_gradient_before_the_optimiser_sees_it(optimizer: str) -> None:
    """From zero moments a first step is the optimiser's of g + Sξ; what gd does with it is in plain sight."""
    config = way(optimizer, noise_scale=0.3)
    noisy, still = moved(config, 0, 1), Batch.start([way(optimizer)])
    PlainSteps(still).advance(0, 1)
    shapes = [p.shape[1:] for p in still.parameters.all]
    for drawn, a, b in zip(Draws(config).noise(0, shapes), noisy.parameters.all, still.parameters.all, strict=True):
        if optimizer.startswith("adam"):
            assert not np.allclose(a, b)
            continue
        push = 1 + config.momentum if optimizer == "nesterov" else 1
        np.testing.assert_allclose(a[0] - b[0], -config.lr * push * 0.3 * drawn, rtol=1e-9, atol=1e-13)


def test_noise_is_standard_normal_and_new_at_every_step_and_seed() -> None:
    drawn = [
        Draws(replace(BASE, noise_scale=1.0, seed=seed)).noise(step, [(100, 50)])[0].ravel()
        for seed in range(3)
        for step in range(3)
    ]
    assert np.abs(np.mean(drawn, axis=1)).max() < 5 / np.sqrt(5000)
    assert np.abs(np.std(drawn, axis=1) - 1).max() < 5 / np.sqrt(10000)
    assert np.abs(np.corrcoef(drawn) - np.eye(9)).max() < 6 / np.sqrt(5000)


@pytest.mark.parametrize("optimizer", ["gd", "adamw"])
@pytest.mark.parametrize("size", [None, 5])
def test_steps_in_pieces_are_the_steps_at_once(optimizer: str, size: int | None) -> None:
    config = way(optimizer, noise_scale=0.01, batch_size=size)
    whole, pieces = moved(config, 0, 40), Batch.start([config])
    first = 0
    for count in (3, 17, 20):
        steps = OtherSteps(pieces)  # a new one each time, as after a resumption
        steps.advance(first, count)
        steps.sync()
        first += count
    assert_same(pieces, whole, rtol=0, atol=0)


def test_a_run_does_not_see_its_neighbours() -> None:
    configs = [replace(BASE, noise_scale=scale, batch_size=5, seed=seed) for seed, scale in ((0, 0.1), (1, 0.2))]
    together = {result.config: result.loss for result in train(configs)}
    for config in configs:
        (alone,) = train([config])
        assert alone.loss == pytest.approx(together[config], rel=1e-10)
    assert len(set(together.values())) == 2


def test_such_runs_are_not_reduced_and_take_plain_steps() -> None:
    for changes in ({"noise_scale": 1e-9}, {"batch_size": N}):
        config = replace(BASE, **changes, lr=0.5, wd_h1=0.1, steps=300)  # type: ignore[arg-type]
        (result,) = train([config])
        assert (result.collapsed_at, result.steps_by) == (None, StepsBy.TORCH)
        assert taken_by(config, "cuda", 1, 1) is StepsBy.TORCH
        assert isinstance(make_steps(Batch.start([config]), "cpu", True, 1, 1), OtherSteps)
        with pytest.raises(InputError, match="collapse-tol"):
            replace(config, collapse_tol=0.1)


@pytest.mark.parametrize("changes", [{"noise_scale": -1.0}, {"noise_scale": float("nan")}, {"batch_size": 13}])
def test_scales_and_sizes_that_no_run_has_are_refused(changes: dict[str, float]) -> None:
    with pytest.raises(InputError, match=r"noise-scale|batch-size"):
        replace(BASE, **changes)  # type: ignore[arg-type]

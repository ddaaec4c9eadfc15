"""n equal samples a class are one sample: what a run gains from that, and that it loses nothing."""

from dataclasses import replace

import numpy as np
import pytest

from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.measurement import measure
from nccli.dufm.network import Network
from nccli.dufm.parameters import Parameters
from nccli.dufm.plain import PlainSteps
from nccli.dufm.reduction import collapse_tolerance
from nccli.dufm.result import DufmResult
from nccli.dufm.train import train
from tests.long_cases import every

BASE = DufmConfig(
    K=3, L=3, n=3, width=5, wd_h1=2e-2, wd_layers=(2e-2,) * 3, lr=0.3, steps=9000, seed=4, dtype="float64", tol=0.0
)
MOMENTUM = {"heavy-ball": 0.5, "nesterov": 0.5}
WAYS = [
    ("linear", "gd", 4),
    ("relu", "gd", 4),
    ("relu", "heavy-ball", 4),
    ("relu", "nesterov", 3),
    ("relu-last", "gd", 5),
]


def both(config: DufmConfig) -> tuple[DufmResult, DufmResult]:
    """The run with and without reduction."""
    (reduced,) = train([config])
    (full,) = train([config], reduction=False)
    return reduced, full


def collapsed_point(config: DufmConfig, scale: float = 1.0) -> tuple[Batch, Batch]:
    """The same collapsed point as n samples and as one a class."""
    start = Batch.start([replace(config, n=1)]).parameters.each(lambda t: t * scale)
    copies = Parameters(start.features.repeat(config.n, axis=1), start.hidden.copy(), start.last.copy())
    full = Batch.at([config], copies)
    return full, full.collapsed()


@pytest.mark.parametrize(("activation", "optimizer", "seed"), every(2, WAYS))
def test_the_trajectory_is_the_same_for_thousands_of_steps_after_the_switch(
    activation: str, optimizer: str, seed: int
) -> None:
    momentum = MOMENTUM.get(optimizer, 0.0)
    lr = BASE.lr * (1 - momentum)
    config = replace(BASE, activation=activation, optimizer=optimizer, momentum=momentum, lr=lr, seed=seed)
    reduced, full = both(config)
    assert full.collapsed_at is None
    assert reduced.collapsed_at is not None
    assert config.steps - reduced.collapsed_at > 2000
    assert [p.step for p in reduced.history] == [p.step for p in full.history]
    for one, other in zip(reduced.history, full.history, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-13)
        assert one.rank == other.rank
        assert one.grad_norm == pytest.approx(other.grad_norm, rel=1e-7, abs=1e-13)
    for a, b in zip(reduced.layers, full.layers, strict=True):
        np.testing.assert_allclose(a.class_means, b.class_means, rtol=0, atol=1e-11)


def test_weights_and_means_agree_to_rounding_while_they_still_move() -> None:
    """Reduced far from the end of training, at a point that is exactly collapsed."""
    full, reduced = collapsed_point(replace(BASE, lr=0.1))
    for _ in range(5):
        PlainSteps(full).advance(0, 400)
        PlainSteps(reduced).advance(0, 400)
        for one, other in zip(reduced.parameters.all, full.collapsed().parameters.all, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("optimizer", ["gd", "heavy-ball", "nesterov", "adam"])
def test_every_optimiser_keeps_a_collapsed_point_collapsed(optimizer: str) -> None:
    config = replace(BASE, optimizer=optimizer, momentum=0.0 if optimizer == "gd" else 0.9, lr=0.01)
    full, reduced = collapsed_point(config)
    PlainSteps(full).advance(0, 200)
    PlainSteps(reduced).advance(0, 200)
    for one, other in zip(reduced.parameters.all, full.collapsed().parameters.all, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)
    assert measure(full).deviation[0] < 1e-12


def test_the_reduced_form_has_the_loss_and_gradient_of_the_n_sample_problem() -> None:
    full, reduced = (Network(batch) for batch in collapsed_point(replace(BASE, n=7), scale=1.5))
    for one, other in zip(
        (reduced.fit(), reduced.reg(), reduced.grad_norm()), (full.fit(), full.reg(), full.grad_norm()), strict=True
    ):
        assert one.item() == pytest.approx(other.item(), rel=1e-13)


def test_dnc1_after_the_switch_is_at_most_what_it_was_there() -> None:
    (result,) = train([BASE])
    assert result.collapsed_at is not None
    at = next(point for point in result.history if point.step == result.collapsed_at)
    after = [point for point in result.history if point.step > result.collapsed_at]
    assert after
    assert all(value <= bound for point in after for value, bound in zip(point.dnc1, at.dnc1, strict=True))
    assert tuple(layer.dnc1 for layer in result.layers) == at.dnc1
    assert 0 < max(at.dnc1) < 1e-24


def test_a_batch_reduces_each_run_when_its_time_has_come() -> None:
    configs = [replace(BASE, seed=seed) for seed in (2, 3, 4)]
    together = {result.config.seed: result for result in train(configs)}
    assert [together[seed].collapsed_at is None for seed in (2, 3, 4)] == [True, False, False]
    assert together[3].collapsed_at != together[4].collapsed_at
    for config in configs:
        (alone,) = train([config])
        assert alone.collapsed_at == together[config.seed].collapsed_at
        assert alone.loss == pytest.approx(together[config.seed].loss, rel=1e-12)


def test_one_sample_a_class_has_nothing_to_reduce() -> None:
    (result,) = train([replace(BASE, n=1, steps=3000)])
    assert result.collapsed_at is None


def test_a_class_that_a_kink_splits_is_not_reduced() -> None:
    """Equal but for a difference far below rounding, on either side of zero."""
    full, _ = collapsed_point(BASE)
    full.parameters.hidden[0, 0] = np.eye(BASE.width)
    full.parameters.features[0, :, 0] = np.tile([1e-18, -1e-18, 1e-18], BASE.K)
    measured = measure(full)
    assert measured.deviation[0] < collapse_tolerance(BASE)
    assert not measured.aligned[0]


def test_a_tolerance_that_was_asked_for_reduces_earlier_and_is_another_run() -> None:
    approximate = replace(BASE, collapse_tol=1e-3)
    (exact,), (loose,) = train([BASE]), train([approximate])
    assert loose.collapsed_at is not None
    assert exact.collapsed_at is not None
    assert loose.collapsed_at < exact.collapsed_at
    assert loose.loss == pytest.approx(exact.loss, rel=1e-6)
    assert approximate.as_dict() != BASE.as_dict()
    assert "collapse_tol" not in BASE.as_dict()


def test_rounding_level_is_where_a_step_changes_a_difference_by_less_than_half_a_unit() -> None:
    eps = float(np.finfo("float32").eps)
    assert collapse_tolerance(replace(BASE, dtype="float32")) == pytest.approx(0.5 * eps / (BASE.lr * BASE.wd_h1))
    assert collapse_tolerance(replace(BASE, dtype="float32", wd_h1=1.0, lr=1.0)) == pytest.approx(4 * eps)
    slow = collapse_tolerance(replace(BASE, dtype="float32", lr=1e-6))
    assert slow**2 <= 0.011 * eps, "what is neglected is of second order"

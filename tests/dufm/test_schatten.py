"""Equation (2): no factors of a product cost less than its Schatten quasi-norm says, and training finds the best."""

from dataclasses import replace

import numpy as np
import pytest

from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.parameters import Parameters
from nccli.dufm.schatten import schatten_gap
from nccli.dufm.train import train

BASE = DufmConfig(
    *(4, 4, 3, 6, 2e-3, (1e-2, 3e-3, 2e-2, 5e-3), 0.2, 30_000, 0), dtype="float64", activation="relu-last"
)


def at(config: DufmConfig, features: np.ndarray, hidden: list[np.ndarray], last: np.ndarray) -> Batch:
    return Batch.at([config], Parameters(features[None], np.stack(hidden)[:, None], last[None]))


def test_balanced_factors_cost_exactly_what_their_product_asks_for() -> None:
    """X = U S Vᵀ of N × d, cut into L factors with singular values x_j of the same λ_j x_j²."""
    rng = np.random.default_rng(0)
    U, s, Vt = np.linalg.svd(rng.standard_normal((12, 6)), full_matrices=False)
    decays = np.array([BASE.wd_h1, *BASE.wd_layers[:-1]])
    mean = np.prod(decays) ** (1 / 4)
    X_1, *factors = (np.diag(np.sqrt(mean / decay) * s ** (1 / 4)) for decay in decays)
    turns = [np.linalg.qr(rng.standard_normal((6, 6)))[0] for _ in range(2)]
    hidden = [factors[0] @ turns[0], turns[0].T @ factors[1] @ turns[1], turns[1].T @ factors[2] @ Vt]
    batch = at(BASE, U @ X_1, hidden, rng.standard_normal((6, 4)))
    np.testing.assert_allclose(batch.parameters.features[0] @ hidden[0] @ hidden[1] @ hidden[2], (U * s) @ Vt)
    assert schatten_gap(batch) == pytest.approx(1, abs=1e-6)
    hidden[0], hidden[1] = 2 * hidden[0], hidden[1] / 2
    assert schatten_gap(at(BASE, U @ X_1, hidden, rng.standard_normal((6, 4)))) == pytest.approx((2 + 4 + 0.25) / 4)


@pytest.mark.parametrize("activation", ["relu-last", "linear"])
def test_any_point_costs_more_and_the_end_of_training_does_not(activation: str) -> None:
    config = replace(BASE, activation=activation)
    start = schatten_gap(Batch.start([config]))
    assert start is not None
    assert start > 1.2
    (result,) = train([config])
    assert result.schatten_gap == pytest.approx(1, abs=1e-3)


def test_class_means_stand_for_their_samples() -> None:
    config = replace(BASE, n=1)
    start = Batch.start([config]).parameters
    full = Batch.at([BASE], Parameters(start.features.repeat(BASE.n, axis=1), start.hidden, start.last))
    assert schatten_gap(full.collapsed()) == pytest.approx(schatten_gap(full), rel=1e-6)


@pytest.mark.parametrize("changes", [{"activation": "relu"}, {"activation": "leaky:0.5"}, {"bias": "all"}])
def test_where_layers_below_the_last_are_not_linear_there_is_none(changes: dict[str, str]) -> None:
    assert schatten_gap(Batch.start([replace(BASE, **changes)])) is None  # type: ignore[arg-type]


def test_a_point_that_is_zero_has_none() -> None:
    zero = Batch.start([BASE]).each(np.zeros_like)
    assert schatten_gap(zero) is None

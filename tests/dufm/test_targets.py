"""Targets other than one-hot: the closed form of deep linear networks as an oracle, and what nobody claims of them."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nccli.cli.targets import with_targets
from nccli.dufm.config import DufmConfig
from nccli.dufm.targets import as_text, known, make_known, make_text_known
from nccli.dufm.train import train
from nccli.errors import InputError
from nccli.sweep.trainers.dufm import dufm_run

K, N_A_CLASS = 4, 3
LINEAR = DufmConfig(
    *(K, 3, N_A_CLASS, 8, 1e-2, (5e-3, 1e-2, 1.5e-2)),
    lr=0.1,
    steps=40_000,
    seed=0,
    dtype="float64",
    activation="linear",
)


def linear_optimum(config: DufmConfig, Y: np.ndarray) -> float:
    """Of each singular value s of Y/√N by itself: min over y of ½(s − y)² + (L+1)/2 (Λ N y²)^{1/(L+1)}.

    The output Z has the singular vectors of Y (von Neumann), and a product of L + 1 factors with singular value z costs
    ½ Σ λ_i z_i² ≥ (L+1)/2 (Λ z²)^{1/(L+1)}, Λ = λ_{H_1} ∏ λ_{W_l}, by the mean inequality; z = √N y.
    """
    N, L = len(Y), config.L
    decay = config.wd_h1 * math.prod(config.wd_layers) * N
    loss = 0.0
    for s in np.linalg.svd(Y / math.sqrt(N), compute_uv=False):
        y = np.linspace(0, s, 2_000_001)
        loss += float((0.5 * (s - y) ** 2 + (L + 1) / 2 * (decay * y * y) ** (1 / (L + 1))).min())
    return loss


@pytest.mark.parametrize("by_sample", [False, True])
def test_a_deep_linear_run_reaches_the_closed_form(by_sample: bool) -> None:
    rng = np.random.default_rng(1)
    values = 1.5 * rng.standard_normal((K * N_A_CLASS if by_sample else K, K))
    Y = values if by_sample else np.repeat(values, N_A_CLASS, axis=0)
    (result,) = train([replace(LINEAR, targets_print=make_known(values))])
    assert result.loss == pytest.approx(linear_optimum(LINEAR, Y), rel=1e-6)


def test_one_hot_targets_of_a_file_are_the_run_without_one(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", targets=np.repeat(np.eye(K), N_A_CLASS, axis=0))
    (config,) = with_targets([replace(LINEAR, steps=200)], tmp_path / "t.npz")
    assert config.targets_print is not None
    assert known(config.targets_print).shape == (K, K)
    (own,), (usual,) = train([config]), train([replace(LINEAR, steps=200)])
    assert own.loss == usual.loss


def test_nobody_compares_them_with_dnc_or_counts_their_classes() -> None:
    config = replace(LINEAR, steps=50, targets_print=make_known(np.ones((K, K))))
    (result,) = train([config])
    run = dufm_run(result, "cpu")
    assert (run.columns["loss_dnc"], run.columns["loss_srg"]) == (None, None)
    assert all(layer.values["classes_kept"] is None for layer in result.layers)


def test_a_job_takes_them_along() -> None:
    name = make_known(np.arange(16.0).reshape(4, 4))
    text = as_text(name)
    make_text_known(text)
    assert np.array_equal(known(name), np.arange(16.0).reshape(4, 4))
    with pytest.raises(InputError, match="cannot be read"):
        make_text_known("AAAA")


def test_samples_with_targets_of_their_own_are_never_taken_together() -> None:
    values = np.random.default_rng(0).standard_normal((K * N_A_CLASS, K))
    decays = {"wd_h1": 0.9, "wd_layers": (0.9,) * 3}  # all goes to zero
    config = replace(LINEAR, steps=2000, targets_print=make_known(values), **decays)  # type: ignore[arg-type]
    (result,) = train([config])
    assert result.collapsed_at is None
    assert result.fit == pytest.approx(0.5 * (values**2).sum() / len(values), rel=1e-6)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"target": np.eye(4)}, "no .npz file with `targets`"),
        ({"targets": np.eye(5)}, "5 × 5, and the run needs 4 × 4, or N = 12 × 4"),
        ({"targets": np.full((4, 4), np.nan)}, "finite"),
        ({"targets": np.array(["a"])}, "a matrix of finite numbers"),
    ],
)
def test_a_file_that_does_not_fit_is_refused_in_a_line(
    tmp_path: Path, arrays: dict[str, np.ndarray], words: str
) -> None:
    np.savez(tmp_path / "t.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(InputError) as error:
        with_targets([LINEAR], tmp_path / "t.npz")
    assert words in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("changes", [{"refine": True}, {"polish": True}])
def test_what_knows_one_hot_targets_alone_refuses_others(changes: dict[str, bool]) -> None:
    with pytest.raises(InputError, match="targets"):
        replace(LINEAR, targets_print="0" * 16, **changes)

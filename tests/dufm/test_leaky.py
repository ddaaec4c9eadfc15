"""Leaky ReLU lies between ReLU and the identity, and what is positive does not see its slope."""

from dataclasses import replace

import numpy as np
import pytest

from nccli.catalogue.activations import activation_text
from nccli.dufm.activation import activate
from nccli.dufm.config import DufmConfig
from nccli.dufm.finish import loss_at
from nccli.dufm.fused import is_fused
from nccli.dufm.train import train
from nccli.errors import InputError
from nccli.sweep.starts import constructed_point
from nccli.theory import solve_dnc

BASE = DufmConfig(3, 3, 2, 6, wd_h1=4e-3, wd_layers=(4e-3,) * 3, lr=0.3, steps=400, seed=1, dtype="float64")


def end(activation: str) -> float:
    """Loss after some steps, before runs part that differ by rounding."""
    (result,) = train([replace(BASE, activation=activation)])
    return result.loss


@pytest.mark.parametrize(("limit", "slope"), [("relu", 1e-9), ("linear", 1 - 1e-9)])
def test_at_the_ends_of_its_slopes_a_leaky_run_is_one_of_relu_and_a_linear_one(limit: str, slope: float) -> None:
    assert end(f"leaky:{slope!r}") == pytest.approx(end(limit), rel=1e-6)
    assert abs(end("leaky:0.5") - end(limit)) > 1e-4


def test_sigma_is_the_larger_of_z_and_a_share_of_it() -> None:
    z = np.linspace(-2, 2, 41)
    value, slope = activate(replace(BASE, activation="leaky:0.25"), 2, z)
    assert np.array_equal(value, np.maximum(z, 0.25 * z))
    assert slope is not None
    assert np.array_equal(slope, np.where(z > 0, 1, 0.25))


@pytest.mark.parametrize("activation", ["relu", "leaky:0.1", "leaky:0.9", "linear"])
def test_dnc_has_one_loss_at_every_slope(activation: str) -> None:
    """Its pre-activations are not negative: it is the same point for all of these."""
    config = replace(BASE, activation=activation)
    loss = loss_at(config, constructed_point("dnc", config))
    assert loss == pytest.approx(solve_dnc(config.problem).loss, rel=1e-12)


@pytest.mark.parametrize("written", ["leaky", "leaky:.1", "leaky:0.10", "leaky:1e-1"])
def test_one_slope_is_one_run_however_it_is_written(written: str) -> None:
    assert replace(BASE, activation=written) == replace(BASE, activation="leaky:0.1")


@pytest.mark.parametrize("written", ["leaky:0", "leaky:1", "leaky:-0.1", "leaky:nan", "leaky:", "relu:0.1", "tanh"])
def test_what_is_no_slope_is_refused_in_a_line(written: str) -> None:
    with pytest.raises(InputError, match=f"activation '{written}'") as error:
        replace(BASE, activation=written)
    assert "\n" not in str(error.value)


def test_refining_and_the_fused_kernel_are_for_other_activations() -> None:
    leaky = replace(BASE, activation="leaky:0.1", dtype="float32")
    with pytest.raises(InputError, match=r"not leaky:0\.1"):
        replace(leaky, refine=True)
    assert not is_fused(leaky, leaky.n * leaky.K, most_shared=2**30)
    assert is_fused(replace(leaky, activation="relu"), leaky.n * leaky.K, most_shared=2**30)


def test_runs_of_two_slopes_share_no_program() -> None:
    one, other = (replace(BASE, activation=activation_text(f"leaky:{slope}")) for slope in (0.1, 0.2))
    assert one.batch_key != other.batch_key

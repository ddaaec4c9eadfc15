"""Classes of unequal sizes: all that takes steps takes them right, and n_k equal samples are one row of weight n_k."""

from dataclasses import replace

import numpy as np
import pytest

from nccli.dufm.batch import Batch
from nccli.dufm.compiler import vector_bytes
from nccli.dufm.config import DufmConfig
from nccli.dufm.measurement import measure
from nccli.dufm.native import NativeSteps, build
from nccli.dufm.network import Network, labels
from nccli.dufm.parameters import Parameters
from nccli.dufm.plain import PlainSteps
from nccli.dufm.polish import polish
from nccli.dufm.shape import Shape
from nccli.dufm.sharpness import sharpness
from nccli.dufm.train import train
from nccli.errors import InputError
from nccli.metrics import dnc1
from nccli.theory import solve_dnc
from tests.oracle.autograd_dufm import OrdinaryDufm

BASE = DufmConfig(
    K=4,
    L=3,
    n=1,
    width=5,
    wd_h1=2e-3,
    wd_layers=(3e-3, 2e-3, 4e-3),
    lr=0.2,
    steps=9000,
    seed=1,
    dtype="float64",
    class_counts=(3, 6, 1, 1),
)
MOMENTUM = {"gd": 0.0, "heavy-ball": 0.5, "nesterov": 0.5, "adam": 0.9}


def collapsed_point(config: DufmConfig) -> tuple[Batch, Batch]:
    """The same collapsed point as N samples and as one row a class."""
    start = Batch.start([replace(config, n=1, class_counts=None)]).parameters
    features = start.features[:, labels(config, config.N)].copy()
    full = Batch.at([config], Parameters(features, start.hidden.copy(), start.last.copy()))
    return full, full.collapsed()


def test_equal_counts_are_classes_of_that_size() -> None:
    config = replace(BASE, class_counts=(3, 3, 3, 3))
    assert (config.n, config.class_counts) == (3, None)
    assert config == replace(BASE, n=3, class_counts=None)
    assert "class_counts" not in config.as_dict()


def test_unequal_ones_keep_their_order_and_the_largest_is_n() -> None:
    assert (BASE.n, BASE.N) == (6, 11)
    assert BASE.as_dict()["class_counts"] == "3,6,1,1"
    assert DufmConfig.from_dict(BASE.as_dict()) == BASE
    assert replace(BASE, class_counts=(6, 3, 1, 1)) != BASE


@pytest.mark.parametrize("counts", [(1, 2, 3), (1, 2, 0, 3), (1, 2, -3, 4), (2**30, 2**30, 1, 1)])
def test_counts_that_are_none_are_refused(counts: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match="class-counts"):
        replace(BASE, class_counts=counts)


def test_refinement_is_refused() -> None:
    with pytest.raises(InputError, match="classes of one size"):
        replace(BASE, refine=True)


@pytest.mark.parametrize("optimizer", ["gd", "nesterov"])
def test_steps_on_all_samples_are_those_of_automatic_differentiation(optimizer: str) -> None:
    config = replace(BASE, optimizer=optimizer, momentum=MOMENTUM[optimizer], activation="relu")
    plain, oracle = Batch.start([config]), OrdinaryDufm(config)
    for _ in range(30):
        oracle.step()
    PlainSteps(plain).advance(0, 30)
    np.testing.assert_allclose(plain.parameters.features[0].T, oracle.H_1.detach(), rtol=1e-11, atol=1e-14)
    network = Network(plain)
    assert network.fit()[0] == pytest.approx(oracle.fit().item(), rel=1e-12)
    assert network.reg()[0] == pytest.approx(oracle.reg().item(), rel=1e-12)


@pytest.mark.parametrize(("optimizer", "activation"), [("gd", "relu"), ("nesterov", "linear"), ("adam", "relu-last")])
def test_a_row_for_all_samples_of_a_class_takes_the_steps_of_all_of_them(optimizer: str, activation: str) -> None:
    config = replace(BASE, optimizer=optimizer, activation=activation, momentum=MOMENTUM[optimizer], lr=0.01)
    full, reduced = collapsed_point(config)
    for numbers in (lambda n: n.fit(), lambda n: n.reg(), lambda n: n.grad_norm()):
        assert numbers(Network(reduced))[0] == pytest.approx(numbers(Network(full))[0], rel=1e-13)
    PlainSteps(full).advance(0, 300)
    PlainSteps(reduced).advance(0, 300)
    for one, other in zip(reduced.parameters.all, full.collapsed().parameters.all, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(("optimizer", "epsilon"), [("gd", None), ("nesterov", 0.05)])
def test_compiled_steps_are_those_of_pytorch(optimizer: str, epsilon: float | None) -> None:
    activation = "relu" if epsilon is None else "relu-eps"
    config = replace(
        BASE, activation=activation, epsilon=epsilon, optimizer=optimizer, momentum=MOMENTUM[optimizer], lr=0.05
    )
    for is_reduced, start in enumerate(collapsed_point(config)):
        shape = Shape.of(config, vector_bytes(), bool(is_reduced))
        library = build(shape)
        if library is None:
            pytest.skip("no C compiler")
        plain, compiled = start.select([0]), start.select([0])
        PlainSteps(plain).advance(0, 200)
        steps = NativeSteps(compiled, shape, library, workers=1)
        steps.advance(0, 200)
        steps.sync()
        for one, other in zip(compiled.parameters.all, plain.parameters.all, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-10, atol=1e-12)


def test_dnc1_and_alignment_are_measured_over_the_classes_own_samples() -> None:
    config = replace(BASE, class_counts=(2, 5, 5, 1))
    batch = Batch.start([config])
    found = measure(batch)
    by_stage = [float(dnc1(stage[0], labels(config, config.N))) for stage in Network(batch).stages()]
    np.testing.assert_allclose(found.dnc1[0], by_stage, rtol=1e-12)
    assert not found.aligned[0]
    full, _ = collapsed_point(config)
    at_rest = measure(full)
    assert at_rest.aligned[0]
    assert at_rest.deviation[0] == 0
    assert (at_rest.dnc1 == 0).all()


def test_sharpness_is_that_of_all_samples() -> None:
    full, reduced = collapsed_point(replace(BASE, activation="linear"))
    assert sharpness(reduced)[0] == pytest.approx(sharpness(full)[0], rel=1e-2)


def test_polish_goes_on_from_class_means() -> None:
    config = replace(BASE, activation="linear", lr=0.1, steps=3000)
    batch = Batch.start([config])
    PlainSteps(batch).advance(0, 3000)
    before = Network(batch)
    polished = polish(batch)
    assert polished is not None
    after = Network(polished.batch)
    assert after.fit()[0] + after.reg()[0] < before.fit()[0] + before.reg()[0]


@pytest.mark.parametrize(
    ("counts", "decay"),
    [((3, 6, 1, 1), 2e-3), ((1, 9, 3), 3e-3), ((40, 40, 1), 1.2e-2), ((12, 2, 12, 2, 7), 1e-3)],
)
def test_a_linear_network_reaches_the_closed_form(counts: tuple[int, ...], decay: float) -> None:
    """The third loses a class."""
    K = len(counts)
    config = DufmConfig(
        K=K,
        L=3,
        n=1,
        width=8,
        wd_h1=decay * K / sum(counts),
        wd_layers=(decay,) * 3,
        lr=0.2,
        steps=200000,
        seed=0,
        dtype="float64",
        activation="linear",
        class_counts=counts,
        optimizer="nesterov",
        momentum=0.9,
        tol=1e-9,
    )
    (result,) = train([config])
    best = solve_dnc(config.problem)
    assert result.loss == pytest.approx(best.loss, rel=1e-6)
    assert any(block.trivial for block in best.blocks) == (40 in counts)


def test_a_run_that_has_collapsed_goes_on_as_its_class_means() -> None:
    config = replace(BASE, activation="linear", wd_h1=2e-2, wd_layers=(2e-2,) * 3, lr=0.3, tol=0.0)
    (reduced,), (full,) = train([config]), train([config], reduction=False)
    assert reduced.collapsed_at is not None
    assert config.steps - reduced.collapsed_at > 1000
    for one, other in zip(reduced.history, full.history, strict=True):
        assert one.loss == pytest.approx(other.loss, rel=1e-12)

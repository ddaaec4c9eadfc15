"""Every objective: its derivatives by finite differences, in both array libraries, and in the compiled step."""

import shutil
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
import torch

from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.native import native_steps
from nccli.dufm.network import Network, targets
from nccli.errors import InputError
from nccli.objective import OBJECTIVES, Objective, objective_named
from nccli.theory import Construction, Problem, dnc, solve, srg_variants
from tests.cli.in_process import forget

CONFIG = DufmConfig(K=4, L=3, n=3, width=7, wd_h1=5e-3, wd_layers=(4e-3, 5e-3, 6e-3), lr=0.2, steps=9, seed=0)
needs_gcc = pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc here: nccli takes plain steps")


@pytest.fixture(params=OBJECTIVES.values(), ids=lambda objective: objective.name)
def objective(request: pytest.FixtureRequest) -> Objective:
    found: Objective = request.param
    return found


@pytest.fixture
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Kernels of this run of the tests, not of the developer's own use."""
    monkeypatch.setenv("NCCLI_CACHE", str(tmp_path_factory.getbasetemp() / "kernels"))
    forget()
    yield
    monkeypatch.undo()
    forget()


def point(N: int = 6, K: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Outputs of any size and their targets."""
    return np.random.default_rng(0).normal(size=(2, N, K)), np.eye(K)[np.arange(N) % K]


def test_the_residual_is_the_derivative_of_the_value(objective: Objective) -> None:
    Z, Y = point()
    residual = objective.residual(Z, Y)
    for place in np.ndindex(*Z.shape[1:]):
        up, down = Z.copy(), Z.copy()
        up[:, *place] += 1e-5
        down[:, *place] -= 1e-5
        slope = (objective.total(up, Y) - objective.total(down, Y)) / 2e-5
        np.testing.assert_allclose(residual[:, *place], slope, rtol=1e-8, atol=1e-9)


def test_the_curvature_is_the_derivative_of_the_residual(objective: Objective) -> None:
    Z, Y = point()
    V = np.random.default_rng(1).normal(size=Z.shape)
    change = (objective.residual(Z + 1e-5 * V, Y) - objective.residual(Z - 1e-5 * V, Y)) / 2e-5
    np.testing.assert_allclose(objective.curvature(Z, V), change, rtol=1e-8, atol=1e-9)


def test_tensors_and_arrays_have_the_same_objective(objective: Objective) -> None:
    Z, Y = point()
    V = np.random.default_rng(1).normal(size=Z.shape)
    tensors = [torch.from_numpy(array.copy()) for array in (Z, Y, V)]
    np.testing.assert_allclose(objective.total(*tensors[:2]), objective.total(Z, Y), rtol=1e-13)
    np.testing.assert_allclose(objective.residual(*tensors[:2]), objective.residual(Z, Y), rtol=1e-13)
    np.testing.assert_allclose(objective.curvature(tensors[0], tensors[2]), objective.curvature(Z, V), rtol=1e-13)
    factor = torch.tensor([0.5, 2.0]).view(2, 1, 1)
    objective.residual_(tensors[0], tensors[1], factor)
    np.testing.assert_allclose(tensors[0], factor.numpy() * objective.residual(Z, Y), rtol=1e-13)


def test_the_zero_output_has_the_trivial_loss(objective: Objective) -> None:
    assert objective.total(np.zeros((1, 1, 5)), np.eye(5)[:1]).item() == pytest.approx(objective.trivial_loss(5))


def test_no_constant_output_fits_better_than_the_best_one(objective: Objective) -> None:
    K = 5
    fits = [float(objective.total(np.full((1, K, K), c), np.eye(K))[0]) / K for c in np.linspace(-1, 1, 2001)]
    assert min(fits) == pytest.approx(objective.constant_fit(K), rel=1e-6)


@pytest.mark.parametrize("construction", [dnc(6), srg_variants(6)[0]], ids=["dnc", "srg"])
def test_the_best_scale_and_the_last_weights_minimise_the_explicit_loss(
    objective: Objective, construction: Construction
) -> None:
    """No other W_L and no other common scale of features and weights does better."""
    problem = Problem(6, 4, 1, 4e-3, (4e-3,) * 4, objective.name)
    solution = solve(problem, construction)
    weights, features = solution.matrices(construction.min_width)

    def loss(scale: float, W_L: np.ndarray) -> float:
        inner = [scale * W for W in weights[:-1]]
        H = scale * features
        reg = 4e-3 / 2 * float((H**2).sum())
        for W in inner:
            reg += 4e-3 / 2 * float((W**2).sum())
            H = np.maximum(W @ H, 0)
        reg += 4e-3 / 2 * float((W_L**2).sum())
        return float(objective.total((W_L @ H).T, np.eye(6))) / 6 + reg

    best = loss(1.0, weights[-1])
    assert best == pytest.approx(solution.loss, rel=1e-10)
    rng = np.random.default_rng(0)
    for _ in range(20):
        assert loss(1.0, weights[-1] + 1e-4 * rng.normal(size=weights[-1].shape)) > best
    for scale in (0.99, 1.01):
        assert loss(scale, weights[-1]) > best


@needs_gcc
@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("n", [1, 3])
def test_the_compiled_step_goes_along_the_gradient_of_the_objective(objective: Objective, n: int) -> None:
    """One step from the initial point against the gradient that arrays say."""
    config = replace(CONFIG, n=n, dtype="float64", objective=objective.name)
    batch, before = Batch.start([config]), Batch.start([config])
    by_weight, by_features = Network(before).gradients()
    steps = native_steps(batch, 1)
    assert steps is not None
    steps.advance(0, 1)
    steps.sync()
    for after, start, gradient in zip(
        batch.parameters.all, before.parameters.all, (by_features, *by_weight), strict=True
    ):
        np.testing.assert_allclose(after, start - config.lr * gradient, rtol=1e-12, atol=1e-14)


@needs_gcc
@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize(("dtype", "rtol"), [("float64", 1e-9), ("float32", 1e-3)])
def test_compiled_steps_of_an_objective_are_those_of_pytorch(objective: Objective, dtype: str, rtol: float) -> None:
    """Padding stays zero, so that many steps agree too."""
    from nccli.dufm.plain import PlainSteps

    config = replace(CONFIG, dtype=dtype, objective=objective.name, steps=50)
    fast, plain = Batch.start([config]), Batch.start([config])
    steps = native_steps(fast, 1)
    assert steps is not None
    first = steps.measure()
    steps.advance(0, 50)
    last = steps.measure()
    PlainSteps(plain).advance(0, 50)
    for a, b in zip(fast.parameters.all, plain.parameters.all, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=rtol / 1000)
    assert (last.fit + last.reg < first.fit + first.reg).all()


@needs_gcc
@pytest.mark.usefixtures("own_cache")
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_compiled_cross_entropy_takes_outputs_of_any_size(dtype: str) -> None:
    """Its exponentials are its own: from equal outputs to ones that are thousands apart, at every power of two."""
    config = DufmConfig(K=11, L=2, n=1, width=9, wd_h1=1e-9, wd_layers=(1e-9, 1e-9), lr=1.0, steps=1, seed=0)
    for size in (0.0, *np.logspace(-6, 4, 41)):
        there = replace(config, dtype=dtype, objective="ce", init_scale=max(size, 1e-9) ** (1 / 3))
        batch = Batch.start([there])
        by_weight, by_features = Network(batch.double()).gradients()
        before = batch.double().parameters.all
        steps = native_steps(batch, 1)
        assert steps is not None
        steps.advance(0, 1)
        steps.sync()
        for after, start, gradient in zip(batch.parameters.all, before, (by_features, *by_weight), strict=True):
            expected = start - gradient
            rtol = 1e-13 if dtype == "float64" else 1e-5
            assert np.abs(after - expected).max() <= rtol * max(np.abs(gradient).max(), np.abs(start).max()) * 10


def test_two_objectives_never_share_a_batch() -> None:
    assert CONFIG.batch_key != replace(CONFIG, objective="ce").batch_key


def test_targets_are_the_unit_vectors_of_the_classes() -> None:
    assert targets(CONFIG, 12).sum(axis=0).tolist() == [3.0] * 4
    assert (targets(CONFIG, 12)[::3] == np.eye(4)).all()


def test_an_objective_that_there_is_not_is_refused_by_name() -> None:
    for make in (lambda: objective_named("hinge"), lambda: replace(CONFIG, objective="hinge")):
        with pytest.raises(InputError, match=r"objective 'hinge': must be one of mse, ce"):
            make()


def test_runs_of_the_first_objective_have_the_ids_they_had() -> None:
    assert "objective" not in CONFIG.as_dict()
    assert "mse" in CONFIG.batch_key

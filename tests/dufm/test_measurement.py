"""What is measured on the way, of NumPy arrays and of tensors, against autograd and the metrics of the library."""

from dataclasses import fields, replace

import numpy as np
import pytest
import torch

from nccli.catalogue.stages import stages
from nccli.dufm import measurement
from nccli.dufm.batch import Batch
from nccli.dufm.config import DufmConfig
from nccli.dufm.config_rules import ACTIVATIONS
from nccli.dufm.engine import Engine
from nccli.dufm.measurement import Measurement, gram_spectra, measure
from nccli.dufm.network import Network
from nccli.dufm.network import labels as labels_of
from nccli.dufm.optimizers import OPTIMIZERS
from nccli.dufm.plain import PlainSteps
from nccli.metrics import class_means, dnc1, numerical_rank, singular_values
from tests.oracle.autograd_dufm import OrdinaryDufm

BASE = DufmConfig(
    K=3, L=3, n=3, width=5, wd_h1=5e-3, wd_layers=(4e-3, 5e-3, 6e-3), lr=0.1, steps=60, seed=0, dtype="float64"
)
MOMENTUM = {"gd": 0.0, "heavy-ball": 0.9, "nesterov": 0.8, "adam": 0.9, "sgdw": 0.8, "adamw": 0.9}
WAYS = ["numpy", "torch"]


def measured(batch: Batch, way: str) -> Measurement:
    """The present point, as NumPy arrays or as tensors."""
    return measure(batch, 2) if way == "numpy" else measure(Engine.of(batch).batch)


def configurations(runs: int = 3, **changes: object) -> list[DufmConfig]:
    """Runs that differ in what runs of one program may differ in."""
    shared = replace(BASE, **changes)  # type: ignore[arg-type]
    return [
        replace(
            shared,
            seed=seed,
            lr=0.02 * (1 + seed),
            wd_h1=2e-3 * (1 + seed),
            wd_layers=tuple(1e-3 * (2 + seed + layer) for layer in range(shared.L)),
        )
        for seed in range(runs)
    ]


def started(steps: int = 20, runs: int = 3, **changes: object) -> Batch:
    """A batch after some steps: momentum remembers something then."""
    batch = Batch.start(configurations(runs, **changes))
    PlainSteps(batch).advance(0, steps)
    return batch


def features_of_stages(batch: Batch) -> list[np.ndarray]:
    """Features of every stage, (runs, rows, d), in float64."""
    return Network(batch.double()).stages()


def expected_deviation(batch: Batch) -> list[float]:
    """The largest relative distance to the class means, of all stages that are not zero and of momentum's H_1."""
    labels, parts = labels_of(batch.configs[0], batch.rows), features_of_stages(batch)

    def distance(X: np.ndarray) -> float:
        return float(np.linalg.norm(X - class_means(X, labels)[labels]))

    found = []
    for run, config in enumerate(batch.configs):
        ratios = [distance(X[run]) / np.linalg.norm(X[run]) for X in parts if X[run].any()]
        if config.optimizer in ("heavy-ball", "nesterov", "sgdw"):
            share = 1 if config.optimizer == "sgdw" else 1 - config.momentum
            memory = share / config.wd_h1 * batch.moments[0].features[run].astype(np.float64)
            ratios.append(distance(memory) / np.linalg.norm(parts[0][run]))
        found.append(max(ratios))
    return found


def expected_alignment(batch: Batch) -> list[bool]:
    """Whether no class has samples on both sides of zero where ReLU is."""
    first, labels, parts = batch.configs[0], labels_of(batch.configs[0], batch.rows), features_of_stages(batch)
    every_layer = range(2, first.L + 1)
    kinked = {"relu": every_layer, "leaky:0.1": every_layer, "relu-last": [first.L]}.get(first.activation, [])
    found = []
    for run in range(len(batch.configs)):
        on = [parts[stages(first.L).index((layer, "pre"))][run] > 0 for layer in kinked]
        classes = [side[labels == k] for side in on for k in range(first.K)]
        found.append(all((side.all(axis=0) | ~side.any(axis=0)).all() for side in classes))
    return found


def assert_measures(got: Measurement, batch: Batch, rtol: float = 1e-9) -> None:
    """Against autograd of the n-sample problem, and the metrics of the library."""
    labels, parts = labels_of(batch.configs[0], batch.rows), features_of_stages(batch)
    for run, config in enumerate(batch.configs):
        model = OrdinaryDufm(config, torch.float64)
        point = [torch.tensor(array[run].T, dtype=torch.float64) for array in batch.parameters.all]
        point[0] = point[0].repeat_interleave(batch.copies, dim=1)
        for parameter, value in zip((model.H_1, *model.W), point, strict=True):
            parameter.data = value.clone()
        (model.fit() + model.reg()).backward()  # type: ignore[no-untyped-call]
        norm = np.sqrt(sum(float(p.grad.square().sum()) for p in (model.H_1, *model.W) if p.grad is not None))
        assert got.fit[run] == pytest.approx(model.fit().item(), rel=rtol)
        assert got.reg[run] == pytest.approx(model.reg().item(), rel=rtol)
        assert got.grad_norm[run] == pytest.approx(norm, rel=rtol, abs=1e-14)
        ratios = [float(dnc1(X[run], labels)) for X in parts]
        ranks = [int(numerical_rank(singular_values(class_means(X[run], labels)))) for X in parts]
        np.testing.assert_allclose(got.dnc1[run], ratios, rtol=rtol, atol=1e-25)
        assert got.rank[run].tolist() == ranks
    np.testing.assert_allclose(got.deviation, expected_deviation(batch), rtol=rtol, atol=1e-14)
    assert got.aligned.tolist() == expected_alignment(batch)
    assert got.finite.all()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_a_measurement_is_what_the_library_and_autograd_say(activation: str, way: str) -> None:
    batch = started(activation=activation, epsilon=0.3 if activation == "relu-eps" else None)
    assert_measures(measured(batch, way), batch)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_what_the_optimiser_remembers_counts_for_momentum_alone(optimizer: str, way: str) -> None:
    batch = started(optimizer=optimizer, momentum=MOMENTUM[optimizer])
    assert_measures(measured(batch, way), batch)
    assert len(batch.moments) == {"gd": 0, "adam": 2, "adamw": 2}.get(optimizer, 1)


@pytest.mark.parametrize("optimizer", ["heavy-ball", "nesterov"])
def test_momentum_that_tells_samples_apart_is_deviation(optimizer: str) -> None:
    batch = started(optimizer=optimizer, momentum=0.9)
    remembered = measure(batch).deviation
    for moment in batch.moments:
        moment.features[...] = 0
    assert (remembered > 1.5 * measure(batch).deviation).all()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("K", "L", "n", "width"), [(2, 2, 3, 9), (12, 2, 1, 15), (20, 4, 2, 8), (4, 3, 5, 1)])
def test_every_shape_is_measured(K: int, L: int, n: int, width: int, way: str) -> None:
    """Widths below K too, where the class means cannot have rank K."""
    batch = started(K=K, L=L, n=n, width=width, wd_layers=(1e-3,) * L, init_scale=2.0)
    got = measured(batch, way)
    assert_measures(got, batch)
    assert got.rank.max() <= min(K, width)
    assert (got.dnc1 == 0).all() == (n == 1)


@pytest.mark.parametrize("way", WAYS)
def test_float32_runs_are_measured_in_float64(way: str) -> None:
    batch = started(dtype="float32")
    assert_measures(measured(batch, way), batch)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("optimizer", ["gd", "heavy-ball"])
def test_the_reduced_form_is_measured_as_the_problem_of_n_samples(optimizer: str, way: str) -> None:
    batch = started(optimizer=optimizer, momentum=MOMENTUM[optimizer]).collapsed()
    got = measured(batch, way)
    assert_measures(got, batch)
    assert (got.deviation == 0).all()
    assert got.aligned.all()
    assert (got.dnc1 == 0).all()


@pytest.mark.parametrize("way", WAYS)
def test_the_rank_of_a_decaying_spectrum_is_that_of_singular_values(way: str) -> None:
    """Class means with prescribed singular values, on both sides of a hundredth of the largest."""
    K, width, runs = 12, 15, 60
    batch = started(steps=0, runs=runs, K=K, n=1, width=width, L=2, wd_layers=(1e-3,) * 2)
    rng = np.random.default_rng(0)
    expected = []
    for run in range(runs):
        left, right = (np.linalg.qr(rng.normal(size=(size, K)))[0] for size in (K, width))
        spectrum = 10.0 ** rng.uniform(-4, 1, K) * 10.0 ** rng.uniform(-3, 3)
        spectrum[rng.permutation(K)[: run % K]] = 0
        if run % 3 == 0:
            left = np.eye(K)  # a Gram matrix that is diagonal already
        batch.parameters.features[run] = left * spectrum @ right.T
        expected.append(int(np.sum(spectrum > max(spectrum.max() / 100, 1e-6))))
    assert len(set(expected)) > 5
    assert measured(batch, way).rank[:, 0].tolist() == expected


@pytest.mark.parametrize("way", WAYS)
def test_equal_and_proportional_class_means_have_rank_one(way: str) -> None:
    batch = started(steps=0, activation="linear")
    features = batch.parameters.features
    features[0] = features[0, :1]
    features[1] = np.arange(1.0, 10.0)[:, None] * features[1, :1]
    got = measured(batch, way)
    assert got.rank.tolist() == [[1] * 5, [1] * 5, [3] * 5]
    assert got.finite.all()


@pytest.mark.parametrize("way", WAYS)
def test_the_zero_network_has_rank_zero_and_no_deviation(way: str) -> None:
    batch = started(optimizer="heavy-ball", momentum=0.9)
    for held in batch.held:
        for tensor in (held.features[1], held.hidden[:, 1], held.last[1]):
            tensor[...] = 0
    batch.parameters.features[2] *= 1e-9  # below what counts as zero
    for moment in batch.moments:
        moment.features[2] *= 0
    got = measured(batch, way)
    assert got.rank[1].tolist() == [0] * 5
    assert got.rank[2].tolist() == [0] * 5
    assert got.rank[0, 0] == 3
    assert got.deviation[1] == 0
    assert got.fit[1] == pytest.approx(0.5, rel=1e-15)
    assert (got.reg[1], got.grad_norm[1]) == (0, 0)
    assert np.isnan(got.dnc1[1]).all()
    assert got.finite.all()


@pytest.mark.parametrize("way", WAYS)
def test_deviation_is_zero_exactly_where_samples_are_equal(way: str) -> None:
    """Small whole numbers, so that no product is rounded, and one sample that differs in its last bit."""
    batch = started(steps=0)
    for array in batch.parameters.stored:
        array[...] = (8 * array).round()
    by_class = batch.parameters.features.reshape(3, BASE.K, BASE.n, BASE.width)
    by_class[...] = by_class[:, :, :1].copy()
    by_class[1, 2, 1, 0] += 2.0**-40
    got = measured(batch, way)
    assert (got.deviation == 0).tolist() == [True, False, True]
    assert 0 < got.deviation[1] < 1e-10
    assert got.deviation[1] == pytest.approx(expected_deviation(batch)[1], rel=1e-4)
    assert (got.dnc1[[0, 2]] == 0).all()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("activation", ["relu", "relu-last", "linear"])
def test_a_class_on_both_sides_of_a_kink_is_not_aligned(activation: str, way: str) -> None:
    """Samples that differ by less than rounding: the same but for the side of zero."""
    batch = started(steps=0, activation=activation)
    features, hidden = batch.parameters.features, batch.parameters.hidden
    features[...], hidden[...] = 1.0, np.eye(BASE.width)
    apart = np.tile([2.0**-50, 0.0, -(2.0**-50)], BASE.K)
    features[1, :, 0] = apart  # in layer 2, and 3
    features[2, :, 0] += apart  # in layer 3, where 1 is subtracted
    hidden[1, 2, 1, 0] = -1.0
    got = measured(batch, way)
    expected = {"relu": [True, False, False], "relu-last": [True, False, False], "linear": [True] * 3}[activation]
    assert got.aligned.tolist() == expected == expected_alignment(batch)


def test_measuring_in_small_portions_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    batch = started(runs=7, optimizer="nesterov", momentum=0.8)
    whole = measure(batch)
    sizes: list[int] = []
    monkeypatch.setattr(measurement, "_CHUNK_BYTES", 1)
    known = measurement._measure

    def portion(part: Engine) -> Measurement:
        sizes.append(len(part.configs))
        return known(part)

    monkeypatch.setattr(measurement, "_measure", portion)
    portions = measure(batch)
    assert sizes == [1] * 7
    for field in fields(Measurement):
        np.testing.assert_allclose(getattr(portions, field.name), getattr(whole, field.name), rtol=1e-12)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf"), 1e200])
@pytest.mark.parametrize("place", ["features", "hidden", "last"])
def test_a_run_that_is_not_finite_says_so_and_spoils_no_other(place: str, bad: float, way: str) -> None:
    batch = started()
    before = measured(batch, way)
    tensor = getattr(batch.parameters, place)
    (tensor[0, 1] if place == "hidden" else tensor[1])[0, 0] = bad
    got = measured(batch, way)
    assert got.finite.tolist() == [True, False, True]
    for field in fields(Measurement):
        np.testing.assert_allclose(getattr(got, field.name)[[0, 2]], getattr(before, field.name)[[0, 2]], rtol=1e-12)
    assert got.rank[1].tolist() == [0] * 5


@pytest.mark.parametrize("way", WAYS)
def test_measuring_moves_no_run(way: str) -> None:
    batch = started(optimizer="adam", momentum=0.9)
    before = [array.copy() for held in batch.held for array in held.stored]
    measured(batch, way)
    after = [array for held in batch.held for array in held.stored]
    assert all(np.array_equal(a, b) for a, b in zip(after, before, strict=True))


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("scale", [1.0, 3e-5, 1e3])
def test_the_rank_of_a_gram_matrix_is_the_numerical_rank_of_what_it_is_of(scale: float, way: str) -> None:
    """On both sides of the relative tolerance, and of the floor below which all is zero."""
    rng = np.random.default_rng(0)
    spectra = np.concatenate([np.ones((40, 1)), 10.0 ** rng.uniform(-3, -1, (40, 5))], axis=1) * scale
    left, right = (np.linalg.qr(rng.normal(size=(40, size, 6)))[0] for size in (6, 9))
    M = left * spectra[:, None, :] @ right.swapaxes(1, 2)
    gram = M @ M.swapaxes(1, 2)
    expected = numerical_rank(singular_values(M))
    spectra = gram_spectra(gram if way == "numpy" else torch.from_numpy(gram))
    assert numerical_rank(spectra).tolist() == expected.tolist()
    assert len(set(expected.tolist())) > (1 if scale == 3e-5 else 3)

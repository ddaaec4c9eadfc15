"""Paths between points: what is the same up to a symmetry is one point, and a path's top is above both of its ends."""

import numpy as np
import pytest
from jaxtyping import Float

from nccli.dufm.config import DufmConfig
from nccli.dufm.paths import Passage, passage
from nccli.dufm.paths.alignment import Symmetry, rotates
from nccli.dufm.paths.classes import matchings
from nccli.dufm.paths.polyline import lengths
from nccli.dufm.start import StartPoint
from nccli.theory import Problem, explicit_loss, solve_dnc, solve_kind, solve_srg

ROUNDING = 1e-13


def config(K: int, L: int, width: int, wd: float = 5e-3, n: int = 1, activation: str = "relu") -> DufmConfig:
    return DufmConfig(
        K=K,
        L=L,
        n=n,
        width=width,
        wd_h1=wd,
        wd_layers=(wd,) * L,
        lr=1.0,
        steps=1,
        seed=0,
        activation=activation,
        epsilon=0.1 if activation == "relu-eps" else None,
    )


def constructed(config: DufmConfig, kind: str, **options: str) -> StartPoint:
    solution = solve_kind(config.problem, kind, options)
    weights, features = solution.matrices(config.width)
    return StartPoint(features[:, :: config.n], tuple(weights))


def rotation(rng: np.random.Generator, d: int) -> Float[np.ndarray, "d d"]:
    return np.asarray(np.linalg.qr(rng.standard_normal((d, d)))[0])


def random_symmetry(config: DufmConfig, rng: np.random.Generator) -> Symmetry:
    d = config.width
    units = [rotation(rng, d)]
    for layer in range(2, config.L + 1):
        units.append(rotation(rng, d) if rotates(config, layer) else np.eye(d)[rng.permutation(d)])
    return Symmetry(rng.permutation(config.K), tuple(units))


def random_point(config: DufmConfig, rng: np.random.Generator) -> StartPoint:
    d, shapes = config.width, [(config.width, config.width)] * (config.L - 1) + [(config.K, config.width)]
    return StartPoint(rng.standard_normal((d, config.K)) / 2, tuple(rng.standard_normal(shape) / 2 for shape in shapes))


def found(config: DufmConfig, one: StartPoint, other: StartPoint, starts: int = 2) -> Passage:
    return passage(config, one, other, starts, lambda done: None)


def loss(config: DufmConfig, point: StartPoint) -> float:
    return sum(explicit_loss(config.problem, point.weights, np.repeat(point.means, config.n, axis=1)))


@pytest.mark.parametrize("activation", ["relu", "linear", "relu-last", "relu-eps"])
@pytest.mark.parametrize("seed", range(3))
def test_a_path_to_a_copy_by_symmetry_does_not_rise(activation: str, seed: int) -> None:
    rng = np.random.default_rng(seed)
    own = config(5, 3, 7, n=2, activation=activation)
    point = random_point(own, rng)
    passed = found(own, point, random_symmetry(own, rng).of(point))
    assert passed.losses[0] == pytest.approx(passed.losses[1], rel=ROUNDING)
    assert passed.straight.top[1] <= passed.losses[0] + ROUNDING
    assert passed.relaxed is None
    assert passed.distance < 1e-7


def test_units_of_other_scale_are_the_same_units() -> None:
    rng = np.random.default_rng(0)
    own = config(4, 4, 6)
    point = random_point(own, rng)
    weights = list(point.weights)
    for layer in range(3):
        factor = rng.uniform(0.5, 2.0, 6)
        weights[layer], weights[layer + 1] = weights[layer] * factor[:, None], weights[layer + 1] / factor
    mixed = rng.standard_normal((6, 6)) + 3 * np.eye(6)
    weights[0] = weights[0] @ np.linalg.inv(mixed)
    passed = found(own, point, StartPoint(mixed @ point.means, tuple(weights)))
    assert passed.losses[1] > passed.losses[0]
    assert passed.straight.top[1] <= passed.losses[0]
    assert passed.relaxed is None


def test_dnc_and_a_permuted_dnc_are_apart_as_they_are_and_one_point_aligned() -> None:
    rng = np.random.default_rng(1)
    own = config(6, 4, 9)
    point = constructed(own, "dnc")
    passed = found(own, point, random_symmetry(own, rng).of(point))
    assert passed.stored.top[1] > passed.losses[0] + 0.05
    assert passed.straight.top[1] <= passed.losses[0] + ROUNDING
    assert passed.width == 9


def test_minima_of_a_linear_network_of_two_layers_are_connected() -> None:
    """All of them are one by rotations of layers 1 and 2 (Dang et al. 2023)."""
    rng = np.random.default_rng(2)
    own = config(4, 2, 8, activation="linear")
    point = constructed(own, "dnc")
    turned = random_symmetry(own, rng).of(point)
    other = StartPoint(turned.means[:, rng.permutation(4)], (turned.weights[0], turned.weights[1]))
    straight = found(own, point, turned).straight
    assert straight.top[1] <= solve_dnc(own.problem).loss + ROUNDING
    assert loss(own, other) > solve_dnc(own.problem).loss + 0.1  # a permutation of one side alone is none


def test_points_of_different_widths_meet_in_the_larger() -> None:
    wide, slim = config(5, 3, 11), config(5, 3, 6)
    passed = found(wide, constructed(slim, "dnc"), constructed(wide, "dnc"))
    assert passed.straight.top[1] <= solve_dnc(wide.problem).loss + ROUNDING


def test_between_dnc_and_zero_the_loss_is_that_of_the_scalar_problem() -> None:
    """Straight to zero is a scale of all matrices; its top is the other stationary point of DNC's closed form."""
    own = config(2, 2, 3, wd=2e-2, n=3)
    zero = StartPoint(np.zeros((3, 2)), (np.zeros((3, 3)), np.zeros((2, 3))))
    passed = found(own, constructed(own, "dnc"), zero)
    y = np.linspace(0.0, 0.01, 200_001)
    top = float((0.5 * (1 - y) ** 2 + 3 * (3 * 2e-2**3 * y**2) ** (1 / 3)).max())
    assert passed.straight.top[1] == pytest.approx(top, rel=1e-9)
    relaxed = passed.relaxed
    assert relaxed is not None
    assert max(passed.losses) < relaxed.way.top[1] <= passed.straight.top[1]
    assert relaxed.saddle is not None
    assert relaxed.saddle.loss == pytest.approx(top, rel=1e-9)
    assert relaxed.saddle.stationary is not None
    assert relaxed.saddle.stationary < 1e-10


def test_a_relaxed_path_is_below_the_straight_one_and_its_losses_are_those_of_its_matrices() -> None:
    """The square is no minimum: DNC lies below it with nothing in between, but for the straight line."""
    own = config(4, 3, 10, wd=1e-2)
    passed = found(own, constructed(own, "dnc"), constructed(own, "graph", graph="square"))
    assert passed.straight.top[1] > max(passed.losses) + 0.01
    assert passed.relaxed is not None
    way = passed.relaxed.way
    assert way.top[1] <= max(passed.losses) + 1e-12
    points = [way.landscape.point(image) for image in way.images]
    losses = [sum(explicit_loss(own.problem, point.weights, point.means)) for point in points]
    positions = lengths(way.images) / lengths(way.images)[-1]
    assert way.losses(positions) == pytest.approx(losses, rel=1e-12)
    assert (losses[0], losses[-1]) == pytest.approx(passed.losses, rel=1e-12)


@pytest.mark.parametrize("K", [6, 10, 15])
def test_classes_of_a_strongly_regular_graph_are_found_again(K: int) -> None:
    solution = solve_srg(Problem.uniform(K, 4, 1e-3))
    assert solution is not None
    T, last = (template.T @ template for template in solution.construction.blocks[0].matrices())
    grams = np.array([T / np.linalg.norm(T), last / np.linalg.norm(last)])
    for seed in range(5):
        classes = np.random.default_rng(seed).permutation(K)
        (best, *_) = matchings(grams, grams[:, classes[:, None], classes], 1)
        assert grams[:, classes[:, None], classes][:, best[:, None], best] == pytest.approx(grams, abs=1e-12)

"""Second order: what is a minimum, and the numbers that say so, against oracles."""

from functools import cache

import numpy as np
import pytest

from nccli.dufm.refined import RefinedProblem
from nccli.dufm.second_order import Judgement, judge, way_down
from nccli.dufm.second_order.curvature import HeldNetwork
from nccli.dufm.second_order.multipliers import multipliers
from nccli.dufm.second_order.point import ActivePoint, active_point
from nccli.dufm.second_order.spectrum import orthonormal, spectrum
from nccli.dufm.second_order.weak_kinks import weak_kinks
from nccli.theory import Problem, explicit_loss, solve_kind

WD = 4e-3
Point = tuple[RefinedProblem, np.ndarray, list[np.ndarray]]


def constructed(
    kind: str, K: int, L: int = 4, n: int = 1, width: int = 0, activation: str = "relu", wd: float = WD
) -> Point:
    """A construction as a point; its own least width for none."""
    solution = solve_kind(Problem.uniform(K, L, wd, n), kind, {})
    d = width or solution.construction.min_width
    weights, features = solution.matrices(d)
    return RefinedProblem(K, n, d, (wd,) * (L + 1), activation), features[:, ::n], weights


@cache
def verdict_on(kind: str, K: int, L: int = 4, width: int = 0) -> Judgement:
    """Of a construction, worked out once."""
    return judge(*constructed(kind, K, L, width=width))


def loss(problem: RefinedProblem, means: np.ndarray, weights: list[np.ndarray]) -> float:
    """By explicit matrices."""
    theory = Problem(problem.K, problem.L, problem.n, problem.wd[0], problem.wd[1:])
    return sum(explicit_loss(theory, weights, np.repeat(means, problem.n, axis=1)))


def a_point(n: int = 2) -> ActivePoint:
    """No special point."""
    rng = np.random.default_rng(0)
    weights = [rng.standard_normal(shape) for shape in ((5, 5), (5, 5), (3, 5))]
    return active_point(RefinedProblem(3, n, 5, (0.01, 0.02, 0.03, 0.04)), rng.standard_normal((5, 3)), weights)


@pytest.mark.parametrize(
    ("kind", "K", "verdict"),
    [("dnc", 10, "minimum"), ("srg", 10, "minimum"), ("srg", 6, "not_stationary"), ("srg", 15, "saddle")],
)
def test_verdicts_on_constructions(kind: str, K: int, verdict: str) -> None:
    """At L = 4, λ = 4e-3; T(6) is left by bipartition rows, for which it has units in the last layer to spare."""
    found = verdict_on(kind, K, width=16)
    assert found.verdict == verdict
    assert (found.residual < 1e-12) == (verdict != "not_stationary")


def test_t6_is_a_saddle_only_where_a_new_unit_has_room() -> None:
    assert verdict_on("srg", 15, width=16).verdict == "saddle"
    assert verdict_on("srg", 15, L=3, width=15).verdict == "minimum"


def test_the_best_new_unit_of_t6_is_a_bipartition_row() -> None:
    _, means, weights = constructed("srg", 15, width=16)
    found = verdict_on("srg", 15, width=16)
    hidden = means
    for W in weights[:-1]:
        last, hidden = hidden, np.maximum(W @ hidden, 0)
    error = (weights[-1] @ hidden - np.eye(15)) / 15
    row = np.where(np.arange(6) < 3, 1.0, -1.0) @ (
        last[:6] > 0.1 * last.max()
    )  # uB, u = 1 on three vertices and −1 off them
    w = np.linalg.lstsq(last.T, row, rcond=None)[0]
    gain = np.linalg.norm(error @ np.maximum(last.T @ w, 0)) / (WD * np.linalg.norm(w))
    assert found.gain == pytest.approx(gain, rel=1e-9)


@pytest.mark.parametrize(("kind", "K"), [("srg", 15), ("srg", 6)])
def test_a_way_down_leads_to_a_lower_loss(kind: str, K: int) -> None:
    point = constructed(kind, K, width=16)
    found = way_down(*point, verdict_on(kind, K, width=16))
    assert found is not None
    _, place, after = found
    assert after == pytest.approx(loss(point[0], *place), rel=1e-12)
    assert after < loss(*point)


def test_near_a_minimum_no_loss_is_lower() -> None:
    """T(5) and DNC, with units and dimensions to spare, and noise in every weight."""
    rng = np.random.default_rng(1)
    for kind in ("srg", "dnc"):
        problem, means, weights = constructed(kind, 10, width=12)
        before = loss(problem, means, weights)
        for size in np.geomspace(1e-4, 1e-1, 40):
            near = [W + size * rng.standard_normal(W.shape) for W in (means, *weights)]
            assert loss(problem, near[0], near[1:]) > before


def test_curvature_is_the_derivative_of_the_gradient() -> None:
    point = a_point()
    _, Z = point.forward()
    slopes = [1.0 * (z > 0) for z in Z[:-1]]
    v, step = np.random.default_rng(2).standard_normal(point.size), 1e-6
    ahead, back = (HeldNetwork(point.moved(point.vector + s * v), slopes).gradient for s in (step, -step))
    held = HeldNetwork(point, slopes)
    np.testing.assert_allclose(held.times(v[None])[0], (ahead - back) / (2 * step), atol=1e-7)
    losses = [point.moved(point.vector + s * v).loss() for s in (step, -step)]
    assert held.gradient @ v == pytest.approx((losses[0] - losses[1]) / (2 * step), rel=1e-6)
    rows = held.rows([np.ones_like(z, bool) for z in Z[:-1]])
    np.testing.assert_allclose(rows @ v, np.concatenate([m.ravel() for m in held.moves(v[None])]), atol=1e-12)


@pytest.mark.parametrize("n", [1, 2])
def test_the_spectrum_is_that_of_all_samples_and_weights(n: int) -> None:
    """Of a deep linear network, which has no kinks, by differences of the loss of the whole problem."""
    problem, means, weights = constructed("dnc", 3, 2, n, 4, "linear")
    x = np.concatenate([np.repeat(means, n, axis=1).ravel(), *(W.ravel() for W in weights)])
    shapes, step = [(4, 3 * n), (4, 4), (3, 4)], 1e-4
    cuts = np.cumsum([0, *(a * b for a, b in shapes)])

    def whole(x: np.ndarray) -> float:
        H, W_1, W_2 = (x[a:b].reshape(s) for a, b, s in zip(cuts, cuts[1:], shapes, strict=False))
        fit = ((W_2 @ W_1 @ H - np.repeat(np.eye(3), n, axis=1)) ** 2).sum() / (6 * n)
        return float(fit + WD / 2 * (x**2).sum())

    e = step * np.eye(len(x))
    corners = [[whole(x + a + b) - whole(x + a - b) - whole(x - a + b) + whole(x - a - b) for b in e] for a in e]
    w = np.linalg.eigvalsh(np.array(corners) / (4 * step**2))
    found = judge(problem, means, weights)
    assert found.verdict == "minimum"
    assert found.flat == found.symmetries == (np.abs(w) < 1e-6).sum()
    assert found.smallest[0] == pytest.approx(w[w > 1e-6][0], abs=1e-6)
    assert found.largest[0] == pytest.approx(w[-1], abs=1e-6)
    assert found.norm == pytest.approx(np.linalg.norm(w), abs=1e-6)


@pytest.mark.parametrize(("kind", "K", "L"), [("dnc", 6, 4), ("srg", 6, 3), ("srg", 10, 4), ("bipartition", 15, 5)])
def test_lanczos_agrees_with_the_dense_oracle_along_the_kinks(kind: str, K: int, L: int) -> None:
    found = multipliers(active_point(*constructed(kind, K, L)))
    along = orthonormal(found.network.rows(found.held))
    dense, lanczos = (spectrum(found.network, along, 1e-8, way) for way in (True, False))
    assert len(dense.low) == len(lanczos.low)
    for end in (slice(0, len(dense.low) + 3), slice(-3, None)):
        np.testing.assert_allclose(lanczos.values[end], dense.values[end], atol=1e-6)
    assert lanczos.norm == pytest.approx(dense.norm, rel=1e-9)


def test_a_verdict_is_the_same_by_lanczos() -> None:
    point = constructed("dnc", 6, width=8)
    dense, lanczos = judge(*point, dense=True), judge(*point, dense=False)
    assert (dense.dense, lanczos.dense) == (True, False)
    for name in ("smallest", "largest", "norm"):
        np.testing.assert_allclose(getattr(lanczos, name), getattr(dense, name), atol=1e-6)
    counts = ("verdict", "negative", "flat", "symmetries")
    assert [getattr(lanczos, name) for name in counts] == [getattr(dense, name) for name in counts]


def test_lanczos_counts_multiple_eigenvalues() -> None:
    """With nothing set apart a linear network has as many zeros as symmetries, each of which it has to find."""
    found = multipliers(active_point(*constructed("dnc", 4, 3, width=4, activation="linear")))
    nothing = orthonormal(np.zeros((0, found.network.point.size)))
    spectra = [spectrum(found.network, nothing, 1e-8, dense) for dense in (True, False)]
    assert [len(each.low) for each in spectra] == [18, 18]


def test_srg_has_weak_kinks_where_relu_could_be_the_identity() -> None:
    """In layers 3..L−2 the multipliers are at the end of their boxes; leaving these kinks has no negative curvature."""
    found = weak_kinks(multipliers(active_point(*constructed("srg", 10, 5))), 1e-8)
    assert (found.count, found.two_sided, found.least) == (30, 0, 0.0)
    assert found.exits is None
    assert found.proved


def test_dnc_has_a_flat_family_that_leaves_its_kinks() -> None:
    """H_1 = W_1 ∝ (I − εS)^½ with S ≥ 0 off the diagonal: what is negative in M̃_2 costs nothing and does nothing."""
    problem, means, weights = constructed("dnc", 4, 4)
    assert judge(problem, means, weights).flat_exits
    S = np.ones((4, 4)) - np.eye(4)
    root = np.linalg.cholesky(np.eye(4) - 0.2 * S)
    scale = np.linalg.norm(weights[0] @ means) / 2
    U, s, Vt = np.linalg.svd(root @ root.T * scale)
    other = [np.sqrt(s)[:, None] * Vt, (U * np.sqrt(s)), *weights[1:]]
    order = np.argmax(weights[0] @ means, axis=1)
    other[0] = other[0][:, np.argsort(order)]
    assert loss(problem, other[0], other[1:]) == pytest.approx(loss(problem, means, weights), abs=1e-12)


def test_as_weight_decay_vanishes_the_largest_curvature_of_dnc_is_l_plus_1_over_k() -> None:
    """L + 1 factors of size one to a class; that of low rank stays above it (SRG at K = 10, L = 4: 0.84)."""
    dnc, srg = (judge(*constructed(kind, 10, wd=1e-7)) for kind in ("dnc", "srg"))
    assert dnc.largest[0] == pytest.approx(5 / 10, rel=1e-5)
    assert srg.largest[0] > 1.6 * dnc.largest[0]
    assert dnc.smallest[0] == pytest.approx(2e-7)


def test_a_saddle_is_found_however_small_the_weight_decay() -> None:
    assert judge(*constructed("srg", 15, 3, width=16, wd=1e-6)).verdict == "saddle"


def test_all_zero_is_a_minimum_and_lost_classes_are_looked_at() -> None:
    problem = RefinedProblem(3, 1, 4, (WD,) * 5)
    zero: Judgement = judge(problem, np.zeros((4, 3)), [np.zeros((4, 4))] * 3 + [np.zeros((3, 4))])
    assert zero.verdict == "minimum"
    assert zero.smallest[0] == zero.largest[0] == WD

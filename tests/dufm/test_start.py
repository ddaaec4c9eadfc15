"""Points that runs begin at: their noise, their names, what is no point; and which solutions are returned to."""

from dataclasses import replace

import numpy as np
import pytest

from nccli.dufm.config import DufmConfig
from nccli.dufm.initial import initial_point
from nccli.dufm.start import StartPoint, point_of
from nccli.dufm.train import train
from nccli.errors import InputError
from nccli.theory import Problem, solve_kind

K, L, D, N = 4, 3, 6, 5


def config(**changes: object) -> DufmConfig:
    fields = {"K": K, "L": L, "n": N, "width": D, "wd_h1": 4e-3, "wd_layers": (4e-3,) * L, "lr": 0.5, "steps": 10}
    return DufmConfig(**{**fields, "seed": 0, "start": "dnc", "start_print": "0" * 16, **changes})  # type: ignore[arg-type]


def point(seed: int = 0) -> StartPoint:
    rng = np.random.default_rng(seed)
    return StartPoint(rng.normal(size=(D, K)), tuple(rng.normal(size=(rows, D)) for rows in (D, D, K)))


def test_without_noise_a_run_begins_at_the_point_every_sample_at_its_class_mean() -> None:
    features, hidden, last = initial_point(config(), point())
    np.testing.assert_array_equal(features.reshape(K, N, D), np.repeat(point().means.T[:, None], N, axis=1))
    for V, W in zip((*hidden, last), point().weights, strict=True):
        np.testing.assert_array_equal(V, W.T)


@pytest.mark.parametrize("noise", [1e-6, 0.01, 2.0])
def test_noise_is_relative_to_the_norm_of_each_matrix_and_follows_the_seed(noise: float) -> None:
    exact = initial_point(config(), point())
    noisy, again, other = (initial_point(config(noise=noise, seed=seed), point()) for seed in (3, 3, 4))
    for before, after, same, another in zip(exact, noisy, again, other, strict=True):
        parts = zip(before, after, strict=True) if before.ndim == 3 else [(before, after)]
        for one, changed in parts:
            assert np.linalg.norm(changed - one) == pytest.approx(noise * np.linalg.norm(one), rel=1e-6)
        np.testing.assert_array_equal(after, same)
        assert (after != another).any()


def test_a_point_of_zeros_stays_where_it_is() -> None:
    zero = StartPoint(np.zeros((D, K)), tuple(np.zeros(W.shape) for W in point().weights))
    assert not any(array.any() for array in initial_point(config(noise=0.5), zero))


def test_a_fingerprint_names_a_point_and_text_keeps_it() -> None:
    assert point(0).fingerprint != point(1).fingerprint
    found = StartPoint.of_text(point().as_text())
    assert found.fingerprint == point().fingerprint
    assert point_of(config(start_print=found.fingerprint), {found.fingerprint: found}) is found
    with pytest.raises(InputError, match="is not there"):
        point_of(config(), {found.fingerprint: found})
    for text in ("", "!", "AAAA"):
        with pytest.raises(InputError, match="cannot be read"):
            StartPoint.of_text(text)


@pytest.mark.parametrize(
    "weights",
    [(), (np.ones((K, D)),), (np.ones((D, D)), np.ones((D, K))), (np.ones((D, D)), np.full((K, D), np.inf))],
    ids=["none", "one", "transposed", "infinite"],
)
def test_what_is_no_point_of_a_dufm_is_refused(weights: tuple[np.ndarray, ...]) -> None:
    with pytest.raises(InputError, match="no point"):
        StartPoint(np.ones((D, K)), weights)


@pytest.mark.parametrize(("name", "changes"), [("K", {"K": 5}), ("L", {"L": 4, "wd_layers": (1e-3,) * 4})])
def test_runs_of_other_sizes_are_refused(name: str, changes: dict[str, object]) -> None:
    with pytest.raises(InputError, match=rf"the point has {name} = \d, and the run {name} = \d: drop --{name}"):
        initial_point(config(**changes), point())


@pytest.mark.parametrize("changes", [{"noise": -0.1}, {"noise": 101.0}, {"start": None}, {"start_print": None}])
def test_noise_and_names_that_make_no_sense_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(InputError, match="noise"):
        config(**changes)


def test_a_run_that_begins_at_random_has_the_id_that_it_always_had() -> None:
    assert not {"start", "start_print", "noise"} & set(config().at_random.as_dict())
    assert DufmConfig.from_dict(config(noise=0.1).as_dict()) == config(noise=0.1)


@pytest.mark.parametrize(
    ("kind", "classes", "least", "most"),
    [("dnc", 10, 0.9999, 1.001), ("srg", 10, 0.9999, 1.004), ("srg", 6, 0.95, 0.99), ("srg", 15, 0.94, 0.995)],
    ids=["DNC returns", "T(5) returns", "T(4) leaves", "T(6) leaves"],
)
def test_which_solutions_descent_comes_back_to(kind: str, classes: int, least: float, most: float) -> None:
    """Theory sheet, section 5: perturb and descend; loss at the end over that of the solution."""
    solution = solve_kind(Problem(classes, 4, 1, 4e-3, (4e-3,) * 4), kind, {})
    d = 30  # bipartition rows, to which T(6) goes, need 20
    weights, features = solution.matrices(d)
    start = StartPoint(features, tuple(weights))
    fields = {"K": classes, "L": 4, "n": 1, "width": d, "wd_layers": (4e-3,) * 4, "steps": 20_000, "noise": 0.01}
    begun = config(**fields, start=kind, start_print=start.fingerprint)
    (result,) = train((begun,), points={start.fingerprint: start})
    assert least < result.loss / solution.loss < most
    assert result.history[0].loss > solution.loss


def test_a_run_goes_on_from_where_another_ended() -> None:
    (first,) = train((replace(config(n=1), start=None, start_print=None),))
    end = StartPoint(first.layers[0].class_means.T, first.weights)
    (second,) = train((config(n=1, start_print=end.fingerprint),), points={end.fingerprint: end})
    assert second.history[0].loss == pytest.approx(first.loss, rel=1e-6)
    assert second.loss < first.loss

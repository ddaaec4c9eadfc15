"""A refined point is stationary for the non-smooth loss, and lies where gradient descent was going."""

import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from nccli.dufm import placement
from nccli.dufm import refine as refine_module
from nccli.dufm.batch import Batch
from nccli.dufm.collapsed import CollapsedProblem, smoothed_relu
from nccli.dufm.config import DufmConfig
from nccli.dufm.plain import PlainSteps
from nccli.dufm.refine import Refined, refine
from nccli.dufm.result import DufmResult
from nccli.dufm.train import train
from nccli.errors import InputError
from nccli.theory import Problem, solve_dnc, solve_srg
from nccli.training.threads import threads
from nccli.training.watch import Watch

BASE = DufmConfig(K=4, L=3, n=2, width=6, wd_h1=5e-3, wd_layers=(4e-3, 5e-3, 6e-3), lr=0.3, steps=8000, seed=4)
DEAD = replace(BASE, seed=7)
REFINED = replace(BASE, refine=True)


@pytest.fixture(scope="module")
def runs() -> dict[bool, DufmResult]:
    """The same descent, as it ends and refined."""
    return {config.refine: next(iter(train([config]))) for config in (BASE, REFINED)}


def oracle_loss(config: DufmConfig, point: list[Tensor]) -> Tensor:
    """The DUFM loss in the paper's orientation with all n samples, by definition."""
    H_1, *W = point
    H = H_1.repeat_interleave(config.n, dim=1)
    Y = torch.eye(config.K, dtype=H.dtype).repeat_interleave(config.n, dim=1)
    reg = config.wd_h1 / 2 * H.square().sum()
    for matrix, wd in zip(W, config.wd_layers, strict=True):
        reg = reg + wd / 2 * matrix.square().sum()
    for matrix in W[:-1]:
        H = torch.relu(matrix @ H)
    return (W[-1] @ H - Y).square().sum() / (2 * Y.shape[1]) + reg


def refined_point(config: DufmConfig, seed: int = 0) -> Refined:
    """Refine from the end of a short descent in float64."""
    with threads(1), torch.no_grad():  # tests run side by side
        batch = Batch.start([replace(config, n=1, seed=seed, dtype="float64")])
        PlainSteps(batch).advance(0, 3000)
        X, *V = (torch.from_numpy(array[0]) for array in batch.parameters.all)
        found = refine(CollapsedProblem(config.K, config.n, (config.wd_h1, *config.wd_layers)), X, V)
    assert found is not None
    return found


@pytest.mark.parametrize(("K", "L", "seed"), [(3, 3, 0), (4, 3, 1), (4, 4, 2), (6, 4, 3), (5, 2, 4)])
def test_the_subgradient_residual_is_rounding(K: int, L: int, seed: int) -> None:
    point = refined_point(replace(BASE, K=K, L=L, wd_layers=(5e-3,) * L), seed)
    assert point.residual < 1e-10
    assert point.radius < 1e-10
    assert point.kinks > 0


def test_no_direction_leads_down_from_a_refined_point() -> None:
    """By the loss alone: f(x + tδ) ≥ f(x) − O(t²) for random δ, though one-sided gradients are large."""
    config = replace(BASE, K=10, L=4, n=1, width=10, wd_h1=4e-3, wd_layers=(4e-3,) * 4, lr=0.5)
    point = refined_point(config)
    x = [point.features.T, *(V.T for V in point.weights)]
    here = oracle_loss(config, x)
    generator = torch.Generator().manual_seed(0)
    t, steepest, one_sided = 1e-6, 0.0, []
    for _ in range(300):
        direction = [torch.randn(p.shape, generator=generator, dtype=p.dtype) for p in x]
        norm = torch.cat([d.flatten() for d in direction]).norm()
        moved = [p + t * d / norm for p, d in zip(x, direction, strict=True)]
        steepest = min(steepest, float(oracle_loss(config, moved) - here) / t)
        leaves = [p.detach().requires_grad_() for p in moved]
        gradients = torch.autograd.grad(oracle_loss(config, leaves), leaves)
        one_sided.append(float(torch.cat([g.flatten() for g in gradients]).norm()))
    assert steepest > -1e-6
    assert min(one_sided) > 1e-4


def test_refining_lowers_the_loss_a_little_and_makes_the_ranks_crisp(runs: dict[bool, DufmResult]) -> None:
    plain, refined = runs[False], runs[True]
    assert refined.history == plain.history
    assert plain.loss - 0.05 < refined.loss < plain.loss
    for layer in refined.layers:
        spectrum = layer.singular_values
        assert np.all((spectrum > 1e-3 * spectrum[0]) | (spectrum < 1e-12 * spectrum[0]))


def test_a_refined_run_tells_its_certificate(runs: dict[bool, DufmResult]) -> None:
    refined = runs[True]
    assert refined.status == "converged"
    assert refined.refinement is not None
    assert refined.refinement.residual < 1e-10
    assert refined.refinement.kinks > 0
    assert refined.refinement.iterations > 0
    assert refined.steps == runs[False].steps
    assert [layer.dnc1 for layer in refined.layers] == [0.0] * 5
    assert runs[False].refinement is None


def test_the_refined_loss_is_that_of_the_n_sample_problem(runs: dict[bool, DufmResult]) -> None:
    """Its features' share follows from the stored class means of layer 1."""
    refined = runs[True]
    assert refined.loss == pytest.approx(refined.fit + refined.reg, rel=1e-14)
    H_1 = next(layer.class_means for layer in refined.layers if layer.layer == 1)
    point = refined_point(BASE)
    x = [point.features.T, *(V.T for V in point.weights)]
    problem = CollapsedProblem(BASE.K, BASE.n, (BASE.wd_h1, *BASE.wd_layers))
    own = problem.loss([point.features, *point.weights], torch.relu)
    assert own.item() == pytest.approx(oracle_loss(BASE, x).item(), rel=1e-12)
    assert BASE.n * BASE.wd_h1 / 2 * np.sum(H_1**2) < refined.reg


def test_theory_s_solutions_are_where_they_were_after_refining() -> None:
    """The DNC and SRG points at their optimal scales: refined from there, no loss is higher, and SRG's rank is r."""
    problem = Problem.uniform(K=10, L=4, weight_decay=4e-3)
    srg = solve_srg(problem)
    assert srg is not None
    for solution, rank in ((solve_dnc(problem), 10), (srg, 5)):
        weights, features = solution.matrices(10)
        V = [torch.tensor(W.T.copy()) for W in weights]
        found = refine(CollapsedProblem(10, 1, (4e-3,) * 5), torch.tensor(features.T.copy()), V)
        assert found is not None
        loss = CollapsedProblem(10, 1, (4e-3,) * 5).loss([found.features, *found.weights], torch.relu).item()
        assert loss <= solution.loss + 1e-12
        assert found.residual < 1e-7
        spectrum = torch.linalg.svdvals(found.features @ found.weights[0])
        assert int((spectrum > 1e-6 * spectrum[0]).sum()) == rank


def test_a_class_that_has_died_stays_dead() -> None:
    """Its features only decay; the smoothed problems, whose units are never quite off, would wake it up."""
    (plain,), (refined,) = train([DEAD]), train([replace(DEAD, refine=True)])
    last = plain.layers[-1].class_means
    dead = np.flatnonzero(~last.any(axis=1))
    assert len(dead) == 2
    assert refined.refinement is not None
    assert refined.refinement.residual < 1e-10
    assert plain.loss - 0.01 < refined.loss < plain.loss
    assert not refined.layers[0].class_means[dead].any()


def test_a_network_that_decayed_to_zero_stays_there() -> None:
    zero = [torch.zeros(4, 6), torch.zeros(6, 6), torch.zeros(6, 4)]
    X, *V = (t.double() for t in zero)
    found = refine(CollapsedProblem(4, 2, (0.5,) * 3), X, V)
    assert found is not None
    assert found.residual == 0
    assert not found.features.any()


def test_the_smoothed_relu_has_a_slope_in_the_unit_interval_and_tends_to_relu() -> None:
    z = torch.linspace(-3, 3, 601, dtype=torch.float64, requires_grad=True)
    for epsilon in (1.0, 1e-3):
        value = smoothed_relu(z, epsilon)
        (slope,) = torch.autograd.grad(value.sum(), z)
        assert (slope > 0).all()
        assert (slope < 1).all()
        gap = (value - torch.relu(z)).detach()
        assert (gap >= 0).all()
        assert gap.max() <= epsilon / 2 + 1e-15


def test_interrupting_while_refining_leaves_an_interrupted_run() -> None:
    seen: list[int] = []
    watch = Watch(
        on_progress=lambda progress: seen.append(progress.refining), should_stop=lambda: bool(seen and seen[-1])
    )
    (result,) = train([REFINED], watch=watch)
    assert result.status == "interrupted"
    assert result.refinement is None


@pytest.mark.parametrize(
    ("change", "words"), [({"activation": "linear"}, "activation relu"), ({"width": 80, "L": 4}, "--width")]
)
def test_what_cannot_be_refined_is_refused(change: dict[str, object], words: str) -> None:
    L = change.get("L", 3)
    with pytest.raises(InputError, match=words):
        replace(REFINED, wd_layers=(5e-3,) * L, **change)  # type: ignore[arg-type, operator]


def test_diverged_runs_are_not_refined() -> None:
    (result,) = train([replace(REFINED, lr=1000.0)])
    assert result.status == "diverged"
    assert result.refinement is None


def test_refining_uses_all_cores_whoever_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where factoring the Hessian is worth sharing; a small one is not, and threads would wait for each other."""
    seen: list[int] = []

    def observed(*_: object) -> None:
        seen.append(torch.get_num_threads())

    monkeypatch.setattr(refine_module, "refine", observed)
    monkeypatch.setattr(placement, "cores", lambda: 3)
    large = replace(REFINED, K=10, L=4, width=20, wd_layers=(5e-3,) * 4, steps=5)
    for config in (large, replace(REFINED, steps=5)):
        with threads(1):
            (result,) = train([config])
        assert result.status == "interrupted"
    assert large.refined_unknowns > 1000
    assert seen == [3, 1]


def test_refining_has_all_cores_whatever_the_training_around_it_is_limited_to(monkeypatch: pytest.MonkeyPatch) -> None:
    """Small batches train in one thread; factoring a Hessian of 400 unknowns is faster with all."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda pid: {0, 1, 2}, raising=False)
    refining, seen = [0], []

    def look() -> bool:
        """At the first Newton step; that is enough."""
        if refining[-1]:
            seen.append(torch.get_num_threads())
        return bool(seen)

    watch = Watch(on_progress=lambda progress: refining.append(progress.refining), should_stop=look)
    large = replace(REFINED, K=10, width=10, n=1, steps=50)
    with threads(1):
        (result,) = train([large], watch=watch)
        assert torch.get_num_threads() == 1
    assert result.status == "interrupted"
    assert seen == [3]

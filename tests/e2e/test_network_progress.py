"""What is seen of a network on its way: time constants, classes, and its loss over those of the solutions."""

import pytest

from nccli.e2e.result import NetworkProgress
from nccli.e2e.train import train_network
from nccli.theory import solve_dnc, solve_srg
from nccli.training.watch import Watch
from tests.e2e.image_files import config_of, image_set

IMAGES = image_set()


def watched(monkeypatch: pytest.MonkeyPatch, **changes: object) -> list[NetworkProgress]:
    """Every step of a run."""
    monkeypatch.setattr("nccli.e2e.train._REPORT_SECONDS", 0.0)
    seen: list[NetworkProgress] = []
    train_network(config_of(IMAGES, **changes), IMAGES, watch=Watch[NetworkProgress](seen.append))
    return seen


def test_time_constants_pass_as_rates_have_it_up_to_those_of_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = watched(monkeypatch, steps=40, lr_rise=0.5, wd_rise=0.25)
    passed = [each.passed for each in seen]
    assert passed == sorted(passed)
    assert passed[-1] == pytest.approx(seen[-1].time_constants, rel=1e-3)
    plan = config_of(IMAGES, steps=40, lr_rise=0.5, wd_rise=0.25).rates.of_steps(0, 40, 40).prod(axis=1)
    assert passed[9] / passed[-1] == pytest.approx(plan[:10].sum() / plan.sum(), rel=0.1)


def test_the_loss_is_held_against_the_solutions_of_the_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    problem = config_of(IMAGES).problem
    assert problem is not None
    latest = watched(monkeypatch, steps=3)[-1]
    assert latest.loss_dnc == solve_dnc(problem).loss
    srg = solve_srg(problem)
    assert latest.loss_srg == (None if srg is None else srg.loss)


def test_standard_weight_decay_has_no_solution_to_be_held_against(monkeypatch: pytest.MonkeyPatch) -> None:
    latest = watched(monkeypatch, steps=3, reg="standard")[-1]
    assert (latest.loss_dnc, latest.loss_srg) == (None, None)


def test_classes_are_counted_as_the_network_comes_to_tell_them_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    kept = [
        each.kept for each in watched(monkeypatch, steps=300, wd_layers=(1e-4,) * 3, wd_h1=1e-5, lr=0.1, momentum=0.0)
    ]
    assert kept[-1] == IMAGES.K
    assert all(count is not None and 0 <= count <= IMAGES.K for count in kept)

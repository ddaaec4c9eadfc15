"""Learning-rate schedules and what else a configuration says about the way down."""

import json
import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from nccli.dufm.config import DufmConfig
from nccli.dufm.optimizers import OPTIMIZERS
from nccli.dufm.pace import paces
from nccli.errors import InputError
from nccli.training.schedule import mean_factor, parse_schedule

BASE = DufmConfig(K=4, L=3, n=2, width=6, wd_h1=5e-3, wd_layers=(4e-3,) * 3, lr=0.2, steps=400, seed=0)
FIRST_FIELDS = ["K", "L", "n", "width", "wd_h1", "wd_layers", "lr", "steps", "seed", "dtype", "activation"]
FIRST_FIELDS += ["init_scale", "tol"]
"""What the run ids of the first release were made of."""

TIMES = np.array([0.0, 0.125, 0.25, 0.5, 0.6, 0.75, 0.875])
VALUES = {
    "constant": [1, 1, 1, 1, 1, 1, 1],
    "linear": [1, 0.875, 0.75, 0.5, 0.4, 0.25, 0.125],
    "cosine": [math.cos(angle / 2) ** 2 for angle in (math.pi * TIMES).tolist()],
    "step": [1, 1, 1, 0.1, 0.1, 0.01, 0.01],
    "step:0.5@0.25": [1, 1, 0.5, 0.5, 0.5, 0.5, 0.5],
    "step:0.5@0.6,0.125": [1, 0.5, 0.5, 0.5, 0.25, 0.25, 0.25],
    "step:1@0.5": [1, 1, 1, 1, 1, 1, 1],
}
MEANS = {"constant": 1, "linear": 0.5, "cosine": 0.5, "step": 0.5275, "step:0.5@0.3,0.6": 0.55, "step:0.2@0.9": 0.92}
MALFORMED = [
    "",
    "exponential",
    "Linear",
    "linear ",
    "constant,linear",
    "step:",
    "step:0.5",
    "step:@0.5",
    "step:0.5@",
    "step:0.5@0.5,",
    "step:half@0.5",
    "step:0.5@half",
    "step:0@0.5",
    "step:-0.5@0.5",
    "step:2@0.5",
    "step:nan@0.5",
    "step:0.5@0",
    "step:0.5@1",
    "step:0.5@0.3,1.5",
    "step:0.5@nan",
    "step:0.5@0.5@0.7",
]


@pytest.mark.parametrize("schedule", VALUES)
def test_a_schedule_has_its_closed_form(schedule: str) -> None:
    np.testing.assert_allclose(parse_schedule(schedule)(TIMES), VALUES[schedule], rtol=1e-15, atol=1e-15)


@pytest.mark.parametrize("schedule", MEANS)
def test_the_mean_over_the_budget_has_its_closed_form(schedule: str) -> None:
    assert mean_factor(schedule) == pytest.approx(MEANS[schedule], abs=2 / 4096)


@pytest.mark.parametrize("schedule", MALFORMED)
def test_a_malformed_schedule_is_refused_by_name(schedule: str) -> None:
    with pytest.raises(InputError) as refused:
        parse_schedule(schedule)
    assert f"schedule '{schedule}'" in str(refused.value)
    assert "step:FACTOR@FRACTION" in str(refused.value)
    with pytest.raises(InputError, match="schedule"):
        replace(BASE, schedule=schedule)


@pytest.mark.parametrize("optimizer", ["gd", "heavy-ball", "nesterov"])
def test_only_adam_corrects_a_bias(optimizer: str) -> None:
    found = paces("linear", OPTIMIZERS[optimizer], 0.0 if optimizer == "gd" else 0.9, 8, 2, 3)
    np.testing.assert_array_equal(found, [[0.75], [0.625], [0.5]])


def test_adam_corrects_the_bias_of_its_moments() -> None:
    """Kingma and Ba 2015: m̂ = m/(1 − β_1^t), √v̂ = √v/√(1 − β_2^t), with t = 1 at the first step."""
    found = paces("constant", OPTIMIZERS["adam"], 0.9, 100, 0, 3)
    np.testing.assert_array_equal(found[:, 0], 1)
    np.testing.assert_allclose(found[:, 1], [1 / 0.1, 1 / 0.19, 1 / 0.271], rtol=1e-12)
    np.testing.assert_allclose(1 / found[:, 2] ** 2, [0.001, 0.001999, 0.002997001], rtol=1e-9)
    np.testing.assert_allclose(paces("constant", OPTIMIZERS["adam"], 0.9, 10**6, 10**5, 1), [[1, 1, 1]], rtol=1e-12)


def test_the_bias_correction_makes_equal_gradients_equal_steps() -> None:
    beta_1, beta_2, g = 0.7, 0.999, 3.0
    m = v = 0.0
    for _, correct_m, correct_v in paces("constant", OPTIMIZERS["adam"], beta_1, 50, 0, 50).tolist():
        m, v = beta_1 * m + (1 - beta_1) * g, beta_2 * v + (1 - beta_2) * g**2
        assert m * correct_m == pytest.approx(g, rel=1e-12)
        assert math.sqrt(v) * correct_v == pytest.approx(g, rel=1e-12)


@pytest.mark.parametrize("schedule", ["linear", "cosine", "step:0.5@0.3,0.6"])
def test_paces_of_a_stretch_are_a_stretch_of_the_paces(schedule: str) -> None:
    config = replace(BASE, optimizer="adam", momentum=0.9, schedule=schedule, steps=60)
    whole, stretch = config.paces(0, 60), config.paces(17, 9)
    assert whole is not None
    assert stretch is not None
    np.testing.assert_array_equal(stretch, whole[17:26])
    assert (whole[:, 0] > 0).all(), "every step of the budget moves"
    assert (np.diff(whole[:, 0]) <= 0).all()


@pytest.mark.parametrize("optimizer", ["gd", "heavy-ball", "nesterov"])
def test_steps_at_full_pace_throughout_have_no_paces(optimizer: str) -> None:
    config = replace(BASE, optimizer=optimizer, momentum=0.0 if optimizer == "gd" else 0.9)
    assert config.paces(0, 10) is None
    assert replace(config, schedule="cosine").paces(0, 10) is not None


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({}, 1 / (0.2 * 4e-3)),
        ({"wd_h1": 1e-3}, 1 / (0.2 * 1e-3)),
        ({"optimizer": "heavy-ball", "momentum": 0.9}, 0.1 / (0.2 * 4e-3)),
        ({"optimizer": "nesterov", "momentum": 0.5}, 0.5 / (0.2 * 4e-3)),
        ({"schedule": "linear"}, 2 / (0.2 * 4e-3)),
        ({"schedule": "cosine", "optimizer": "heavy-ball", "momentum": 0.75}, 0.5 / (0.2 * 4e-3)),
        ({"optimizer": "adam", "momentum": 0.9}, 0.0),
        ({"lr": 1e-30, "wd_h1": 1e-30}, 1e60),
    ],
)
def test_decay_time_is_one_over_rate_and_weight_decay(changes: dict[str, float | str], steps: float) -> None:
    assert replace(BASE, **changes).decay_time == pytest.approx(steps, rel=1e-12)  # type: ignore[arg-type]


@pytest.mark.parametrize(("optimizer", "momentum"), [("gd", 0.0), ("heavy-ball", 0.9), ("nesterov", 0.9)])
@pytest.mark.parametrize("schedule", ["constant", "linear", "step:0.5@0.3,0.6"])
def test_weight_decay_alone_shrinks_by_e_in_a_decay_time(optimizer: str, momentum: float, schedule: str) -> None:
    """torch.optim.SGD on a parameter that the data do not see, with a budget of one decay time."""
    changed = replace(BASE, lr=0.05, optimizer=optimizer, momentum=momentum, schedule=schedule)
    config = replace(changed, steps=round(changed.decay_time))
    p = torch.ones(1, dtype=torch.float64, requires_grad=True)
    sgd = torch.optim.SGD([p], config.lr, momentum, weight_decay=4e-3, nesterov=optimizer == "nesterov")
    factors = parse_schedule(schedule)(np.arange(config.steps) / config.steps)
    for factor in factors.tolist():
        sgd.param_groups[0]["lr"] = config.lr * factor
        p.grad = torch.zeros_like(p)
        sgd.step()
    assert p.item() == pytest.approx(math.exp(-1), rel=0.05)


def test_the_features_have_a_decay_time_of_their_own() -> None:
    assert BASE.features_decay_time == pytest.approx(1 / (0.2 * 5e-3))
    assert replace(BASE, wd_h1=1e-4).features_decay_time == replace(BASE, wd_h1=1e-4).decay_time


def test_run_ids_of_default_runs_do_not_see_later_fields() -> None:
    assert sorted(BASE.as_dict()) == sorted(FIRST_FIELDS)
    explicit = replace(
        BASE, optimizer="gd", momentum=0, schedule="constant", collapse_tol=0, refine=False, objective="mse"
    )
    assert explicit.as_dict() == BASE.as_dict()


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"lr": 1, "tol": 0},
        {"dtype": "float64", "activation": "relu-eps", "epsilon": 0.25},
        {"wd_layers": (1e-3, 2e-3, 3e-3)},
        {"optimizer": "heavy-ball", "momentum": 0.9},
        {"optimizer": "heavy-ball"},
        {"optimizer": "adam", "momentum": 0.5, "schedule": "step:0.5@0.3,0.6"},
        {"schedule": "linear", "collapse_tol": 1e-4},
        {"refine": True, "optimizer": "nesterov", "momentum": 0.9},
    ],
)
def test_a_configuration_survives_json(changes: dict[str, object]) -> None:
    config = replace(BASE, **changes)  # type: ignore[arg-type]
    fields = json.loads(json.dumps(config.as_dict()))
    assert DufmConfig.from_dict(fields) == config
    assert DufmConfig.from_dict(fields).as_dict() == config.as_dict()


@pytest.mark.parametrize(
    ("field", "value"),
    [("optimizer", "adam"), ("schedule", "linear"), ("collapse_tol", 1e-6), ("refine", True)],
)
def test_what_changes_a_result_changes_the_run_id(field: str, value: object) -> None:
    changed = replace(BASE, **{field: value})  # type: ignore[arg-type]
    assert changed.as_dict() == {**BASE.as_dict(), field: value}


def test_runs_on_different_ways_down_do_not_share_a_program() -> None:
    ways: list[dict[str, object]] = [
        {},
        {"optimizer": "heavy-ball"},
        {"optimizer": "heavy-ball", "momentum": 0.9},
        {"optimizer": "nesterov", "momentum": 0.9},
        {"optimizer": "adam", "momentum": 0.9},
        {"schedule": "linear"},
    ]
    assert len({replace(BASE, **way).batch_key for way in ways}) == len(ways)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"optimizer": "sgd"}, "optimizer 'sgd'"),
        ({"optimizer": ""}, "optimizer ''"),
        ({"momentum": 0.9}, "gd has none"),
        ({"optimizer": "heavy-ball", "momentum": 1.0}, "momentum = 1.0"),
        ({"optimizer": "nesterov", "momentum": 1.5}, "momentum = 1.5"),
        ({"optimizer": "adam", "momentum": -0.1}, "momentum = -0.1"),
        ({"optimizer": "adam", "momentum": float("nan")}, "momentum = nan"),
        ({"collapse_tol": 1.0}, "collapse-tol"),
        ({"collapse_tol": -1e-9}, "collapse-tol"),
        ({"refine": True, "activation": "relu-eps", "epsilon": 0.1}, "not relu-eps"),
        ({"refine": True, "polish": True}, "not both"),
        ({"until": "settled", "schedule": "cosine"}, "--schedule constant"),
        ({"until": "whenever"}, "must be one of steps, settled"),
    ],
)
def test_a_way_down_that_cannot_be_taken_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        replace(BASE, **changes)  # type: ignore[arg-type]

"""How long a run is, asked for in three ways that are one."""

import pytest

from nccli.catalogue.recipe import TIME_CONSTANTS
from nccli.e2e.duration import Duration
from nccli.errors import InputError
from tests.e2e.image_files import config_of, image_set

RUN = config_of(image_set(), lr=0.05, momentum=0.0, wd_layers=(5e-3, 6e-3, 9e-3), batch_size=16)  # 48 samples


def test_the_time_constants_of_the_recipe_are_the_default_length() -> None:
    assert Duration().of(RUN).steps == Duration(time_constants=TIME_CONSTANTS).of(RUN).steps == 4_000 * TIME_CONSTANTS
    assert Duration().of(RUN).time_constants == pytest.approx(TIME_CONSTANTS)


@pytest.mark.parametrize(
    ("changes", "steps"),
    [
        ({}, 12_000),
        ({"momentum": 0.9}, 1_200),
        ({"schedule": "linear"}, 24_000),
        ({"lr_rise": 1.0}, 24_000),
        ({"lr": 0.1, "wd_layers": (1e-2,) * 3}, 3_000),
    ],
)
def test_a_time_constant_is_that_of_the_slowest_layer_at_the_mean_rate(changes: dict[str, object], steps: int) -> None:
    fields = {name: getattr(RUN, name) for name in ("lr", "momentum", "wd_layers")}
    found = Duration(time_constants=3).of(config_of(image_set(), **{**fields, **changes}))
    assert found.steps == pytest.approx(steps, rel=1e-3)
    assert found.time_constants == pytest.approx(3, rel=1e-3)


def test_epochs_are_as_many_steps_as_it_takes_and_come_out_again() -> None:
    assert [Duration(epochs=epochs).of(RUN).steps for epochs in (1, 2, 20)] == [3, 6, 60]
    uneven = config_of(image_set(), batch_size=20)
    assert [Duration(epochs=epochs).of(uneven).steps for epochs in range(1, 6)] == [3, 5, 8, 10, 12]
    assert [Duration(epochs=epochs).of(uneven).epochs for epochs in range(1, 6)] == [1, 2, 3, 4, 5]


def test_steps_are_steps() -> None:
    assert Duration(steps=17).of(RUN).steps == 17


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({"steps": 3, "epochs": 1}, "--steps and --epochs say the same"),
        ({"epochs": 3, "time_constants": 1.0}, "--epochs and --time-constants say the same"),
        ({"steps": 0}, "steps = 0: must be at least 1"),
        ({"time_constants": float("inf")}, "time-constants = inf: must be positive"),
    ],
)
def test_what_is_no_duration_is_refused(asked: dict[str, float], said: str) -> None:
    with pytest.raises(InputError, match=said):
        Duration(**asked)  # type: ignore[arg-type]


def test_time_constants_that_no_run_lives_to_see_are_refused() -> None:
    with pytest.raises(InputError, match="give --steps or --epochs"):
        Duration().of(config_of(image_set(), lr=1e-30))

"""A run id names a kind and a configuration, today and in ten years."""

import math
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nccli.catalogue.runs import RESULT_VERSIONS
from nccli.store import FinishedRun, run_id
from tests.store.example_runs import example_config, example_run


def dufm_id(**changes: Any) -> str:
    """Id of the example configuration with changes."""
    return run_id("dufm", example_config(**changes).as_dict())


def test_a_known_configuration_keeps_its_id() -> None:
    """Also as it was in the first version of results."""
    assert dufm_id() == "5fa0b6c0fe60"
    assert run_id("dufm", example_config().as_dict(), 1) == "3fdd23937953"
    assert run_id("dufm", example_config(activation="relu-eps", epsilon=0.05).as_dict(), 1) == "fd9812fa9892"
    assert (
        run_id("dnc", {"K": 10, "L": 4, "n": 1, "width": 30, "wd_h1": 4e-3, "wd_layers": [4e-3] * 4}) == "c4d9c0d0a1d0"
    )


@given(st.text() | st.sampled_from(["dufm", "dnc"]), st.dictionaries(st.text("abc"), st.floats() | st.integers()))
def test_an_id_is_twelve_hex_digits(kind: str, config: dict[str, float]) -> None:
    name = run_id(kind, config)
    assert len(name) == 12
    assert set(name) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    "change",
    [
        {"K": 5},
        {"L": 4, "wd_layers": (0.004,) * 4},
        {"n": 3},
        {"width": 6},
        {"wd_h1": 0.005},
        {"wd_layers": (0.004, 0.004, 0.005)},
        {"wd_layers": (0.005, 0.004, 0.004)},
        {"lr": 0.25},
        {"steps": 101},
        {"seed": 1},
        {"dtype": "float64"},
        {"activation": "linear"},
        {"activation": "relu-eps", "epsilon": 0.05},
        {"init_scale": 2.0},
        {"tol": 0.0},
        {"lr": math.nextafter(0.5, 1)},
    ],
)
def test_every_setting_changes_the_id(change: dict[str, Any]) -> None:
    assert dufm_id(**change) != dufm_id()


def test_the_kind_and_the_result_version_of_the_kind_change_the_id(monkeypatch: pytest.MonkeyPatch) -> None:
    config = example_config().as_dict()
    before = run_id("dufm", config)
    assert run_id("e2e", config) != before
    e2e = run_id("e2e", config)
    monkeypatch.setitem(RESULT_VERSIONS, "e2e", 99)
    assert run_id("e2e", config) != e2e
    assert run_id("dufm", config) == before, "how networks train has nothing to do with DUFMs"


def test_the_order_of_the_configuration_does_not_change_the_id() -> None:
    config = example_config().as_dict()
    assert run_id("dufm", dict(reversed(config.items()))) == run_id("dufm", config)


def test_equal_configurations_have_equal_ids() -> None:
    whole, real = example_config(lr=1, init_scale=2, tol=0), example_config(lr=1.0, init_scale=2.0, tol=0.0)
    assert whole == real
    assert run_id("dufm", whole.as_dict()) == run_id("dufm", real.as_dict())


def test_results_do_not_change_the_id() -> None:
    run = example_run()
    other = FinishedRun(replace(run).row | {"loss": 9.0, "host": "elsewhere"}, run.config, [], [])
    assert other.id == run.id == dufm_id()

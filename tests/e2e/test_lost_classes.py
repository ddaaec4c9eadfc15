"""What is said of a network that loses classes: once, with the way out, and only where it is so."""

from dataclasses import replace

import numpy as np
import pytest
from jaxtyping import Float

from nccli.catalogue.recipe import LR_RISE
from nccli.e2e.config import E2eConfig
from nccli.e2e.lost_classes import ClassWatch, way_out
from tests.e2e.image_files import config_of as config_on
from tests.e2e.image_files import image_set

IMAGES = image_set()
K = 4
KEPT, CONSTANT = np.eye(K), np.full((K, K), 1 / K)


def without(*lost: int) -> Float[np.ndarray, "K K"]:
    """An output that is zero for some classes."""
    output = np.eye(K)
    output[list(lost)] = 0.0
    return output


def config_of(**changes: object) -> E2eConfig:
    """A run of 1,000 steps that are ten time constants."""
    usual = {"lr": 1.0, "wd_layers": (1e-2,) * 3, "momentum": 0.0, "lr_rise": 0.0, "steps": 1000}
    return config_on(IMAGES, **{**usual, **changes})


def said(config: E2eConfig, outputs: dict[int, Float[np.ndarray, "K K"]]) -> tuple[dict[int, str], str | None]:
    """What is said at which step, and at the end."""
    watch = ClassWatch(config)
    found = {
        step: watch.see(step, output, np.eye(K, 8) * (output.diagonal() + 1e-9)[:, None])
        for step, output in outputs.items()
    }
    return {step: text for step, text in found.items() if text is not None}, watch.at_end()


def test_a_run_that_keeps_its_classes_is_told_nothing_even_if_they_come_one_by_one() -> None:
    on_its_way = {0: without(0, 1, 2), 200: without(0, 1), 400: without(0), 600: KEPT, 1000: KEPT}
    assert said(config_of(), on_its_way) == ({}, None)


def test_a_class_that_is_not_there_by_three_fifths_of_the_steps_is_told_once_and_at_the_end() -> None:
    steps = range(0, 1001, 25)
    while_it_trains, at_end = said(config_of(), {step: without(2) for step in steps})
    assert list(while_it_trains) == [600]
    assert "3 of 4 classes kept at step 600 of 1000" in while_it_trains[600]
    for text in (while_it_trains[600], at_end):
        assert text is not None
        assert "class 2 has no output of its own" in text
        assert "--lr" in text


def test_classes_that_come_and_go_at_a_large_rate_are_not_lost() -> None:
    outputs = {step: without(step // 25 % K) for step in range(0, 1000, 25)}
    assert said(config_of(), {**outputs, 1000: KEPT}) == ({}, None)


def test_a_constant_network_is_told_after_a_quarter_of_the_steps_and_not_again_at_the_end() -> None:
    outputs = {0: KEPT, 50: CONSTANT, 200: CONSTANT, 300: CONSTANT, 400: CONSTANT, 1000: CONSTANT}
    while_it_trains, at_end = said(config_of(), outputs)
    assert list(while_it_trains) == [300]
    assert "the same output since step 50" in while_it_trains[300]
    assert at_end is None


def test_a_constant_that_passes_is_no_matter() -> None:
    assert said(config_of(), {0: CONSTANT, 240: KEPT, 300: CONSTANT, 500: KEPT}) == ({}, None)


@pytest.mark.parametrize(
    ("changes", "option"),
    [
        ({"init": "default"}, "--init he"),
        ({"momentum": 0.9}, "--momentum 0"),
        ({}, f"--lr-rise {LR_RISE:g}"),
        ({"lr_rise": LR_RISE}, "--wd"),
        ({"wd_layers": (0.5,) * 3, "wd_h1": 0.2}, "a smaller --wd or --wd-h1"),
    ],
)
def test_the_way_out_is_what_the_run_does_not_have_yet(changes: dict[str, object], option: str) -> None:
    assert option in way_out(replace(config_of(), **changes))  # type: ignore[arg-type]

"""A figure is declared in one line and drawn by one module."""

import pytest

from nccli.catalogue.figures import FIGURES as DECLARED
from nccli.figures import FIGURES


def test_every_figure_that_is_declared_is_drawn_and_every_one_that_is_drawn_is_declared() -> None:
    assert list(FIGURES) == list(DECLARED)


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_goes_by_its_name_and_has_its_line(name: str) -> None:
    assert (FIGURES[name].name, FIGURES[name].summary) == (name, DECLARED[name])

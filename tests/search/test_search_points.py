"""Points of a search: the same function in another form, and how they are told."""

import numpy as np
import pytest

from nccli.errors import InputError
from nccli.search.point import SearchPoint, widened, without_dead_units
from nccli.search.recipe import Recipe
from nccli.search.unit_sets import unit_sets
from nccli.theory import Problem, Solution, solve_dnc, solve_kind, solve_srg

PROBLEM = Problem.uniform(10, 4, 4e-3, n=3)


def srg() -> Solution:
    found = solve_srg(PROBLEM)
    assert found is not None
    return found


def test_units_that_are_zero_come_and_go_and_the_loss_stays() -> None:
    point = SearchPoint.constructed(srg(), spare=7)
    assert point.loss == pytest.approx(srg().loss, rel=1e-12)
    means, weights = without_dead_units(point.means, point.weights)
    assert means.shape == (10, 10)
    least = SearchPoint.of(PROBLEM, means, weights, "")
    assert least.loss == pytest.approx(point.loss, rel=1e-12)
    again = SearchPoint.of(PROBLEM, *widened(means, weights, 2), "")
    assert again.loss == pytest.approx(point.loss, rel=1e-12)
    assert least.of_width(13).means.shape == (13, 10)
    with pytest.raises(InputError, match="width 9 is too small"):
        least.of_width(9)


def test_noise_is_drawn_from_its_seed_and_as_large_as_asked_for() -> None:
    point = SearchPoint.constructed(srg(), spare=0)
    shaken, same, other = (point.shaken(0.01, 4, seed) for seed in (3, 3, 4))
    assert (shaken.weights[0] == same.weights[0]).all()
    assert (shaken.weights[0] != other.weights[0]).any()
    wide = np.pad(point.weights[1], ((0, 4), (0, 4)))
    assert np.linalg.norm(shaken.weights[1] - wide) == pytest.approx(0.01 * np.linalg.norm(wide))
    assert shaken.found_by == "srg t(5), shaken by 0.01 (seed 3)"
    assert not np.isfinite(shaken.loss)


def test_how_a_point_was_found_is_read_back() -> None:
    text = "hypergraph {0},{1},{0,1}, shaken by 0.01 (seed 3), shaken by 0.1 (seed 12)"
    assert Recipe.parse(text) == Recipe("hypergraph {0},{1},{0,1}", ((0.01, 3), (0.1, 12)))
    descent = "descent (seed 3, width 10, init scale 0.5)"
    assert Recipe.parse(f"{descent}, shaken by 0.03 (seed 0)") == Recipe(descent, ((0.03, 0),))


def test_hidden_units_that_see_classes_are_their_hypergraph() -> None:
    problem = Problem.uniform(4, 5, 2e-3)
    graphs = {"dnc": ({}, "{0},{1},{2},{3}"), "graph": ({"graph": "0-1,1-2,2-3,0-3"}, "{0,1},{0,2},{2,3},{1,3}")}
    for kind, (given, sets) in graphs.items():
        point = SearchPoint.constructed(solve_kind(problem, kind, given), spare=3)
        assert unit_sets(point.means, point.weights) == sets
    point = SearchPoint.constructed(solve_dnc(problem), spare=0)
    blind = [point.weights[0] * np.array([[1.0], [1], [1], [0]]), *point.weights[1:]]
    assert unit_sets(point.means, blind) is None  # class 3 is in no unit
    two_layers = solve_dnc(Problem.uniform(4, 2, 2e-3)).matrices(4)
    assert unit_sets(two_layers[1], two_layers[0]) is None

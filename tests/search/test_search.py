"""The search: it reaches what is known, says how, and stops when it is asked to."""

import numpy as np
import pytest

from nccli.search import SearchConfig, search, templates
from nccli.search.point import SearchPoint
from nccli.search.search import Search
from nccli.search.templates import best_templates
from nccli.theory import Problem, solve, solve_dnc
from nccli.training.watch import Watch

THREE = SearchConfig(3, 4, 2, 4e-3, (4e-3,) * 4, descents=2)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Less of each part of the work."""
    for name, value in (("_NOISES", (1e-2,)), ("_REFINED", 2), ("_BASES", 1)):
        monkeypatch.setattr(search, name, value)
    monkeypatch.setattr(templates, "_RACE", ((2, 6), (6, 2)))


def followed(recipe: str) -> SearchPoint:
    return Search(SearchConfig(6, 4, 1, 4e-3, (4e-3,) * 4, recipe=recipe), Watch()).run()


def test_refining_a_hypergraph_reaches_the_best_loss_of_the_theory_sheet() -> None:
    point = followed("hypergraph {0},{1},{2},{0,1},{0,2},{0,1,2}")
    assert point.loss == pytest.approx(0.0538347874, abs=5e-11)
    assert point.certified


def test_of_four_classes_the_square_is_best_and_of_three_layers_dnc() -> None:
    four = best_templates(Problem.uniform(4, 4, 4e-3), 3, lambda: False)
    assert four[0].construction.about["graph"] == "{0,2},{0,3},{1,2},{1,3}"  # Figure 5 of the paper
    problem = Problem.uniform(3, 3, 4e-3, n=2)
    (least, *_) = best_templates(problem, 3, lambda: False)
    assert least.loss == pytest.approx(solve_dnc(problem).loss, rel=1e-11)
    assert solve(problem, least.construction).loss == least.loss  # sums of blocks were added up rightly


def test_a_search_is_certified_and_its_recipe_leads_there_again() -> None:
    found = Search(THREE, Watch())
    best = found.run()
    assert best.certified
    assert best.loss < solve_dnc(THREE.problem).loss * (1 - 1e-3)
    assert not found.interrupted
    assert [each.loss for each in found.points] == sorted(each.loss for each in found.points)
    again = SearchConfig(3, 4, 2, 4e-3, (4e-3,) * 4, recipe=best.found_by)
    assert Search(again, Watch()).run().loss == pytest.approx(best.loss, rel=1e-12)


def test_it_begins_with_what_is_known_and_stops_at_once_when_asked_to() -> None:
    means = np.zeros((3, 3))
    zero = SearchPoint.of(THREE.problem, means, [np.zeros((3, 3))] * 4, "run 0123456789ab", "0123456789ab")
    found = Search(THREE, Watch(should_stop=lambda: True))
    best = found.run([zero])
    assert found.interrupted
    assert best.loss == pytest.approx(solve_dnc(THREE.problem).loss)  # closed forms are evaluated in any case
    assert zero in found.points

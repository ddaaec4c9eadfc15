"""A recognised solution is drawn as the graph that it was made from, whatever the order of its classes."""

from pathlib import Path

import networkx as nx
import numpy as np
import pytest

from nccli.errors import NothingFoundError
from nccli.figures import FIGURES, Drawn, Options, render, style
from nccli.store import Selection, Store, save_run
from nccli.sweep import construction_run
from nccli.theory import Problem, solve_kind

FIGURE = FIGURES["graph"]
GRAPHS = {
    "srg": (10, {}, nx.complete_graph(5)),
    "square": (4, {"graph": "square"}, nx.cycle_graph(4)),
    "petersen": (15, {"graph": "petersen"}, nx.petersen_graph()),
}


def drawn_of(folder: Path, kind: str, K: int, about: dict[str, str]) -> Drawn:
    made = Store.create(str(folder / "runs.db"))
    save_run(made, construction_run(solve_kind(Problem.uniform(K, 4, 1e-3), kind, about), 16))
    with made.read() as connection:
        return FIGURE.collect(connection, Selection(), Options())


@pytest.mark.parametrize("name", GRAPHS)
def test_classes_are_the_edges_of_the_graph(name: str, tmp_path: Path) -> None:
    K, about, graph = GRAPHS[name]
    drawn = drawn_of(tmp_path, "graph" if about else name, K, about)
    edges = [tuple(row["vertices"]) for row in drawn.of("class")]
    assert [row["class"] for row in drawn.of("class")] == list(range(K))
    assert nx.is_isomorphic(nx.Graph(edges), graph)


def test_blocks_have_a_vertex_for_each_class_by_itself(tmp_path: Path) -> None:
    drawn = drawn_of(tmp_path, "srg", 12, {})
    sizes = sorted(len(row["vertices"]) for row in drawn.of("class"))
    assert sizes == [1, 1, *[2] * 10]
    assert len(drawn.of("vertex")) == 5 + 2


def test_a_hypergraph_is_drawn_as_its_sets_and_no_two_numbers_lie_on_each_other(tmp_path: Path) -> None:
    drawn = drawn_of(tmp_path, "hypergraph", 6, {"graph": "{0},{1},{2},{0,1},{0,2},{0,1,2}"})
    assert [row["vertices"] for row in drawn.of("class")] == [[0], [1], [2], [0, 1], [0, 2], [0, 1, 2]]
    places = np.array([(row["x"], row["y"]) for row in drawn.of("class")])
    gaps = np.linalg.norm(places[:, None] - places[None], axis=2)[np.triu_indices(6, 1)]
    assert gaps.min() > 0.2
    with style():
        assert render(FIGURE.draw(drawn, 3.25), "svg") == render(FIGURE.draw(drawn, 3.25), "svg")


def test_a_solution_without_a_graph_says_what_makes_one(tmp_path: Path) -> None:
    with pytest.raises(NothingFoundError, match="none of the runs has a structure that is a graph"):
        drawn_of(tmp_path, "dnc", 6, {})
    assert FIGURE.command((), Options()).startswith("nccli construct --kind srg")

"""Solutions from any graph: what the outputs see, what does not matter, and what SRG is among them."""

from math import comb

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nccli.errors import InputError
from nccli.theory import Edges, Problem, explicit_loss, graph, parse_graph, solve, solve_dnc, solve_graph, srg
from tests.oracle.theory_cases import BOTH_OUTPUTS, IDENTITY_ONLY, connected_edges, problems


@given(case=st.integers(4, 7).flatmap(lambda r: st.tuples(st.just(r), problems(comb(r, 2)))))
def test_complete_graph_with_disjoint_output_is_srg(case: tuple[int, Problem]) -> None:
    r, problem = case
    ours = solve(problem, graph(parse_graph(f"complete-{r}"), "disjoint"))
    assert ours.loss == pytest.approx(solve(problem, srg(comb(r, 2), "blocks")).loss, rel=1e-12, abs=0)


@pytest.mark.parametrize("part", ["disjoint", "identity"])
def test_square_is_a_low_rank_solution_for_four_classes(part: str) -> None:
    """Figure 5: rank 3 in the middle, and better than DNC at L = 4 and above."""
    problem = Problem.uniform(4, 6, 5e-4)
    square = solve(problem, graph(parse_graph("square"), part))
    assert square.rank == 3
    assert square.loss < solve_dnc(problem).loss


@given(edges=connected_edges(), data=st.data())
def test_names_of_vertices_and_order_of_edges_do_not_matter(edges: Edges, data: st.DataObject) -> None:
    q = 1 + max(v for edge in edges for v in edge)
    name = data.draw(st.permutations(range(q)))
    moved = data.draw(st.permutations([(min(name[u], name[v]), max(name[u], name[v])) for u, v in edges]))
    problem = data.draw(problems(len(edges)))
    assert solve_graph(problem, tuple(moved)).loss == pytest.approx(solve_graph(problem, edges).loss, rel=1e-11, abs=0)


@pytest.mark.parametrize("name", BOTH_OUTPUTS)
def test_disjoint_output_marks_the_disjoint_edges(name: str) -> None:
    edges = parse_graph(name)
    (template,) = graph(edges, "disjoint").blocks
    disjoint = np.array([[not set(e) & set(f) for f in edges] for e in edges])
    assert np.array_equal(template.matrices()[1] > 0, disjoint)


@pytest.mark.parametrize("name", BOTH_OUTPUTS + IDENTITY_ONLY)
def test_identity_output_marks_the_class_alone(name: str) -> None:
    edges = parse_graph(name)
    (template,) = graph(edges, "identity").blocks
    assert np.array_equal(template.matrices()[1] > 0, np.eye(len(edges), dtype=bool))


@pytest.mark.parametrize("name", BOTH_OUTPUTS + IDENTITY_ONLY)
def test_rows_have_unit_norm_and_lie_in_the_row_space_of_T(name: str) -> None:
    for output in ("disjoint", "identity") if name in BOTH_OUTPUTS else ("identity",):
        (template,) = graph(parse_graph(name), output).blocks
        T, Tt_L = template.matrices()
        assert T.min() >= 0
        assert np.linalg.norm(Tt_L, axis=1) == pytest.approx(np.ones(len(Tt_L)), rel=1e-14, abs=0)
        assert Tt_L @ np.linalg.pinv(T) @ T == pytest.approx(Tt_L, abs=1e-13)


@pytest.mark.parametrize("name", IDENTITY_ONLY)
def test_an_edge_that_meets_every_other_has_no_disjoint_output(name: str) -> None:
    edges = parse_graph(name)
    with pytest.raises(InputError, match=r"edge \d-\d meets every other edge.*identity"):
        graph(edges, "disjoint")
    problem = Problem.uniform(len(edges), 4, 1e-3)
    assert solve_graph(problem, edges).construction.variant == "identity"


@pytest.mark.parametrize("output", ["disjoint", "identity"])
def test_an_isolated_edge_is_named(output: str) -> None:
    with pytest.raises(InputError, match="edge 3-4 is isolated"):
        graph(parse_graph("0-1,1-2,0-2,3-4"), output)
    with pytest.raises(InputError, match="edge 3-4 is isolated"):
        solve_graph(Problem.uniform(4, 4, 1e-3), parse_graph("0-1,1-2,0-2,3-4"))


@pytest.mark.parametrize("name", ["path-60", "cycle-41"])
def test_long_graphs_have_their_closed_form_loss_too(name: str) -> None:
    """The smallest singular value of T is 0.03 of the largest, and counts."""
    edges = parse_graph(name)
    solution = solve(Problem.uniform(len(edges), 4, 1e-4), graph(edges, "identity"))
    weights, H_1 = solution.matrices(80)
    closed = (solution.fit, solution.reg)
    assert not solution.trivial
    assert explicit_loss(solution.problem, weights, H_1) == pytest.approx(closed, rel=1e-10, abs=0)


@given(edges=connected_edges(), data=st.data())
def test_the_better_output_is_taken_unless_one_is_named(edges: Edges, data: st.DataObject) -> None:
    problem = data.draw(problems(len(edges)))
    best = solve_graph(problem, edges)
    assert best.loss <= solve_graph(problem, edges, "identity").loss
    named = solve_graph(problem, edges, best.construction.variant)
    assert (named.loss, named.construction.variant) == (best.loss, best.construction.variant)

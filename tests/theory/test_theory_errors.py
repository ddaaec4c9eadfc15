"""What the theory does not cover is refused, and the message names the value."""

import math
import re

import pytest

from nccli.errors import InputError
from nccli.theory import Problem, dnc, graph, parse_graph, solve, solve_graph, srg, srg_template


@pytest.mark.parametrize(
    ("K", "L", "n", "named"),
    [(1, 4, 1, "K = 1"), (0, 4, 1, "K = 0"), (10, 1, 1, "L = 1"), (10, 4, 0, "n = 0"), (-3, 4, 1, "K = -3")],
)
def test_sizes_below_their_least(K: int, L: int, n: int, named: str) -> None:
    with pytest.raises(InputError, match=named):
        Problem.uniform(K, L, 1e-3, n)


@pytest.mark.parametrize("decay", [0.0, -1e-3, math.nan, math.inf])
def test_weight_decays_that_are_not_positive_and_finite(decay: float) -> None:
    with pytest.raises(InputError, match=f"λ_H1 = {decay}"):
        Problem(10, 3, 1, decay, (1e-3, 1e-3, 1e-3))
    with pytest.raises(InputError, match=f"λ_W2 = {decay}"):
        Problem(10, 3, 1, 1e-3, (1e-3, decay, 1e-3))


@pytest.mark.parametrize("count", [0, 2, 4])
def test_weight_decays_that_are_not_one_a_layer(count: int) -> None:
    with pytest.raises(InputError, match=f"{count} weight decays for L = 3"):
        Problem(10, 3, 1, 1e-3, (1e-3,) * count)


@pytest.mark.parametrize(
    ("K", "variant", "least"), [(10, "blocks", 10), (9, "truncated", 10), (9, "blocks", 9), (4, "truncated", 6)]
)
def test_width_below_what_the_construction_needs(K: int, variant: str, least: int) -> None:
    solution = solve(Problem.uniform(K, 3, 1e-3), srg(K, variant))
    with pytest.raises(InputError, match=f"width {least - 1} .* at least {least}"):
        solution.matrices(least - 1)
    with pytest.raises(InputError, match=f"width {least - 1} "):
        solution.require_width(least - 1)
    solution.require_width(least)


@pytest.mark.parametrize("r", [3, 0, -1])
def test_too_few_vertices(r: int) -> None:
    with pytest.raises(InputError, match=f"r = {r}"):
        srg_template(r)


@pytest.mark.parametrize(("K", "variant"), [(5, "blocks"), (3, "truncated"), (3, "blocks"), (-2, "truncated")])
def test_too_few_classes_for_an_srg_variant(K: int, variant: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"K = {K}")):
        srg(K, variant)


def test_unknown_variants_are_named_next_to_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"'bocks'.*blocks, truncated"):
        srg(10, "bocks")
    with pytest.raises(InputError, match=r"'disjiont'.*disjoint, identity"):
        graph(parse_graph("square"), "disjiont")
    with pytest.raises(InputError, match=r"'blocks'.*disjoint, identity"):
        solve_graph(Problem.uniform(4, 3, 1e-3), parse_graph("square"), "blocks")


def test_a_construction_for_another_number_of_classes() -> None:
    with pytest.raises(InputError, match=r"dnc\(5\) has 5 classes.*K = 6"):
        solve(Problem.uniform(6, 3, 1e-3), dnc(5))
    with pytest.raises(InputError, match=r"4 classes.*K = 6"):
        solve_graph(Problem.uniform(6, 3, 1e-3), parse_graph("square"))

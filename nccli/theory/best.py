"""Which construction is best for a problem."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from nccli.catalogue.options import ObjectiveName
from nccli.theory.best_known_table import known_hypergraphs, tabled
from nccli.theory.bipartition import FAMILY as BIPARTITION
from nccli.theory.deep_neural_collapse import dnc_of
from nccli.theory.graph_solution import POSITIVE, Edges, graph, graph_forms
from nccli.theory.hypergraph import hypergraph, parse_hypergraph
from nccli.theory.pairs import pairs
from nccli.theory.problem import Problem
from nccli.theory.solution import Solution, solve
from nccli.theory.strongly_regular_graph import complete_edges, least_root, srg_forms, triangular_root
from nccli.theory.template import Construction
from nccli.theory.unequal_classes import unequal_dnc, unequal_srg

_MOST_ROWS = 1000
"""A taste: width up to which bipartition rows are of use."""

_LEAST_BIPARTITION = 6
"""K = r(r−1)/2 with r = 4."""

_LEAST_POSITIVE = 3
"""The triangle: of fewer edges every one would meet all others at the same vertex."""

_LEAST_PAIRS = 4
"""Two pairs; fewer classes are DNC."""

_SAME = 1e-12
"""A bound: rounding of losses; of solutions that tie the simpler one is meant."""

_KEPT = 1024
"""A taste: solutions that are remembered; a table asks for those of a problem again and again."""


@lru_cache(maxsize=_KEPT)
def solve_dnc(problem: Problem) -> Solution:
    """The DNC solution at its optimal scales (Súkeník et al. 2024, Definition 10); `unequal_dnc` of unequal classes."""
    if problem.counts is not None:
        return unequal_dnc(problem)
    return solve(problem, dnc_of(problem))


def dnc_rank(problem: Problem) -> int:
    """Rank of the hidden layers of DNC: K, or K − 1 where class means do without what they have in common."""
    return sum(block.singular_values.rank for block in dnc_of(problem).blocks)


def solve_srg(problem: Problem) -> Solution | None:
    """The best SRG solution (Definitions 9 and 11); None for K < 4, where there is none."""
    return min(srg_solutions(problem).values(), key=lambda solution: solution.loss, default=None)


@lru_cache(maxsize=_KEPT)
def srg_solutions(problem: Problem) -> Mapping[str, Solution]:
    """Every SRG solution of a problem, by variant; one where all are the same, none for K < 4."""
    if problem.counts is not None:
        return unequal_srg(problem)
    return {construction.variant: solve(problem, construction) for construction in srg_forms(problem)}


def srg_rank(problem: Problem) -> int | None:
    """Rank of the hidden layers of the best SRG solution; None for K < 4."""
    constructions = srg_forms(problem)
    ranks = {sum(block.singular_values.rank for block in each.blocks) for each in constructions}
    if len(ranks) < 2:
        return ranks.pop() if ranks else None
    best = solve_srg(problem)
    return None if best is None else best.rank


def solve_best(problem: Problem) -> Solution:
    """The best construction known: DNC, SRG, bipartition rows, or a hypergraph that a search began with."""
    found = closed_forms(problem)
    if problem.counts is not None:
        return _least(found)
    found += [solve(problem, hypergraph(problem, parse_hypergraph(each))) for each in known_hypergraphs(problem)]
    return _least(found)


def closed_forms(problem: Problem) -> list[Solution]:
    """What a problem alone has, the simplest first: DNC, every SRG solution, bipartition rows of a width of use."""
    found = [solve_dnc(problem), *srg_solutions(problem).values()]
    if problem.counts is not None:
        return found
    if problem.linear:
        return found + ([solve(problem, pairs(problem.K))] if problem.K >= _LEAST_PAIRS else [])
    if has_bipartition(problem):
        found += _bipartitions(problem)
    if problem.objective == ObjectiveName.CE and problem.K >= _LEAST_POSITIVE:
        found.append(solve(problem, _complete_positive(problem.K)))
    return found


def has_bipartition(problem: Problem) -> bool:
    """Whether there are bipartition rows for a problem."""
    return not problem.linear and problem.K >= _LEAST_BIPARTITION and triangular_root(problem.K) is not None


def solve_bipartition(problem: Problem) -> Solution:
    """The best bipartition rows of a width of use.

    Raises:
        InputError: the problem has none: its K is not r(r−1)/2 with r >= 4, or it is linear.
    """
    return min(_bipartitions(problem), key=lambda solution: solution.loss)


@lru_cache(maxsize=_KEPT)
def _bipartitions(problem: Problem) -> tuple[Solution, ...]:
    rows = (each for each in BIPARTITION.forms(problem) if each.min_width <= max(_MOST_ROWS, problem.K))
    return tuple(solve(problem, each) for each in rows)


@lru_cache(maxsize=256)
def _complete_positive(K: int) -> Construction:
    """Of the least complete graph with K edges, the last ones deleted, what is sure to be positive."""
    return graph(complete_edges(least_root(K))[:K], POSITIVE)


def _least(found: Sequence[Solution]) -> Solution:
    """The first of those with the least loss."""
    least_loss = min(solution.loss for solution in found)
    return next(each for each in found if each.loss <= least_loss * (1 + _SAME))


@dataclass(frozen=True)
class BestKnown:
    """The least loss that is known of a problem.

    Attributes:
        loss: it.
        rank: of the hidden layers; None where they differ.
        how: a construction's label, or how a search found it.
        is_searched: whether no construction in closed form has it.
    """

    loss: float
    rank: int | None
    how: str
    is_searched: bool = False


@lru_cache(maxsize=_KEPT)
def best_known(problem: Problem) -> BestKnown:
    """The best of DNC, SRG, bipartition rows and, where it is of this very problem, the table of searches."""
    simplest = _least(closed_forms(problem))
    found = BestKnown(simplest.loss, simplest.rank, simplest.construction.label)
    row = tabled(problem) if problem.counts is None else None
    if row is None or float(row["loss"]) >= found.loss * (1 - _SAME):
        return found
    return BestKnown(float(row["loss"]), int(row["hidden_rank"]) if row["hidden_rank"] else None, row["found_by"], True)


def solve_graph(problem: Problem, edges: Edges, output: str | None = None) -> Solution:
    """The solution of a graph; of the outputs that the graph allows the better one unless one is named.

    Raises:
        InputError: as `nccli.theory.graph`, if no output is possible.
    """
    return least(problem, graph_forms(problem, edges, output))


def least(problem: Problem, forms: Sequence[Construction]) -> Solution:
    """The solution with the least loss of several constructions, at least one."""
    return min((solve(problem, construction) for construction in forms), key=lambda solution: solution.loss)

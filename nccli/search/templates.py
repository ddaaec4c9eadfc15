"""The best templates of a problem: sums of blocks, each a connected hypergraph with the best weights."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from nccli.search.hypergraphs import connected_hypergraphs
from nccli.theory import Construction, Problem, Subsets, solve, subsets_text
from nccli.theory.hypergraph_weights import weighted_loss, weighted_template
from nccli.theory.solution import BlockSolution, Solution, solve_block

_RACE = ((3, 60), (12, 6))
"""Tastes: steps of the weights by which hypergraphs are compared, and how many of a number of classes go on then."""

_SAME = 1e-9
"""A bound: relative distance of losses that are one; weights are sure to 1e-12."""


@dataclass(frozen=True, eq=False)
class _Block:
    subsets: Subsets
    solution: BlockSolution

    @property
    def loss(self) -> float:
        return self.solution.fit + self.solution.reg


_Sum = tuple[float, tuple[_Block, ...]]
"""Loss and members."""


def best_templates(problem: Problem, count: int, should_stop: Callable[[], bool]) -> list[Solution]:
    """The best sums of hypergraphs, the best first; none where L = 2, and fewer than asked for where there are fewer.

    Losses of blocks add, so the best of each number of classes are joined by dynamic programming.

    Args:
        problem: of any K.
        count: at most so many.
        should_stop: polled; once it holds, what was not compared is left out.
    """
    if problem.L < 3:
        return []
    blocks = {k: _best_blocks(problem, k, should_stop) for k in (problem.K, *range(1, problem.K))}
    sums: list[list[_Sum]] = [[(0.0, ())]]
    for total in range(1, problem.K + 1):
        found: dict[tuple[Subsets, ...], _Sum] = {}
        for k in range(1, total + 1):
            for block in blocks[k]:
                for loss, others in sums[total - k]:
                    members = tuple(sorted((*others, block), key=lambda each: (-len(each.subsets), each.subsets)))
                    found.setdefault(tuple(each.subsets for each in members), (loss + block.loss, members))
        sums.append(_distinct(found.values())[:count])
    return [_solution(problem, members) for _, members in sums[-1]]


def _distinct(sums: Iterable[_Sum]) -> list[_Sum]:
    """The best first, of equal losses one: hypergraphs may fall apart into the same blocks where a weight is zero."""
    found: list[_Sum] = []
    for each in sorted(sums, key=lambda one: one[0]):
        if not found or each[0] > found[-1][0] * (1 + _SAME):
            found.append(each)
    return found


def _best_blocks(problem: Problem, k: int, should_stop: Callable[[], bool]) -> list[_Block]:
    """The best connected hypergraphs with k classes."""
    every = connected_hypergraphs().get(k, [])
    for steps, kept in _RACE:
        if len(every) > kept:
            compared = [(weighted_loss(problem, each, steps), each) for each in every if not should_stop()]
            every = [each for _, each in sorted(compared)[:kept]]
    found = [_Block(each, solve_block(problem, weighted_template(problem, each))) for each in every]
    return sorted(found, key=lambda block: block.loss)


def _solution(problem: Problem, members: tuple[_Block, ...]) -> Solution:
    shifted, first = [], 0
    for block in members:
        shifted += [tuple(first + v for v in each) for each in block.subsets]
        first += 1 + max(v for each in block.subsets for v in each)
    about = {"graph": subsets_text(shifted)}
    templates = tuple(block.solution.template for block in members)
    return solve(problem, Construction("hypergraph", "", templates, about=about))

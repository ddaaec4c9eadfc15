"""The best templates of a problem: sums of blocks, each a connected hypergraph with the best weights."""

from collections.abc import Callable
from dataclasses import dataclass

from nccli.search.hypergraphs import connected_hypergraphs
from nccli.theory import Construction, Problem, Subsets, solve, subsets_text
from nccli.theory.hypergraph_weights import weighted_template
from nccli.theory.solution import BlockSolution, Solution, solve_block

_FIRST_STEPS = 12
"""A taste: steps of the weights by which hypergraphs are compared at first."""

_PROMISING = 6
"""A taste: of so many hypergraphs a number of classes the weights are found in full."""


@dataclass(frozen=True, eq=False)
class _Block:
    subsets: Subsets
    solution: BlockSolution

    @property
    def loss(self) -> float:
        return self.solution.fit + self.solution.reg


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
    blocks = {k: _best_blocks(problem, k, should_stop) for k in range(1, problem.K + 1)}
    sums: list[list[tuple[float, tuple[_Block, ...]]]] = [[(0.0, ())]]
    for total in range(1, problem.K + 1):
        found: dict[tuple[Subsets, ...], tuple[float, tuple[_Block, ...]]] = {}
        for k in range(1, total + 1):
            for block in blocks[k]:
                for loss, others in sums[total - k]:
                    members = tuple(sorted((*others, block), key=lambda each: (-len(each.subsets), each.subsets)))
                    found.setdefault(tuple(each.subsets for each in members), (loss + block.loss, members))
        sums.append(sorted(found.values(), key=lambda each: each[0])[:count])
    return [_solution(problem, members) for _, members in sums[-1]]


def _best_blocks(problem: Problem, k: int, should_stop: Callable[[], bool]) -> list[_Block]:
    """The best connected hypergraphs with k classes."""
    every = connected_hypergraphs().get(k, [])
    if len(every) > _PROMISING:
        compared = [(_block(problem, each, _FIRST_STEPS).loss, each) for each in every if not should_stop()]
        every = [each for _, each in sorted(compared)[:_PROMISING]]
    return sorted((_block(problem, each) for each in every), key=lambda block: block.loss)


def _block(problem: Problem, subsets: Subsets, steps: int | None = None) -> _Block:
    return _Block(subsets, solve_block(problem, weighted_template(problem, subsets, steps)))


def _solution(problem: Problem, members: tuple[_Block, ...]) -> Solution:
    shifted, first = [], 0
    for block in members:
        shifted += [tuple(first + v for v in each) for each in block.subsets]
        first += 1 + max(v for each in block.subsets for v in each)
    about = {"graph": subsets_text(shifted)}
    templates = tuple(block.solution.template for block in members)
    return solve(problem, Construction("hypergraph", "", templates, about=about))

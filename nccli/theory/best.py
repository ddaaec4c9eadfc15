"""Which construction is best for a problem."""

from nccli.errors import InputError
from nccli.theory.deep_neural_collapse import dnc
from nccli.theory.graph_solution import GRAPH_OUTPUTS, Edges, graph
from nccli.theory.problem import Problem
from nccli.theory.solution import Solution, solve
from nccli.theory.strongly_regular_graph import srg_variants


def solve_dnc(problem: Problem) -> Solution:
    """The DNC solution at its optimal scales (Súkeník et al. 2024, Definition 10)."""
    return solve(problem, dnc(problem.K))


def solve_srg(problem: Problem) -> Solution | None:
    """The best SRG solution (Definitions 9 and 11); None for K < 4, where there is none."""
    solutions = [solve(problem, construction) for construction in srg_variants(problem.K)]
    return min(solutions, key=lambda solution: solution.loss, default=None)


def srg_rank(problem: Problem) -> int | None:
    """Rank of the hidden layers of the best SRG solution; None for K < 4."""
    constructions = srg_variants(problem.K)
    ranks = {sum(block.singular_values.rank for block in each.blocks) for each in constructions}
    if len(ranks) < 2:
        return ranks.pop() if ranks else None
    best = solve_srg(problem)
    return None if best is None else best.rank


def solve_best(problem: Problem) -> Solution:
    """The better of DNC and the best SRG solution; DNC where they tie."""
    srg_solution = solve_srg(problem)
    dnc_solution = solve_dnc(problem)
    return dnc_solution if srg_solution is None or dnc_solution.loss <= srg_solution.loss else srg_solution


def solve_graph(problem: Problem, edges: Edges, output: str | None = None) -> Solution:
    """The solution of a graph; of the outputs that the graph allows the better one unless one is named.

    Raises:
        InputError: as `nccli.theory.graph`, if no output is possible.
    """
    if output is not None:
        return solve(problem, graph(edges, output))
    solutions, refusals = [], []
    for candidate in GRAPH_OUTPUTS:
        try:
            solutions.append(solve(problem, graph(edges, candidate)))
        except InputError as error:
            refusals.append(error)
    if not solutions:
        raise refusals[-1]
    return min(solutions, key=lambda solution: solution.loss)

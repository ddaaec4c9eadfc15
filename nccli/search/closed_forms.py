"""Constructions that a problem alone has."""

from nccli.errors import InputError
from nccli.theory import FAMILIES, Problem, Solution, solve

_MOST_ROWS = 64
"""A taste: width up to which a construction with more rows than classes is refined; it takes hours beyond."""


def closed_forms(problem: Problem) -> list[Solution]:
    """DNC, SRG and bipartition rows that can be refined, at their optimal scales."""
    found = []
    for kind in ("dnc", "srg", "bipartition"):
        try:
            forms = FAMILIES[kind].forms(problem)
        except InputError:
            continue  # there is none for so many classes
        found += [solve(problem, each) for each in forms if fits(each.min_width, problem)]
    return found


def fits(width: int, problem: Problem) -> bool:
    """Whether a construction of this width can be refined."""
    return width <= max(_MOST_ROWS, problem.K)

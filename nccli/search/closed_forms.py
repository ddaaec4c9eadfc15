"""Constructions that a problem alone has."""

from nccli.errors import InputError
from nccli.theory import FAMILIES, Problem, Solution, solve

_MOST_ROWS = 1000
"""A taste: width up to which a construction with more rows than classes is looked at."""


def closed_forms(problem: Problem) -> list[Solution]:
    """DNC, SRG and bipartition rows of a width that is of use, at their optimal scales."""
    found = []
    for kind in ("dnc", "srg", "bipartition"):
        try:
            forms = FAMILIES[kind].forms(problem)
        except InputError:
            continue  # there is none for so many classes
        found += [solve(problem, each) for each in forms if fits(each.min_width, problem)]
    return found


def fits(width: int, problem: Problem) -> bool:
    """Whether a construction of this width is looked at."""
    return width <= max(_MOST_ROWS, problem.K)

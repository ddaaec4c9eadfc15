"""Every kind of construction that there is."""

from typing import Any

from nccli.errors import InputError
from nccli.theory import deep_neural_collapse, graph_solution, strongly_regular_graph
from nccli.theory.best import least, solve_best
from nccli.theory.problem import Problem
from nccli.theory.solution import Solution
from nccli.theory.template import Family

FAMILIES: dict[str, Family] = {
    module.FAMILY.kind: module.FAMILY for module in (deep_neural_collapse, strongly_regular_graph, graph_solution)
}
"""By kind; `nccli.catalogue.runs.CONSTRUCTED_KINDS` names them, and a test holds the two together."""

BEST = "best"
"""In the place of a kind: the better of DNC and SRG."""


def check_options(kind: str, given: dict[str, Any]) -> None:
    """Refuse options that a kind does not take, and the lack of those that it needs.

    Raises:
        InputError: there is one.
    """
    family = FAMILIES.get(kind)
    for name, value in given.items():
        if family is None or name not in family.takes:
            takers = [each.kind for each in FAMILIES.values() if name in each.takes]
            raise InputError(f"--{name} '{value}': {kind} takes none; {' and '.join(takers)} {_verb(takers)}")
    missing = [name for name in family.needs if name not in given] if family is not None else []
    if missing:
        raise InputError(f"--kind {kind} needs --{missing[0]}")


def solve_kind(problem: Problem, kind: str, given: dict[str, Any]) -> Solution:
    """The solution of a kind for a problem; the best of its forms that the options leave.

    Raises:
        InputError: there is none, or an option is out of its range.
    """
    return solve_best(problem) if kind == BEST else least(problem, FAMILIES[kind].forms(problem.K, **given))


def classes_of(kind: str, given: dict[str, Any]) -> int:
    """K where it is not given."""
    return 10 if kind == BEST else FAMILIES[kind].classes(**given)


def _verb(takers: list[str]) -> str:
    return "does" if len(takers) == 1 else "do"

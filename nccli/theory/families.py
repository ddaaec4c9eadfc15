"""Every kind of construction that there is."""

from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules
from typing import Any

from nccli.errors import InputError
from nccli.theory.best import least, solve_best
from nccli.theory.problem import Problem
from nccli.theory.solution import Solution
from nccli.theory.template import Family
from nccli.theory.unequal_classes import solve_unequal

_HERE = str(Path(__file__).parent)
_MODULES = (import_module(f"nccli.theory.{found.name}") for found in iter_modules([_HERE]) if found.name != "families")
FAMILIES: dict[str, Family] = {module.FAMILY.kind: module.FAMILY for module in _MODULES if hasattr(module, "FAMILY")}
"""By kind: what the files of this room declare; `nccli.catalogue.runs.Kind` names them, and a test holds the two."""

BEST = "best"
"""In the place of a kind: the best construction known (`solve_best`)."""


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
    if problem.counts is not None:
        return solve_unequal(problem, kind, given.get("variant"))
    return solve_best(problem) if kind == BEST else least(problem, FAMILIES[kind].forms(problem, **given))


def classes_of(kind: str, given: dict[str, Any]) -> int:
    """K where it is not given."""
    return 10 if kind == BEST else FAMILIES[kind].classes(**given)


def _verb(takers: list[str]) -> str:
    return "does" if len(takers) == 1 else "do"

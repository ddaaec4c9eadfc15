"""What the output of a network is held to: an objective is one object that everything refers to.

Steps in PyTorch and in C, measuring, refinement, end-to-end losses and the closed forms take from it what they need. A
further objective is a file beside `squared_error`, a name in `nccli.catalogue.options.ObjectiveName`, and a line here.
"""

from nccli.catalogue.options import ObjectiveName
from nccli.errors import InputError
from nccli.objective.cross_entropy import CrossEntropy
from nccli.objective.objective import Objective, Optimum, Readout
from nccli.objective.squared_error import SquaredError

__all__ = ["OBJECTIVES", "CrossEntropy", "Objective", "Optimum", "Readout", "SquaredError", "objective_named"]

OBJECTIVES: dict[str, Objective] = {objective.name: objective for objective in (SquaredError(), CrossEntropy())}
"""All objectives by name; names are those of `ObjectiveName`."""

assert OBJECTIVES.keys() == set(ObjectiveName)


def objective_named(name: str) -> Objective:
    """The objective of that name.

    Raises:
        InputError: there is none.
    """
    if name not in OBJECTIVES:
        raise InputError(f"objective '{name}': must be one of {', '.join(OBJECTIVES)}")
    return OBJECTIVES[name]

"""The problem that a stored run is about."""

from nccli.catalogue.options import ActivationName, ObjectiveName
from nccli.store.query.select import Row
from nccli.theory import Problem


def problem_of(run: Row) -> Problem | None:
    """The L-DUFM of a row of table `run`; None for networks that have no equivalent one."""
    if run["loss_dnc"] is None:
        return None
    config = run["config"]
    objective = run["objective"] or ObjectiveName.MSE.value
    linear = is_linear(objective, run["activation"])
    return Problem(run["K"], run["L"], run["n"], config["wd_h1"], tuple(config["wd_layers"]), objective, linear)


def is_linear(objective: str, activation: str | None) -> bool:
    """Whether solutions of a linear network are meant.

    Runs of linear networks under squared error are held against those of ReLU: DNC is the same and the best of all.
    """
    return objective != ObjectiveName.MSE and activation == ActivationName.LINEAR

"""The problem that a stored run is about."""

from nccli.catalogue.options import ObjectiveName
from nccli.catalogue.settings import OTHER_PROBLEM
from nccli.store.query.select import Row
from nccli.theory import Problem, is_linear, parse_counts


def problem_of(run: Row) -> Problem | None:
    """The L-DUFM of a row of table `run`; None for networks that have no equivalent one, and points of another."""
    if run["loss_dnc"] is None:
        return None
    config = run["config"]
    if any(name in config for name in OTHER_PROBLEM):
        return None
    objective = run["objective"] or ObjectiveName.MSE.value
    linear = is_linear(objective, run["activation"])
    counts = None if run["class_counts"] is None else parse_counts(run["class_counts"])
    sizes = (run["K"], run["L"], run["n"])
    return Problem(*sizes, config["wd_h1"], tuple(config["wd_layers"]), objective, linear, counts)

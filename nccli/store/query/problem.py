"""The problem that a stored run is about."""

from nccli.catalogue.settings import OTHER_PROBLEM
from nccli.store.query.select import Row
from nccli.theory import Problem


def problem_of(run: Row) -> Problem | None:
    """The L-DUFM of a row of table `run`; None for networks that have no equivalent one, and points of another."""
    if run["loss_dnc"] is None:
        return None
    config = run["config"]
    if any(name in config for name in OTHER_PROBLEM):
        return None
    return Problem(run["K"], run["L"], run["n"], config["wd_h1"], tuple(config["wd_layers"]))

"""The problem that a stored run is about."""

from nccli.store.query.select import Row
from nccli.theory import Problem


def problem_of(run: Row) -> Problem | None:
    """The L-DUFM of a row of table `run`; None for networks that have no equivalent one."""
    if run["loss_dnc"] is None:
        return None
    config = run["config"]
    return Problem(run["K"], run["L"], run["n"], config["wd_h1"], tuple(config["wd_layers"]))

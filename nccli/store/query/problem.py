"""The problem that a stored run is about."""

from nccli.store.query.select import Row
from nccli.theory import Problem, parse_counts


def problem_of(run: Row) -> Problem | None:
    """The L-DUFM of a row of table `run`; None for networks that have no equivalent one."""
    if run["loss_dnc"] is None:
        return None
    config = run["config"]
    counts = None if run["class_counts"] is None else parse_counts(run["class_counts"])
    return Problem(run["K"], run["L"], run["n"], config["wd_h1"], tuple(config["wd_layers"]), counts=counts)

"""In how many digits the arrays of a run are kept: those in which it was computed."""

from collections.abc import Mapping
from typing import Any

from nccli.catalogue.runs import Finish
from nccli.metrics.digits import DOUBLE, SINGLE


def precision(run: Mapping[str, Any]) -> str:
    """Of the arrays of a run: single where its parameters were float32, double where these were polished or refined.

    Args:
        run: a row of table `run`.
    """
    plain = run.get("residual") is None and run.get("finish") in (None, Finish.PLAIN)
    return SINGLE if run["dtype"] == "float32" and plain else DOUBLE

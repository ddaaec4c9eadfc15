"""The hidden layers of a run, and its layers summed up."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from nccli.catalogue.stages import Stage, hidden_layers


def largest_dnc1(layers: Sequence[Mapping[str, Any]]) -> float | None:
    """The largest DNC1 over layers and stages that is a number; None if there is none."""
    return max((layer["dnc1"] for layer in layers if not math.isnan(layer["dnc1"])), default=None)


def mean_rank(ranks: Mapping[Stage, int], L: int) -> tuple[float | None, bool | None]:
    """Mean of the ranks of the hidden layers and whether they agree; None for both where there are none."""
    hidden = [ranks[stage] for stage in hidden_layers(L) if stage in ranks]
    return (fmean(hidden), len(set(hidden)) == 1) if hidden else (None, None)


def shared_structure(structures: Mapping[Stage, str], L: int) -> str | None:
    """The structure of all hidden layers, "mixed" where they differ, None where there are none."""
    found = {structures[stage] for stage in hidden_layers(L) if stage in structures}
    return None if not found else found.pop() if len(found) == 1 else "mixed"


def layer_summary(L: int, layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Columns of table `run` that sum up rows of table `layer`, its ranks at the default tolerance."""
    rank, agree = mean_rank({Stage(row["layer"], row["stage"]): row["rank"] for row in layers}, L)
    return {
        "mean_hidden_rank": rank,
        "ranks_agree": None if agree is None else int(agree),
        "max_dnc1": largest_dnc1(layers),
        "structure": shared_structure({Stage(row["layer"], row["stage"]): row["structure"] for row in layers}, L),
    }

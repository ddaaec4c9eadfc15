"""The hidden layers of a run, and its layers summed up."""

import math
from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from nccli.catalogue.runs import ENDED_WELL, Status
from nccli.catalogue.stages import Stage, When, deciding_layers, hidden_layers
from nccli.metrics import LayerFindings, run_outcome


def largest_dnc1(layers: Sequence[Mapping[str, Any]]) -> float | None:
    """The largest DNC1 over layers and stages that is a number; None if there is none."""
    return max((layer["dnc1"] for layer in layers if not math.isnan(layer["dnc1"])), default=None)


def mean_rank(ranks: Mapping[Stage, int], L: int) -> tuple[float | None, bool | None]:
    """Mean of the ranks of the hidden layers and whether they agree; None for both where there are none."""
    hidden = [ranks[stage] for stage in hidden_layers(L) if stage in ranks]
    return (fmean(hidden), len(set(hidden)) == 1) if hidden else (None, None)


def shared_structure(structures: Mapping[Stage, str], L: int) -> str | None:
    """The structure of all deciding layers, "mixed" where they differ, None where there are none."""
    found = {structures[stage] for stage in deciding_layers(L) if stage in structures}
    return None if not found else found.pop() if len(found) == 1 else "mixed"


def run_summary(run: Mapping[str, Any], layers: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Columns of table `run` that sum up its layers and say what became of it.

    Args:
        run: `K`, `L` and `status`, and `objective` and `width` where they are known.
        layers: rows of table `layer`, their ranks at the default tolerance.
    """
    L, by_stage = run["L"], {Stage(row["layer"], row["stage"]): row for row in layers}
    rank, agree = mean_rank({stage: row["rank"] for stage, row in by_stage.items()}, L)
    last = by_stage.get(Stage(L, When.POST.value), {})
    return {
        "mean_hidden_rank": rank,
        "ranks_agree": None if agree is None else int(agree),
        "max_dnc1": largest_dnc1(layers),
        "structure": shared_structure({stage: row["structure"] for stage, row in by_stage.items()}, L),
        "classes_kept": last.get("classes_kept"),
        **_outcome(run, by_stage),
    }


def _outcome(run: Mapping[str, Any], by_stage: Mapping[Stage, Mapping[str, Any]]) -> dict[str, Any]:
    """Columns `outcome` and `srg_r`; a run that has not ended has none."""
    diverged = run["status"] == Status.DIVERGED.value
    if not (diverged or run["status"] in ENDED_WELL):
        return {"outcome": None, "srg_r": None}
    known = {
        stage: LayerFindings(row["rank"], row["structure"])
        for stage, row in by_stage.items()
        if row["structure"] is not None
    }
    last = Stage(run["L"], When.POST.value)
    found = run_outcome(
        run["K"],
        [known[stage] for stage in deciding_layers(run["L"]) if stage in known],
        known.get(last),
        by_stage.get(last, {}).get("classes_kept"),
        diverged,
        run.get("objective"),
        run.get("width"),
    )
    return {"outcome": None, "srg_r": None} if found is None else {"outcome": found.name, "srg_r": found.srg_r}

"""What runs lack that an older nccli stored, from what is stored of them: structures, classes kept, outcome."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from nccli.catalogue.runs import MEASURED_KINDS, Finish, Kind
from nccli.catalogue.stages import Stage, When
from nccli.metrics import classes_kept, recognise_structure, ridge_output, singular_values
from nccli.metrics.gap import spectral_gap
from nccli.store.runs.layer_summary import run_summary
from nccli.theory import parse_counts

Means = Mapping[Stage, Float[np.ndarray, "K d"]]


def renewed(
    run: Mapping[str, Any], layers: Sequence[Mapping[str, Any]], means: Means
) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Columns of a run that sum up its layers, and its layers with structures as they are recognised today.

    Nobody kept W_L: how many classes the output tells apart is that of the W_L which is stationary for the features.

    Args:
        run: its row of table `run`, or the columns `kind`, `status`, `K`, `L` and `config` of it.
        layers: its rows of table `layer`, or the columns `layer`, `stage`, `rank`, `dnc1` and `structure` of them.
        means: class means of layers, one class a row; a layer that has none keeps its structure, in small letters.
    """
    found = [{**row, **_structure(row, means.get(Stage(row["layer"], row["stage"])))} for row in layers]
    last = Stage(run["L"], When.POST.value)
    for row in found:
        if Stage(row["layer"], row["stage"]) == last and row.get("classes_kept") is None:
            row["classes_kept"] = _kept(run, means.get(last))
    return run_summary(run, found), found


def gaps(layers: Sequence[Mapping[str, Any]], means: Means) -> list[dict[str, Any]]:
    """Layers with the gaps at their ranks, which are those of their class means."""
    found = {stage: float(spectral_gap(singular_values(M))) for stage, M in means.items()}
    return [{**row, "rank_gap": found.get(Stage(row["layer"], row["stage"]))} for row in layers]


def finish_of(run: Mapping[str, Any]) -> dict[str, Any]:
    """Columns `finish` and `residual`, of a run from before points were told apart and residuals relative.

    ‖(λθ)‖ is √(2 λ reg) where all λ are equal, and at least that with the least of them.
    """
    if run["kind"] != Kind.DUFM:
        return {}
    if run.get("residual") is None:
        return {"finish": Finish.PLAIN.value}
    scale = (2 * min(run["config"]["wd_h1"], *run["config"]["wd_layers"]) * run["reg"]) ** 0.5
    return {"finish": Finish.REFINED.value, "residual": run["residual"] / scale}


def _structure(row: Mapping[str, Any], means: Float[np.ndarray, "K d"] | None) -> dict[str, Any]:
    if means is None:
        return {"structure": row["structure"] and row["structure"].lower()}
    found = recognise_structure(means @ means.T, before_activation=row["stage"] == When.PRE)
    order = found.permutation.tolist()
    return {"structure": found.name, "structure_distance": found.distance, "structure_order": order}


def _kept(run: Mapping[str, Any], means: Float[np.ndarray, "K d"] | None) -> int | None:
    """None where the run has no weight decay of its own, or it minimised something else."""
    config = run["config"]
    decays = config.get("wd_layers")
    if means is None or not decays or run["kind"] in MEASURED_KINDS or config.get("objective", "mse") != "mse":
        return None
    counts = config.get("class_counts")
    sizes = None if counts is None else np.array(parse_counts(counts))
    return classes_kept(ridge_output(means, float(decays[-1]), sizes), means)

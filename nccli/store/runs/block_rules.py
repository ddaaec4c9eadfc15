"""What a block of a run must hold: the history and the matrices of its layers and classes, and nothing else."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from nccli.catalogue.metrics import HISTORY as KEPT
from nccli.catalogue.runs import MEASURED_KINDS
from nccli.catalogue.stages import When, stages
from nccli.store.blocks.history import NEGATIVE, SPECTRA, unpack_history
from nccli.store.blocks.matrices import CLASS_MEANS, FEATURES, MOMENTS, OUTPUT, unpack_matrices

BLOCKS = ("history", "matrix")
"""Tables of blocks."""


def block_fault(table: str, run: Mapping[str, Any], row: Mapping[str, Any]) -> str | None:
    """What is wrong with a row of table `history` or `matrix`, in words; None if nothing is.

    Args:
        table: which of the two.
        run: `kind`, `K`, `L`, `n` and `class_counts` of its run.
        row: of its table, of values that keep to the rules of their columns.
    """
    try:
        if table == "history":
            _require_history(run, row)
        else:
            _require_matrices(run, row)
    except ValueError as error:
        return f"{table if table == 'history' else row['name']}: its block {error}"
    return None


def _require_history(run: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    arrays = unpack_history(row["block"])
    steps = arrays["step"]
    if steps.size != row["points"]:
        raise ValueError(f"has {steps.size} points, not {row['points']}")
    if steps[0] < 0 or (np.diff(steps) <= 0).any():
        raise ValueError("has steps that do not increase")
    places = len(stages(run["L"]))
    for metric in KEPT:
        if len(arrays[metric.name]) != places:
            raise ValueError(f"has {metric.name} of {len(arrays[metric.name])} layers and stages, not {places}")
    for name, layers in ((SPECTRA, places), (NEGATIVE, places // 2)):
        if name in arrays and len(arrays[name]) != layers:
            raise ValueError(f"has {name} of {len(arrays[name])} layers and stages, not {layers}")
    for name, array in arrays.items():
        if (array < 0).any():
            raise ValueError(f"has a {name} below 0")


def _require_matrices(run: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    found, there = unpack_matrices(row["block"]), set(stages(run["L"]))
    if min(stage.layer for stage in found) != row["layer"]:
        raise ValueError(f"does not begin with layer {row['layer']}")
    for stage, M in found.items():
        where = f"at layer {stage.layer}, stage {stage.stage},"
        of_nobodys = run["kind"] in MEASURED_KINDS and stage.layer <= run["L"]
        if stage not in there and not of_nobodys:
            raise ValueError(f"has {where} which is not among the layers")
        if row["name"] != CLASS_MEANS and stage.stage != When.POST:
            raise ValueError(f"has {row['name']} {where} and they stand at post")
        if row["name"] in (FEATURES, *_OF_FEATURES) and stage.layer != 1:
            raise ValueError(f"has {row['name']} {where} and they are of layer 1")
        columns = _columns(run, row["name"])
        if columns and M.shape[1] not in columns:
            raise ValueError(f"has {where} {M.shape[0]} × {M.shape[1]} entries, for {run['K']} classes")
        if not np.isfinite(M).all():
            raise ValueError(f"is not finite {where[:-1]}")


_OF_FEATURES = tuple(f"{moment}_{FEATURES}" for moment in MOMENTS)


def _columns(run: Mapping[str, Any], name: str) -> tuple[int, ...]:
    """How many columns a matrix may have: one a class or a sample; any for none."""
    if name in (CLASS_MEANS, OUTPUT):
        return (run["K"],)
    if name == FEATURES:
        return (_samples(run),)
    return (run["K"], _samples(run)) if name in _OF_FEATURES else ()


def _samples(run: Mapping[str, Any]) -> int:
    """N; where class counts are damaged, as if there were none."""
    counts = [part for part in str(run.get("class_counts") or "").split(",") if part.isdigit()]
    return sum(map(int, counts)) if counts else run["K"] * run["n"]

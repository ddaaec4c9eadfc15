"""Stored runs measured again, at other tolerances and by other metrics, from what the store keeps."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from sqlalchemy import Connection

from nccli.catalogue.runs import MEASURED_KINDS
from nccli.catalogue.stages import Stage, When
from nccli.errors import NothingFoundError
from nccli.metrics import LayerData, numerical_rank, remeasured
from nccli.store.blocks.matrices import BIASES, CLASS_MEANS, SPECTRA, WEIGHTS
from nccli.store.query.select import Row, select_layers, select_matrices, select_spectra

OF_CHECKPOINTS = ("series", "step", "split", "file")
"""Columns of table `run` that records of what somebody else made begin with."""


def measured_again(connection: Connection, runs: Sequence[Row], rank_rtol: float) -> list[dict[str, Any]]:
    """Metrics of stored runs: ranks at a tolerance from spectra, what they never had from class means and weights.

    Returns:
        A record a layer and stage: run id, layer, stage, and metrics by name. What these do not tell (DNC1, NC1, NC4)
        is as it was stored; so is everything of a run that was merged without them.

    Raises:
        NothingFoundError: none of the runs has layers.
    """
    ids = [run["id"] for run in runs]
    stored, spectra = select_layers(connection, ids), select_spectra(connection, ids)
    records = []
    for run in runs:
        means, weights, biases, *spectra_of = (
            select_matrices(connection, run["id"], name) for name in (CLASS_MEANS, WEIGHTS, BIASES, *SPECTRA)
        )
        for layer in stored[run["id"]]:
            place = Stage(layer["layer"], layer["stage"])
            made_by = weights.get(Stage(place.layer - 1, When.POST.value))
            bias = biases[place][:, 0] if place in biases else None
            data = None
            if place in means:
                data = LayerData(means[place].T, weights.get(place), bias=bias, made_by=made_by)
            record = {"id": run["id"], "kind": run["kind"]}
            if run["kind"] in MEASURED_KINDS:
                record |= {name: run[name] for name in OF_CHECKPOINTS}
            record |= {**place._asdict(), "name": layer["name"]}
            record |= remeasured(data, None if run["kind"] in MEASURED_KINDS else layer["stage"], layer)
            values = spectra[run["id"]].get(place, [])
            record["rank"] = int(numerical_rank(np.array(values), rank_rtol))
            record |= {name: layer[name] for name in ("structure", "structure_distance")}
            record["singular_values"] = values
            for name, found in zip(SPECTRA, spectra_of, strict=True):
                stored_there = found[place][0].tolist() if place in found else []
                record[f"{name.removesuffix('_spectrum')}_singular_values"] = stored_there
            records.append(record)
    if not records:
        raise NothingFoundError("none of these runs has layers: they diverged")
    return records

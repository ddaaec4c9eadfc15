"""Stored runs measured again, at other tolerances and by other metrics, from what the store keeps."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from nccli.errors import NothingFoundError
from nccli.metrics import (
    dnc2,
    effective_rank,
    equiangularity,
    equinorm,
    etf_distance,
    frame_distance,
    nuclear_norm,
    numerical_rank,
    singular_values,
    stable_rank,
)
from nccli.store.query.select import Row, select_layers, select_matrix


def measured_again(connection: Connection, runs: Sequence[Row], rank_rtol: float) -> list[dict[str, Any]]:
    """Metrics of stored runs from their class means: ranks at a tolerance, and NC2 for runs that never had it.

    Returns:
        A record a layer and stage: run id, layer, stage, and metrics by name. What class means do not tell (DNC1, NC1,
        NC3, NC4) is as it was stored.

    Raises:
        NothingFoundError: none of the runs has layers.
    """
    stored = select_layers(connection, [run["id"] for run in runs])
    records = []
    for run in runs:
        for layer in stored[run["id"]]:
            place = (layer["layer"], layer["stage"])
            means = select_matrix(connection, run["id"], *place, "class_means").T
            centred = means - means.mean(axis=0)
            spectrum = singular_values(means)
            record = {"id": run["id"], "kind": run["kind"], "layer": place[0], "stage": place[1], "name": layer["name"]}
            record |= {"rank": int(numerical_rank(spectrum, rank_rtol)), "dnc1": layer["dnc1"]}
            record |= {"dnc2": float(dnc2(means)), "dnc3": layer["dnc3"]}
            record |= {name: float(of(spectrum)) for name, of in _OF_SPECTRUM.items()}
            record |= {name: layer[name] for name in ("nc1_pinv", "cdnv", "self_duality", "nc4")}
            for name, of_means in _OF_CENTRED.items():
                record[name] = of_means(centred) if layer[name] is None else layer[name]
            record["frame_distance"] = frame_distance(means)
            records.append({**record, "singular_values": spectrum.tolist()})
    if not records:
        raise NothingFoundError("none of these runs has layers: they diverged")
    return records


_OF_SPECTRUM = {"effective_rank": effective_rank, "stable_rank": stable_rank, "nuclear_norm": nuclear_norm}
_OF_CENTRED = {"equinorm": equinorm, "equiangularity": equiangularity, "etf_distance": etf_distance}

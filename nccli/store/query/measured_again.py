"""Stored runs measured again, at other tolerances and by other metrics, from what the store keeps."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection

from nccli.errors import NothingFoundError
from nccli.metrics import LayerData, numerical_rank, remeasured
from nccli.store.query.select import Row, select_layers, select_matrix


def measured_again(connection: Connection, runs: Sequence[Row], rank_rtol: float) -> list[dict[str, Any]]:
    """Metrics of stored runs from their class means: ranks at a tolerance, and metrics that runs never had.

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
            data = LayerData(select_matrix(connection, run["id"], *place, "class_means").T)
            record = {"id": run["id"], "kind": run["kind"], "layer": place[0], "stage": place[1], "name": layer["name"]}
            record |= remeasured(data, layer["stage"], layer)
            record["rank"] = int(numerical_rank(data.spectrum, rank_rtol))
            record |= {name: layer[name] for name in ("structure", "structure_distance")}
            records.append({**record, "singular_values": data.spectrum.tolist()})
    if not records:
        raise NothingFoundError("none of these runs has layers: they diverged")
    return records

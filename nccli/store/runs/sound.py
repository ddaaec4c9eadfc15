"""Whether a run is one that nccli could have stored: every value by its rule, and each with the others."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from nccli.catalogue.columns import RUN_COLUMNS, Role, Type
from nccli.catalogue.metrics import HISTORY as KEPT
from nccli.catalogue.runs import ENDED_WELL, MEASURED_KINDS, RUNNING
from nccli.catalogue.stages import Stage, stages
from nccli.printable import printable
from nccli.store.runs.content import RunContent
from nccli.store.runs.finished_run import common_decay, run_id, setting_id
from nccli.store.runs.layer_summary import layer_summary
from nccli.store.runs.rules import RULES
from nccli.store.schema.tables import CHILDREN

_Rows = Sequence[Mapping[str, Any]]

_SAID = {
    column.name: column.option or column.name
    for column in RUN_COLUMNS
    if column.role in (Role.PROBLEM, Role.OPTION) and column.type is not Type.DOCUMENT
}
"""Options of a configuration by the columns that say the same."""


def require_sound(content: RunContent) -> None:
    """Refuse a run that nccli cannot have stored.

    Raises:
        ValueError: what is wrong with it, in words.
    """
    fault = next(faults(content), None)
    if fault is not None:
        raise ValueError(fault)


def damage(content: RunContent) -> str | None:
    """Why a stored run is not what was stored, in words; None if it is, or is still in training."""
    if content.run.get("status") == RUNNING:
        return None
    fault = next(faults(content), None)
    if fault is None and not content.intact:
        return "its checksum does not fit: it was changed outside nccli"
    return fault


def faults(content: RunContent) -> Iterator[str]:
    """What is wrong with a run, in words; the rest of it is looked at as far as that makes sense."""
    broken = [*_row_faults("run", content.run)]
    for name, rows in content.children.items():
        broken += [f"{name}: {fault}" for row in rows for fault in _row_faults(name, row)]
    yield from broken
    if not broken:
        yield from _config_faults(content.run)
        yield from _layer_faults(content)
        yield from _history_faults(content.run, content.children["history"])


def _row_faults(table: str, row: Mapping[str, Any]) -> Iterator[str]:
    for name, rule in RULES[table].items():
        fault = rule.fault(row.get(name))
        if fault is not None:
            yield fault


def _config_faults(run: Mapping[str, Any]) -> Iterator[str]:
    """Kind, configuration and result version make the id; what columns say of the configuration is what it says."""
    kind, config = run["kind"], run["config"]
    wanted = run_id(kind, config, run["result_version"] or 1)
    if run["id"] != wanted:
        yield f"its id is not that of its configuration, {wanted}"
    said = {name: config[option] for name, option in _SAID.items() if option in config}
    if "wd_layers" in config:
        said["wd"] = common_decay(config["wd_layers"])
        if kind not in MEASURED_KINDS and len(config["wd_layers"]) != run["L"]:
            yield f"it has {len(config['wd_layers'])} weight decays for {run['L']} layers"
    for name, value in said.items():
        if run[name] != (printable(value) if isinstance(value, str) else value):
            yield f"{name} is {run[name]}, and {value} in its configuration"


def _layer_faults(content: RunContent) -> Iterator[str]:
    """Layers are those of the run, each with its spectrum; matrices have the sizes that they say."""
    run, children = content.run, content.children
    L = run["L"]
    for name, table in CHILDREN.items():
        keys = [column.name for column in table.c if column.primary_key and column.name != "run_id"]
        if len({tuple(row[key] for key in keys) for row in children[name]}) < len(children[name]):
            yield f"{name} has a row twice"
    there = [_place(row) for row in children["layer"]]
    if run["kind"] in MEASURED_KINDS:
        whole = sorted(stage.layer for stage in there) == list(range(1, L + 1))
    else:
        whole = sorted(there) == sorted(stages(L)) if there else run["status"] not in ENDED_WELL
    if not whole:
        yield f"its layers are not those of L = {L}"
    for row in (*children["singular_value"], *children["matrix"]):
        if _place(row) not in there:
            yield f"{_named(_place(row))} is not among the layers"
            return
    yield from _spectrum_faults(children["layer"], children["singular_value"])
    yield from _matrix_faults(run["K"], children["matrix"])
    yield from _summary_faults(content)


def _place(row: Mapping[str, Any]) -> Stage:
    return Stage(row["layer"], row["stage"])


def _named(place: Stage) -> str:
    return f"layer {place.layer}, stage {place.stage},"


def _spectrum_faults(layers: _Rows, values: _Rows) -> Iterator[str]:
    """Each layer has a spectrum in decreasing order, numbered from 1, and no rank beyond it."""
    spectra: dict[Stage, list[tuple[int, float]]] = {_place(row): [] for row in layers}
    for row in values:
        spectra[_place(row)].append((row["index"], row["value"]))
    for row in layers:
        spectrum = sorted(spectra[_place(row)])
        if not spectrum or [index for index, _ in spectrum] != list(range(1, len(spectrum) + 1)):
            yield f"the spectrum of {_named(_place(row))} is not whole"
        elif any(later > value for (_, value), (_, later) in pairwise(spectrum)):
            yield f"the spectrum of {_named(_place(row))} is not in decreasing order"
        elif row["rank"] > len(spectrum):
            yield f"rank {row['rank']} of {_named(_place(row))} is beyond its spectrum"


def _matrix_faults(K: int, rows: _Rows) -> Iterator[str]:
    for row in rows:
        shape, raw = row["shape"], row["bytes"]
        sizes = len(shape) == 2 and all(type(size) is int and size > 0 for size in shape)
        if not sizes or 8 * math.prod(shape) != len(raw):
            yield f"matrix '{row['name']}': its bytes are not those of its shape"
        elif shape[1] != K or (row["name"] == "gram" and shape[0] != K):
            yield f"matrix '{row['name']}' is {shape[0]} × {shape[1]}, for {K} classes"
        elif not np.isfinite(np.frombuffer(raw, row["dtype"])).all():
            yield f"matrix '{row['name']}' is not finite"


def followed(content: RunContent) -> dict[str, Any]:
    """Columns of a run that follow from others, where these tell them."""
    run = content.run
    setting = setting_id(run["kind"], run["config"], run["result_version"] or 1)
    summary = layer_summary(run["L"], content.children["layer"])
    return {"setting": setting, **{name: value for name, value in summary.items() if value is not None}}


def _summary_faults(content: RunContent) -> Iterator[str]:
    for name, value in followed(content).items():
        if content.run[name] not in (None, value):
            yield f"{name} is {content.run[name]}, and {value} by what it follows from"


def _history_faults(run: Mapping[str, Any], rows: _Rows) -> Iterator[str]:
    places = len(stages(run["L"])) if rows else 0
    for row in rows:
        for metric in KEPT:
            kept = row[metric.name]
            numbers = all(type(value) in (int, float) or value in ("nan", "inf") for value in kept)
            if not numbers or len(kept) != places:
                yield f"history: {metric.name} at step {row['step']} is no list of a number a layer and stage"
                return

"""Whether a run is one that nccli could have stored: every value by its rule, and each with the others."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any

from nccli.catalogue.columns import RUN_COLUMNS, Role, Type
from nccli.catalogue.runs import ENDED_WELL, MEASURED_KINDS, RUNNING
from nccli.catalogue.settings import TYPES
from nccli.catalogue.stages import Stage, stages
from nccli.printable import printable
from nccli.store.runs.block_rules import BLOCKS, block_fault
from nccli.store.runs.content import RunContent
from nccli.store.runs.finished_run import common_decay, run_id, setting_id
from nccli.store.runs.layer_summary import run_summary
from nccli.store.runs.rules import RULES
from nccli.store.schema.tables import CHILDREN

_Rows = Sequence[Mapping[str, Any]]

_SAID = {
    column.name: column.option or column.name
    for column in RUN_COLUMNS
    if column.role in (Role.PROBLEM, Role.OPTION) and column.type is not Type.DOCUMENT
}
"""Options of a configuration by the columns that say the same."""


NOT_FINITE = ("nan", "inf", "-inf")
"""Numbers that are not finite, as JSON has them."""


def require_sound(content: RunContent, older: bool = False) -> None:
    """Refuse a run that nccli cannot have stored; one of an older nccli may sum up its layers as that did.

    Raises:
        ValueError: what is wrong with it, in words.
    """
    fault = next(faults(content, older), None)
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


def faults(content: RunContent, older: bool = False) -> Iterator[str]:
    """What is wrong with a run, in words; the rest of it is looked at as far as that makes sense."""
    broken = list(_value_faults(content, strict=True))
    yield from broken
    if not broken:
        yield from _config_faults(content.run)
        yield from _structure_faults(content, strict=True)
        yield from () if older else _summary_faults(content)


def reading_fault(content: RunContent) -> str | None:
    """Why a run cannot be read, in words: less than what forbids an import, as a store may have been made by hand."""
    broken = next(_value_faults(content, strict=False), None) or config_fault(content.run)
    return broken or next(_structure_faults(content, strict=False), None)


def config_fault(run: Mapping[str, Any]) -> str | None:
    """Why a configuration cannot be read: an option that is not of its type, or no weight decays for the layers.

    Args:
        run: `config`, parsed, `L` and `loss_dnc`.
    """
    config = run["config"]
    if not isinstance(config, dict):
        return "config is no JSON object"
    for name, value in config.items():
        wanted = TYPES.get(name)
        if wanted is not None and value is not None and not _is_of(wanted, value):
            return f"config: {name} is not of its type, {wanted.__name__}"
    if run["loss_dnc"] is not None and not (
        _is_of(float, config.get("wd_h1")) and len(config.get("wd_layers") or ()) == run["L"]
    ):
        return f"config: it has no weight decays for {run['L']} layers"
    return None


def _is_of(wanted: type[Any], value: Any) -> bool:
    """Whether a value of a configuration is of a type, as JSON has it."""
    if wanted is list:
        return isinstance(value, list) and all(_is_of(float, each) for each in value)
    if wanted is float:
        return type(value) in (int, float) or value in NOT_FINITE
    return type(value) is wanted


def _value_faults(content: RunContent, strict: bool) -> Iterator[str]:
    for table, rows in {"run": [content.run], **content.children}.items():
        rules = RULES[table]
        if len(rows) > 1:  # most columns are of numbers or absent, and most are sound
            rules = {name: rule for name, rule in rules.items() if not rule.keeps([row.get(name) for row in rows])}
        for row in rows:
            for name, rule in rules.items():
                fault = rule.fault(row.get(name), strict)
                if fault is not None:
                    yield fault if table == "run" else f"{table}: {fault}"


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


def _structure_faults(content: RunContent, strict: bool) -> Iterator[str]:
    """Layers are those of the run, each with its spectrum; blocks can be unpacked, and have the sizes of the run.

    A run that somebody stored without layers or spectra can be read: not strictly.
    """
    run, children = content.run, content.children
    for name, table in CHILDREN.items():
        keys = [column.name for column in table.c if column.primary_key and column.name != "run_id"]
        if len({tuple(row[key] for key in keys) for row in children[name]}) < len(children[name]):
            yield f"{name} has a row twice"
    there = [_place(row) for row in children["layer"]]
    if not _are_layers(run, there) and (there or strict):
        yield f"its layers are not those of L = {run['L']}"
    for row in children["singular_value"]:
        if _place(row) not in there:
            yield f"{_named(_place(row))} is not among the layers"
            return
    if strict or children["singular_value"]:
        yield from _spectrum_faults(children["layer"], children["singular_value"])
    found = [block_fault(name, run, row) for name in BLOCKS for row in children[name]]
    yield from filter(None, found)


def _are_layers(run: Mapping[str, Any], there: list[Stage]) -> bool:
    if run["kind"] in MEASURED_KINDS:
        return sorted(stage.layer for stage in there) == list(range(1, run["L"] + 1))
    return sorted(there) == sorted(stages(run["L"])) if there else run["status"] not in ENDED_WELL


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


def followed(content: RunContent) -> dict[str, Any]:
    """Columns of a run that follow from others, where these tell them."""
    run = content.run
    setting = setting_id(run["kind"], run["config"], run["result_version"] or 1)
    summary = run_summary(run, content.children["layer"])
    return {"setting": setting, **{name: value for name, value in summary.items() if value is not None}}


def _summary_faults(content: RunContent) -> Iterator[str]:
    for name, value in followed(content).items():
        if content.run[name] not in (None, value):
            yield f"{name} is {content.run[name]}, and {value} by what it follows from"

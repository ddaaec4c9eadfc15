"""What `nccli report` tells of runs: the tables of the other commands, gathered for a page."""

import math
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from nccli.catalogue.settings import SETTINGS
from nccli.cli.distinctions import options_of, settings_apart, shown_text
from nccli.cli.output import Column, Record
from nccli.cli.remake import gathered, listed, remarks, stored_command
from nccli.cli.run_table import LAYER_COLUMNS, hidden_ranks, run_columns

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from nccli.report import Heading, Run, Table
    from nccli.store import Selection

_MANY = 24
"""Values of a setting that are listed; a taste."""

_BESIDE = ("nccli_version", "device", "status")
"""Columns of runs that are told beside the settings."""

_GROUPS = ("kind", "K", "L", "n", "width", "wd", "lr", "seed")
"""Options that groups of outcomes are told apart by before others are."""

_FOLLOWED = " --keep trajectory"
"""What a command says besides that keeps singular values on the way."""

_NUMBERS = {"loss": "loss", "/DNC": "ratio_dnc", "/SRG": "ratio_srg"}
"""Columns whose numbers are rounded in the table, and are ordered in full."""


def outcome_table(connection: "Connection", chosen: "Selection", records: Sequence[Record]) -> "Table":
    """How many runs of each setting came to which outcome, as `nccli compare --outcomes` counts."""
    from nccli.report import Heading, Table
    from nccli.store import GROUP_COLUMNS, in_order, outcome_records

    apart = [name for name in settings_apart(records, _GROUPS) if name not in ("seed", "result_version")]
    keys = [name if name in GROUP_COLUMNS else f"config.{name}" for name in apart]
    groups = outcome_records(connection, chosen, keys)
    names = in_order({name for group in groups for name in group["outcomes"]})
    moving = any(group["unsettled"] for group in groups)
    headings = [
        *(Heading(key.removeprefix("config.")) for key in keys),
        Heading("runs"),
        *([Heading("unsettled")] if moving else []),
    ]
    rows = [
        [
            *("" if group[key] is None else _short(group[key]) for key in keys),
            *map(str, (group["runs"], group["unsettled"]) if moving else (group["runs"],)),
            *(str(group["outcomes"].get(name, "")) for name in names),
        ]
        for group in groups
    ]
    return Table([*headings, *map(Heading, names)], rows)


def settings_table(records: Sequence[Record]) -> "Table":
    """Options and their values, those of all runs first, in the order of captions."""
    from nccli.report import Heading, Table

    found: dict[str, Counter[str]] = {}
    for record in records:
        told = {"kind": record["kind"], **_settings(record), **{name: record.get(name) for name in _BESIDE}}
        for name, value in told.items():
            if value not in (None, ""):
                found.setdefault(name, Counter())[str(value)] += 1
    said = {"kind", "wd", *_BESIDE}.union(
        *(record["config"] for record in records)
    )  # at least one run was asked for it
    names = [name for name in ("kind", *(each.name for each in SETTINGS), *_BESIDE) if name in found.keys() & said]
    alike = [name for name in names if len(found[name]) == 1 and found[name].total() == len(records)]
    rows = [[name, _values(found[name], len(records))] for name in (*alike, *(n for n in names if n not in alike))]
    return Table([Heading("setting", True), Heading("values", True)], rows)


def _values(counted: Counter[str], runs: int) -> str:
    values = sorted(counted, key=_in_order)
    if len(values) == 1 and counted.total() == runs:
        return values[0]
    if all(value.isdecimal() for value in values):
        values = listed(values).split(",")
    shown = ", ".join(values[:_MANY]) + (f", … ({len(counted)} values)" if len(values) > _MANY else "")
    return shown if counted.total() == runs else f"{shown} ({counted.total()} runs)"


def _in_order(text: str) -> tuple[bool, float, str]:
    try:
        return False, float(text), text
    except ValueError:
        return True, 0.0, text


def _short(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _settings(record: Record) -> dict[str, str]:
    """Options of a run as texts, those left out with what they then are."""
    options = options_of(record)
    alike = options.get("wd_h1") == options.get("wd")  # λ says it
    there = [each.name for each in SETTINGS if options.get(each.name) is not None]
    return {name: shown_text(name, options[name]) for name in there if name != "wd_h1" or not alike}


def run_lines(
    records: Sequence[Record], followed: Collection[str] = ()
) -> "tuple[list[Heading], list[Heading], list[Run]]":
    """The columns of runs and of layers that show something, and the runs.

    Args:
        records: of runs.
        followed: ids of those whose singular values were kept on the way.
    """
    from nccli.report import Heading, Run

    columns = _used(run_columns(records), records)
    layers = _used(LAYER_COLUMNS, [layer for record in records for layer in record["layers"]])
    rows = [
        Run(
            record["id"],
            [column.value(record) for column in columns],
            _sort(columns, record),
            _settings(record),
            stored_command(record["kind"], record["config"]) + _FOLLOWED * (record["id"] in followed),
            [[column.value(layer) for column in layers] for layer in record["layers"]],
        )
        for record in records
    ]
    headings, of_layers = ([Heading(each.header, each.left) for each in some] for some in (columns, layers))
    return headings, of_layers, rows


def _used(columns: Sequence[Column], records: Sequence[Record]) -> list[Column]:
    return [column for column in columns if any(column.value(record) for record in records)]


def _sort(columns: Sequence[Column], record: Record) -> Mapping[int, float]:
    found: dict[int, float] = {}
    for place, column in enumerate(columns):
        ranks = hidden_ranks(record) if column.header == "ranks" else []
        value = sum(ranks) / len(ranks) if ranks else record.get(_NUMBERS.get(column.header, ""))
        if isinstance(value, float) and math.isfinite(value):
            found[place] = value
    return found


def making(runs: Iterable["Run"], kinds: Sequence[str]) -> list[str]:
    """The commands that make runs again, and remarks on those that none makes."""
    lines = list(runs)
    lost = remarks(kind for run, kind in zip(lines, kinds, strict=True) if not run.command)
    return [*gathered(run.command for run in lines if run.command), *lost]

"""Which run of many is shown where a figure has room for one."""

import math
from dataclasses import dataclass
from typing import Any

from nccli.catalogue.runs import CONSTRUCTED_KINDS
from nccli.figures.figure import Row
from nccli.figures.series import Series
from nccli.store import SettingRuns

LOSSES = ("loss", "loss_dnc", "loss_srg")
"""Columns of table `run` that decide."""


@dataclass(frozen=True)
class Losses:
    """Of a run: loss, and over those of DNC and SRG; nan where there are none."""

    own: float
    over_dnc: float
    over_srg: float


def losses_of(member: SettingRuns) -> dict[str, Losses]:
    """Of every run by its id."""
    loss, dnc, srg = (member.values[name] for name in LOSSES)
    columns = (each.tolist() for each in (loss, loss / dnc, loss / srg))
    return {key: Losses(*found) for key, *found in zip(member.ids, *columns, strict=True)}


def by_loss(series: Series) -> list[str]:
    """The runs, those with the least loss first."""
    losses = {key: found for member in series.members for key, found in losses_of(member).items()}
    return sorted(losses, key=lambda key: (_finite_first(losses[key].own), key))


def least_loss(series: Series) -> str:
    """The run with the least loss."""
    return by_loss(series)[0]


def preference(row: Row, losses: Losses, key: str) -> tuple[Any, ...]:
    """Of trained runs the best first; of constructions the smallest problem, the same for all kinds of them."""
    if row["kind"] in CONSTRUCTED_KINDS:
        return (row["n"], row["wd"] or 0.0, row["width"], key)
    return (_finite_first(losses.over_dnc), _finite_first(losses.own), key)


def reasons(row: Row, losses: Losses, runs: int, settings: int) -> list[str]:
    """Why this run, and how good it is."""
    of = f"of {runs} runs" + (f" in {settings} settings" if settings > 1 else "")
    if row["kind"] in CONSTRUCTED_KINDS:
        return [f"{of} that of the least n and λ"] * (runs > 1)
    if math.isnan(losses.over_dnc):
        return [f"{of} that with the least loss"] * (runs > 1)
    words = [f"loss / DNC loss = {losses.over_dnc:.5g}" + f", the least {of}" * (runs > 1)]
    return words if math.isnan(losses.over_srg) else [*words, f"loss / SRG loss = {losses.over_srg:.5g}"]


def _finite_first(value: float) -> tuple[bool, float]:
    """A value as a key for sorting, those that are not finite last."""
    return (not math.isfinite(value), value if math.isfinite(value) else 0.0)

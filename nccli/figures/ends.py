"""The ends that a figure draws: plain unless others are named, after how many steps, and how many have settled."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from jaxtyping import Bool
from sqlalchemy import Connection

from nccli.catalogue.options import OptimizerName
from nccli.catalogue.outcomes import Outcome
from nccli.catalogue.runs import TRAINED_KINDS, Finish, Kind
from nccli.figures.figure import Row
from nccli.store import Selection, SettingRuns, asking_for, count_finishes

ENDS = ("outcome", "settled", "steps")
"""Columns of table `run` that tell it."""

FINISHING = ("polish", "refine")
"""Options of which `finish` says what became."""

_PACED = ("schedule", "lr_rise", "wd_rise")
_EVEN = (None, "constant", 0.0)
_DECOUPLED = (OptimizerName.SGDW, OptimizerName.ADAMW)
"""Options, and their values, of runs whose rates stay what they are."""

_DIGITS = 3
"""Of time constants; taste."""


@dataclass(frozen=True)
class Ends:
    """Of runs that are drawn.

    Attributes:
        steps: the least and the largest number that trained ones took; None where there are none.
        time_constants: of weight decay that these are, where all have the same to three digits.
        unsettled: L-DUFMs at the end of a descent that have not settled.
        unknown: those of which it is not known.
    """

    steps: tuple[int, int] | None = None
    time_constants: float | None = None
    unsettled: int = 0
    unknown: int = 0

    @property
    def steps_words(self) -> str:
        """Steps, for a caption; "" where there are none."""
        if self.steps is None:
            return ""
        least, most = self.steps
        steps = f"{most:,} step{'s' if most != 1 else ''}" if least == most else f"{least:,} to {most:,} steps"
        return steps if self.time_constants is None else f"{steps} = {self.time_constants:g} time constants"

    @property
    def settling_words(self) -> str:
        """How many have not settled, for a caption; "" where all have."""
        return ", ".join(f"{count} {words}" for words, count in self.counts.items())

    @property
    def counts(self) -> dict[str, int]:
        """How many have not settled, and of how many it is not known; without what is 0."""
        told = {"not settled": self.unsettled, "not known to have settled": self.unknown}
        return {words: count for words, count in told.items() if count}

    def notes(self, runs: int) -> list[str]:
        """What the user should know, of so many runs."""
        told = []
        if self.unsettled:
            has = "has" if self.unsettled == 1 else "have"
            which = f"the run {has}" if runs == 1 else f"{self.unsettled} of {runs} runs {has}"
            told.append(f"{which} not settled: what is drawn may still change (train-dufm --until settled goes on)")
        if self.unknown:
            which = "the run is" if runs == 1 else f"{self.unknown} of {runs} runs are"
            told.append(f"{which} not known to have settled")
        return told


def ends_of(members: Iterable[SettingRuns], ids: Iterable[str]) -> Ends:
    """What there is to say of those of the runs that are drawn."""
    drawn = ids if isinstance(ids, set) else set(ids)
    found: list[tuple[float, float]] = []
    constants: set[float | None] = set()
    unsettled = unknown = 0
    for member in members:
        if member.row["kind"] not in TRAINED_KINDS:
            continue
        kept = np.ones(len(member.ids), dtype=bool)
        if not drawn.issuperset(member.ids):  # measured: in half the time of one by one
            kept = np.array([key in drawn for key in member.ids])
        steps = member.values["steps"][kept]
        if not len(steps):
            continue
        found.append((steps.min(), steps.max()))
        constants |= {_time_constants(member.row, float(value)) for value in found[-1]}
        moving, unclear = settling(member)
        unsettled, unknown = unsettled + int((moving & kept).sum()), unknown + int((unclear & kept).sum())
    if not found:
        return Ends()
    least, most = (int(end(each)) for end, each in zip((min, max), zip(*found, strict=True), strict=True))
    (common,) = constants if len(constants) == 1 else (None,)
    return Ends((least, most), common, unsettled, unknown)


def settling(member: SettingRuns) -> tuple[Bool[np.ndarray, " runs"], Bool[np.ndarray, " runs"]]:
    """Which runs of a setting have not settled, and of which it is not known; none of networks and finished ends."""
    nowhere = np.zeros(len(member.ids), dtype=bool)
    if member.row["kind"] != Kind.DUFM or member.row["finish"] not in (None, Finish.PLAIN):
        return nowhere, nowhere
    settled, diverged = member.values["settled"], member.values["outcome"] == Outcome.DIVERGED.value
    return (settled == 0) & ~diverged, np.isnan(settled) & ~diverged


def unsettled_of(members: Iterable[SettingRuns]) -> tuple[set[str], set[str]]:
    """Ids of the runs that have not settled, and of those of which it is not known."""
    found: tuple[set[str], set[str]] = (set(), set())
    for member in members:
        for ids, which in zip(found, settling(member), strict=True):
            ids.update(key for key, holds in zip(member.ids, which, strict=True) if holds)
    return found


def _time_constants(run: Row, steps: float) -> float | None:
    """Of weight decay that so many steps are; None where the rates change on the way, or have no such constant."""
    rate = decay_rate(run["kind"], run["config"])
    return None if rate is None else float(f"{steps * rate:.{_DIGITS}g}")


def decay_rate(kind: str, config: Mapping[str, Any]) -> float | None:
    """η λ/(1 − β) for the least λ: by so much weight decay alone shrinks a parameter at a step, of its size.

    η λ where weight decay is decoupled. None for rates that change from step to step, and for Adam. A test holds it to
    the `decay_time` of configurations.
    """
    if any(config.get(name) not in _EVEN for name in _PACED) or config.get("optimizer") == OptimizerName.ADAM:
        return None
    decays = [*config.get("wd_layers", ()), *([config.get("wd_h1")] if kind == Kind.DUFM else [])]
    if not decays or None in decays or "lr" not in config:
        return None
    momentum = 0.0 if config.get("optimizer") in _DECOUPLED else config.get("momentum", 0.0)
    return float(config["lr"] / (1 - momentum) * min(decays))


def finish_of(run: Row) -> str | None:
    """What was made of the end of a descent; None where that is what is drawn."""
    finish = run["finish"]
    return None if finish in (None, Finish.PLAIN) else str(finish)


def finished_ends(connection: Connection, selection: Selection) -> dict[str, int]:
    """How many runs that a selection of plain ends leaves out were polished, refined, certified."""
    found = count_finishes(connection, replace(selection, plain=False))
    return {name: runs for name, runs in found.items() if name != Finish.PLAIN}


def left_out_notes(connection: Connection, selection: Selection) -> list[str]:
    """How many finished ends a figure of plain ones leaves out, and what draws them."""
    told = finished_ends(connection, selection) if selection.plain else {}
    if not told:
        return []
    runs = sum(told.values())
    counted = ", ".join(f"{count} {name}" for name, count in told.items())
    words = "1 run" if runs == 1 else f"{runs} runs"
    return [f"{words} left out, as figures draw plain ends: {counted} ({asking_for(told)} draws them)"]

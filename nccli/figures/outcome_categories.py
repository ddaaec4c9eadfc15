"""Outcomes as figures tell them apart: few enough for a colour each, with all other structures as one."""

from collections import Counter
from collections.abc import Mapping, Sequence

from nccli.catalogue.outcomes import DEGENERATE, Outcome
from nccli.figures.figure import Row
from nccli.figures.text import literal
from nccli.store import in_order

DNC, SRG, OTHER, FULL, LOW, LOST = "DNC", "SRG", "other structures", "full rank", "low rank", "lost classes"
CATEGORIES = (DNC, SRG, OTHER, FULL, LOW, LOST)
"""In the order of `FILLS`: of a stack from bottom to top, so that the share of DNC is read off the axis."""

_OF = {
    Outcome.DNC.value: DNC,
    Outcome.SRG.value: SRG,
    Outcome.FULL_RANK.value: FULL,
    Outcome.LOW_RANK.value: LOW,
    **dict.fromkeys(DEGENERATE, LOST),
}
"""By outcome; those that are no key are names of structures."""


def category_of(outcome: str) -> str:
    """One of the categories."""
    return _OF.get(outcome, OTHER)


def other_structures(rows: Sequence[Row]) -> list[str]:
    """Outcomes of rows whose `category` is that of structures that are neither DNC nor SRG, by their names."""
    return in_order(row["outcome"] for row in rows if row["category"] == OTHER)


def category_names(rows: Sequence[Row]) -> dict[str, str]:
    """Of categories in the legend, "" for those that no run is of; a single structure goes by its own name.

    Args:
        rows: with `category`, `outcome`, and `count` of runs.
    """
    found = Counter(row["category"] for row in rows if row["count"])
    names = {category: category if found[category] else "" for category in CATEGORIES}
    others = other_structures(rows)
    return {**names, DNC: DNC, OTHER: literal(others[0]) if len(others) == 1 else names[OTHER]}


def lost_notes(counts: Mapping[str, int]) -> list[str]:
    """The note on runs that did not learn their classes, so many by outcome; none where all did."""
    told = ", ".join(f"{runs} {name}" for name, runs in counts.items())
    return [f"runs that did not learn their classes: {told}"] if told else []

"""Which layers are measured, and how far, within a budget of memory: decided before the first sample is counted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nccli.measure.streaming import statistics_bytes
from nccli.training.memory import in_words

_FLOAT64 = 8
"""Bytes."""

_COPIES = 4
"""A bound: matrices (K, d) at once while a layer's metrics are computed: means, centred, scaled, axes."""


_ALWAYS = 2**26
"""A taste: 64 MiB for the classifier's input and output, those of 1,000 classes, in however small a budget."""


@dataclass(frozen=True)
class Sighting:
    """A module as one pass showed it.

    Attributes:
        name: of the module, or of the classifier's input.
        d: size of its features; 0 where it has none.
        obstacle: why it cannot be measured; "" where it can.
        place: of the features in its output, as `[0]`; "" where the output is a tensor.
        calls: how often it ran.
    """

    name: str
    d: int = 0
    obstacle: str = ""
    place: str = ""
    calls: int = 1


@dataclass(frozen=True)
class Plan:
    """What is kept of each layer.

    Attributes:
        within: whether a layer's within-class matrix is kept, by the name of those that are measured.
        skipped: why, by the name of those that are not.
        remarks: what is left out of a layer that is measured, or where its features stood, by name.
        bytes: that the accumulators take, with what their metrics take at the end.
    """

    within: Mapping[str, bool]
    skipped: Mapping[str, str] = field(default_factory=dict)
    remarks: Mapping[str, str] = field(default_factory=dict)
    bytes: int = 0


def plan_layers(seen: Sequence[Sighting], K: int, room: int, first: Sequence[str] = ()) -> Plan:
    """Share memory out: class means of as many layers as fit, then within-class matrices, the smallest first.

    Args:
        seen: the modules that ran.
        K: classes that have samples.
        room: bytes for all layers together.
        first: names that come before the others: the classifier's input, whatever it takes, and the classifier.
    """
    skipped = {each.name: each.obstacle for each in seen if each.obstacle}
    order = sorted((each for each in seen if not each.obstacle), key=lambda each: (each.name not in first, each.d))
    within: dict[str, bool] = {}
    used = work = 0
    for each in order:
        need, largest = _kept_bytes(each.d, K, False), max(work, _COPIES * _FLOAT64 * K * each.d)
        may = max(room, _ALWAYS) if each.name in first else room
        if used + need + largest > may and each.name != next(iter(first), None):
            skipped[each.name] = f"d = {each.d}: its {K} class means take {in_words(need)}"
            continue
        within[each.name] = False
        used, work = used + need, largest
    for each in (each for each in order if each.name in within):
        more = _kept_bytes(each.d, K, True) - _kept_bytes(each.d, K, False)
        if used + more + max(work, more) <= room:  # the copy that is moved to the means is of the same size
            within[each.name] = True
            used, work = used + more, max(work, more)
    remarks = {each.name: f"'{each.place}' of its output" for each in order if each.name in within and each.place}
    return Plan({each.name: within[each.name] for each in seen if each.name in within}, skipped, remarks, used + work)


def _kept_bytes(d: int, K: int, within: bool) -> int:
    """What a layer takes from its first sample to its metrics; blocks that are worked on are there once for all."""
    return statistics_bytes(d, K, within) - statistics_bytes(0, 0, within=False)

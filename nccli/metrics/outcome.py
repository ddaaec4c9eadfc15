"""What became of a run, from its layers."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from nccli.catalogue.options import ObjectiveName
from nccli.catalogue.outcomes import Outcome
from nccli.metrics.structure import CONSTANT, DNC, ETF, NONE

_SRG = re.compile(r"srg t\((\d+)\)")


@dataclass(frozen=True)
class LayerFindings:
    """What decides of a layer: numerical rank and structure of its class means."""

    rank: int
    structure: str


@dataclass(frozen=True)
class RunOutcome:
    """An outcome.

    Attributes:
        name: one of `nccli.catalogue.outcomes`, or the structure that all deciding layers have.
        srg_r: of T(r), for "srg".
    """

    name: str
    srg_r: int | None = None


def run_outcome(
    K: int,
    deciding: Sequence[LayerFindings],
    last: LayerFindings | None = None,
    classes_kept: int | None = None,
    diverged: bool = False,
    objective: str | None = None,
    width: int | None = None,
) -> RunOutcome | None:
    """The first outcome that holds, in the order of `nccli.catalogue.outcomes.Outcome`.

    Args:
        K: number of classes.
        deciding: the hidden layers after activation, l = 2..L−1; for L = 2, layer 2 (`deciding_layers`).
        last: M_L, which makes the output: where it is zero or constant, so is that.
        classes_kept: how many classes the output tells apart; None where it is not known.
        diverged: whether the loss is no number any more.
        objective: name of what the output is held to. Under the cross-entropy a simplex ETF of rank K − 1 is DNC as an
            orthogonal frame is, for a number that all logits share says nothing (theory sheet, section 6).
        width: d; a rank below K that is d itself is no low one. None where it does not matter.

    Returns:
        None where nothing is known of the layers, and it did not diverge.
    """
    if diverged:
        return RunOutcome(Outcome.DIVERGED.value)
    if not deciding:
        return None
    on_the_way = [*deciding, *([] if last is None else [last])]
    if any(layer.rank == 0 for layer in on_the_way):
        return RunOutcome(Outcome.ZERO.value)
    told_apart = classes_kept is not None and classes_kept > 1  # class means may look alike and not be
    if not told_apart and any(layer.structure == CONSTANT for layer in on_the_way):
        return RunOutcome(Outcome.CONSTANT.value)
    if classes_kept is not None and classes_kept < K:
        return RunOutcome(Outcome.LOST_CLASSES.value)
    shifts = objective == ObjectiveName.CE
    structures = {DNC if shifts and layer.structure == ETF else layer.structure for layer in deciding}
    if len(structures) == 1 and not structures & {NONE, CONSTANT}:
        return _named(structures.pop())
    full = min(K - shifts, K if width is None else width)
    low = any(layer.rank < full for layer in deciding)
    return RunOutcome((Outcome.LOW_RANK if low else Outcome.FULL_RANK).value)


def _named(structure: str) -> RunOutcome:
    srg = _SRG.match(structure)
    if srg is not None:
        return RunOutcome(Outcome.SRG.value, int(srg[1]))
    return RunOutcome(Outcome.DNC.value if structure == DNC else structure)

"""What became of a run: the words that column `outcome` has, the first that holds of each."""

from enum import StrEnum


class Outcome(StrEnum):
    """Outcomes; beside these, the name of a structure that all hidden layers have, such as "petersen"."""

    DIVERGED = "diverged"
    ZERO = "zero"
    CONSTANT = "constant"
    LOST_CLASSES = "lost_classes"
    DNC = "dnc"
    SRG = "srg"
    LOW_RANK = "low_rank"
    FULL_RANK = "full_rank"


MEANINGS: dict[Outcome, str] = {
    Outcome.DIVERGED: "the loss is no number any more",
    Outcome.ZERO: "a layer is zero, and so is the output",
    Outcome.CONSTANT: "all classes have the same means in a layer, and the output tells at most one apart",
    Outcome.LOST_CLASSES: (
        "the output tells only `classes_kept` of K classes apart, or does not tell more yet where the budget was short"
    ),
    Outcome.DNC: "the hidden layers are DNC; under the cross-entropy a simplex ETF too",
    Outcome.SRG: "they are an SRG solution (Definitions 9 to 11); `srg_r` says of which T(r)",
    Outcome.LOW_RANK: (
        "they have no structure with a name, or different ones, and one a rank below K (cross-entropy: K − 1) and d"
    ),
    Outcome.FULL_RANK: "they have no structure with a name, or different ones, and all as high a rank",
}
"""What each says of a run whose outcome is none of those before it. Any other outcome is a structure's name."""

DEGENERATE = (Outcome.ZERO.value, Outcome.CONSTANT.value, Outcome.LOST_CLASSES.value)
"""Of runs that no average of losses, ratios or ranks should hold: they did not learn their classes."""

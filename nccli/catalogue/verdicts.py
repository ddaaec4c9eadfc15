"""What a point is, by first and second order: the words that column `verdict` has."""

from enum import StrEnum


class Verdict(StrEnum):
    """Verdicts."""

    MINIMUM = "minimum"
    DEGENERATE = "degenerate"
    SADDLE = "saddle"
    NOT_STATIONARY = "not_stationary"


VERDICTS: dict[Verdict, str] = {
    Verdict.MINIMUM: "no way down to second order; where its kinks stay zero, the loss is flat by symmetry only",
    Verdict.DEGENERATE: "the same, and flat there in more directions than symmetry explains",
    Verdict.SADDLE: "stationary, and the loss falls along some direction; a lower point beside it was found",
    Verdict.NOT_STATIONARY: "no element of the subdifferential is zero; `verdict_residual` says how far from it",
}
"""What each means."""

"""What a run's loss is held against while it trains: the solutions of its problem."""

from functools import lru_cache

from nccli.theory import Problem, solve_dnc, solve_srg

_NO_BETTER = 1 - 1e-9
"""A bound: rounding of the closed forms, which at the threshold itself are equal."""


@lru_cache(maxsize=64)
def solution_losses(problem: Problem) -> tuple[float, float | None]:
    """Losses of DNC and SRG, the latter None for fewer classes than it needs."""
    srg = solve_srg(problem)
    return solve_dnc(problem).loss, None if srg is None else srg.loss


def zero_is_best(problem: Problem) -> bool:
    """Whether neither solution has a loss below that of the zero network: weight decay is too large for any."""
    least = min(loss for loss in solution_losses(problem) if loss is not None)
    return least >= problem.trivial_loss * _NO_BETTER

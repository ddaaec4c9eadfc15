"""What `nccli train-e2e` says of runs that cannot end well, before and after."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from nccli.cli.notes import note

if TYPE_CHECKING:
    from nccli.e2e.config import E2eConfig

_ENOUGH = 0.999
"""A taste: steps that miss the time constants of the default by so little are enough."""


def note_problem(configs: "Sequence[E2eConfig]", quiet: bool) -> None:
    """Say what cannot end well: too few steps, or weight decay that makes zero the optimum."""
    from nccli.catalogue.recipe import TIME_CONSTANTS
    from nccli.e2e.solution_losses import zero_is_best

    worst = min(configs, key=lambda config: config.time_constants)
    if worst.time_constants < _ENOUGH * TIME_CONSTANTS:
        note(
            f"{worst.steps} steps are {worst.time_constants:.2g} time constants (1-β)/(lr·λ) of weight decay at "
            f"lr = {worst.lr:g}, λ = {min(worst.wd_layers):g}; runs settle after about {TIME_CONSTANTS:g}: "
            f"--time-constants {TIME_CONSTANTS:g}",
            quiet,
        )
    for problem in dict.fromkeys(config.problem for config in configs if config.problem is not None):
        if zero_is_best(problem):
            note(
                f"λ = {problem.lambda_w[0]:g}, λ_H1 = {problem.lambda_h1:g}: DNC and SRG have no loss below that of "
                "the zero network; a smaller --wd or --wd-h1",
                quiet,
            )


def trivial_end(config: "E2eConfig", fit: float) -> str:
    """What to say of a run that ended at the trivial zero solution, with the way out."""
    from nccli.e2e.lost_classes import way_out, who
    from nccli.objective import objective_named

    constant, zero = config.constant_fit, objective_named(config.objective).trivial_loss(config.K)
    fits = f"the fit is {fit:.4f}, that of a constant output {constant:.4f}, of zero {zero:.4g}"
    if config.time_constants < 1:
        return f"{who(config)} is still at the trivial point after {config.steps} steps: {fits}. More --steps may help"
    return f"{who(config)} ended at the trivial point: {fits}; weight decay won before the fit grew; {way_out(config)}"

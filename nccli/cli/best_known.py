"""`construct --kind best`: the best solution known of each problem, stored, by the recipe of a search, or closed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from nccli.cli.notes import note, warn
from nccli.cli.progress import SEARCH_WORDS, TrainingProgress
from nccli.cli.sweep_notes import note_stored

if TYPE_CHECKING:
    from nccli.search import SearchConfig
    from nccli.store import Store
    from nccli.theory import Problem, Solution

_BETTER = 1 - 1e-10
"""A bound: of a closed form's loss, below which a stored point is better by more than rounding."""


def followed_recipes(problems: "Sequence[Problem]", width: int | None) -> "dict[Problem, SearchConfig]":
    """Of problems whose best known point has no closed form, the search that follows the recipe of the nearest λ."""
    from nccli.search import SearchConfig
    from nccli.theory import nearest_recipe

    found = {}
    for each in dict.fromkeys(problems):
        recipe = nearest_recipe(each)
        if recipe is not None:
            found[each] = SearchConfig(
                each.K, each.L, each.n, each.lambda_h1, each.lambda_w, descents=0, recipe=recipe, width=width
            )
    return found


def note_recipes(problems: "Sequence[Problem]", quiet: bool) -> None:
    """Say which recipes would be followed."""
    for problem, config in followed_recipes(problems, None).items():
        note(
            f"K = {problem.K}, L = {problem.L}: refined from there, as the table of searches has it: {config.recipe}",
            quiet,
        )


def better_runs(
    closed: "Sequence[Solution]", width: int | None, store: "Store", force: bool, quiet: bool
) -> "Mapping[Problem, str]":
    """Runs of a store that are better than the closed forms of their problems; what recipes lead to is stored first.

    Args:
        closed: the best closed form of each problem.
        width: that the points are to have; None for any.
        store: to look in, and to store in.
        force: follow recipes again.
        quiet: no notes.

    Raises:
        InputError: a width that is too small.
        InterruptedRunError: somebody asked to stop.
    """
    from nccli.cli.signals import stop_on_signals
    from nccli.store import best_runs, select_runs
    from nccli.sweep import SearchTrainer, execute, plan_runs
    from nccli.training.watch import Watch

    problems = [solution.problem for solution in closed]
    plan = plan_runs(list(followed_recipes(problems, width).values()), store, force)
    note_stored(plan, quiet)
    with stop_on_signals() as stop, TrainingProgress(quiet, SEARCH_WORDS) as progress:
        execute(plan, SearchTrainer(), store, Watch(progress, stop, warn))
    if stop():
        raise stop.error("interrupted; the same command goes on from there")
    found = {}
    with store.read() as connection:
        for solution in closed:
            keys = best_runs(connection, solution.problem, 1, width)
            for run in select_runs(connection, keys):
                if run["loss"] < solution.loss * _BETTER:
                    found[solution.problem] = run["id"]
                    how = run["found_by"] or run["kind"]
                    problem = f"K = {solution.problem.K}, L = {solution.problem.L}"
                    note(
                        f"{problem}: the best known is run {run['id']} ({how}), {_below(run['loss'], solution)}", quiet
                    )
    return found


def _below(loss: float, solution: "Solution") -> str:
    return f"{1 - loss / solution.loss:.1%} below {solution.construction.label}"

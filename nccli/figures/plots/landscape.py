"""Loss over DNC's against mean hidden rank: where runs end, beside the solutions of their problems."""

from collections.abc import Iterator, Mapping
from contextlib import suppress

from nccli.errors import InputError
from nccli.figures.scatter import Scatter
from nccli.figures.series import Values
from nccli.theory import Problem, best_known, solve_dnc, solve_kind


class Landscape(Scatter):
    """A mark a run, and crosses for DNC, SRG, bipartition rows and the best point known."""

    name, x, y = "landscape", "mean_rank", "ratio"
    x_label, y_label = "mean rank of hidden layers", "loss / DNC loss"
    columns = ("mean_hidden_rank", "loss", "loss_dnc")
    nothing, lacking = "none of the runs has hidden ranks and a DNC loss", "no hidden ranks or no DNC loss"
    small_print = "a mark a run; crosses: solutions in closed form, and the best known"

    def quantities(self, values: Mapping[str, Values]) -> Mapping[str, Values]:
        """Rank, and ratio of losses."""
        return {"mean_rank": values["mean_hidden_rank"], "ratio": values["loss"] / values["loss_dnc"]}

    def solutions(self, problem: Problem) -> Iterator[tuple[str, Mapping[str, float]]]:
        """Those that there are for so many classes."""
        shown = set()
        for kind, name in (("dnc", "DNC"), ("srg", "SRG"), ("bipartition", "bipartition")):
            with suppress(InputError):
                found = solve_kind(problem, kind, {})
                shown.add(found.construction.label)
                yield name, {"mean_rank": found.rank, "ratio": found.loss / solve_dnc(problem).loss}
        best = best_known(problem)
        if best.rank is not None and best.how not in shown:
            yield "best known", {"mean_rank": best.rank, "ratio": best.loss / solve_dnc(problem).loss}


PLOTS = (Landscape(),)

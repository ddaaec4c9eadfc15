"""Loss over DNC's against mean hidden rank: where runs end, beside the solutions of their problems."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nccli.catalogue.outcomes import DEGENERATE
from nccli.errors import InputError
from nccli.figures.figure import Drawn, Row
from nccli.figures.layouts import Layout
from nccli.figures.scatter import Scatter
from nccli.figures.series import Values
from nccli.figures.store_figure import Collected
from nccli.figures.style_sheet import GREY
from nccli.theory import Problem, best_known, solve_dnc, solve_kind

_ROOM = 0.08
"""Part of the axis above and below what is between; taste."""


class Landscape(Scatter):
    """A mark a run, and crosses for DNC, SRG, bipartition rows and the best point known.

    Runs that did not learn their classes do not stretch the axis: where they are above it, a triangle points there.
    """

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

    def words(self, found: Collected) -> str:
        """What marks are, and how many are above the axis."""
        above = len(_above(found.rows))
        return "; ".join([super().words(found), *([f"triangles: {above} above, which lost classes"] if above else [])])

    def counts(self, found: Collected) -> dict[str, int]:
        """Runs above the axis."""
        above = len(_above(found.rows))
        return {"lost classes, above the axis": above} if above else {}

    def notes(self, found: Collected) -> list[str]:
        """How many are above the axis."""
        above = len(_above(found.rows))
        told = f"{above} {'run' if above == 1 else 'runs'} above the axis: classes were lost"
        return [*super().notes(found), *([told] if above else [])]

    def finish(self, ax: Axes, drawn: Drawn, plan: Layout) -> None:
        """The range of what learned its classes, crosses, and triangles for what is above."""
        above = _above(drawn.rows)
        if above:
            ax.set_ylim(*_range(drawn.rows))
            edge = ax.get_xaxis_transform()
            at = sorted({row[self.x] for row in above})
            ax.plot(at, [1.0] * len(at), linestyle="", marker="^", color=GREY, transform=edge, clip_on=False, zorder=4)
        super().finish(ax, drawn, plan)
        ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def _range(rows: Sequence[Row]) -> tuple[float, float]:
    """Of runs that learned their classes, of solutions, and of DNC."""
    shown = [1.0, *(row["ratio"] for row in rows if row.get("outcome") not in DEGENERATE)]
    room = _ROOM * (max(shown) - min(shown) or 1.0)
    return min(shown) - room, max(shown) + room


def _above(rows: Sequence[Row]) -> list[Row]:
    """Runs that are above that range; none where no run learned its classes."""
    runs = [row for row in rows if row["what"] == "run"]
    if all(row["outcome"] in DEGENERATE for row in runs):
        return []
    _, high = _range(rows)
    return [row for row in runs if row["ratio"] > high]


PLOTS = (Landscape(),)

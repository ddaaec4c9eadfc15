"""Share of runs that end in deep neural collapse, against width (Súkeník et al. 2024, Figure 3, right)."""

from collections.abc import Mapping, Sequence

from matplotlib.axes import Axes

from nccli.catalogue.outcomes import Outcome
from nccli.figures.against_setting import WIDTH, AgainstSetting
from nccli.figures.figure import Drawn, Row
from nccli.figures.layouts import Layout
from nccli.figures.series import Series, Values
from nccli.figures.stages import deciding_words
from nccli.figures.statistics import wilson_interval
from nccli.figures.store_figure import Collected, StoreFigure


class DncShareVsWidth(AgainstSetting):
    """A curve for each setting: the share of the runs that have hidden layers whose outcome is DNC."""

    name = "dnc-share-vs-width"
    axis = WIDTH
    columns = ("outcome", "structure")
    quantity = "share"
    y_label = "share of runs in DNC"
    what = "share"
    spread = ""
    dotted = False
    nothing = "none of the runs has hidden layers"
    lacking = "no hidden layers, or a curve of one point"

    @property
    def recipe(self) -> Mapping[str, str]:
        """Seeds enough for an interval."""
        return {"K": "10", "L": "4", "width": WIDTH.values, "wd": "2e-3", "seed": "0..19"}

    def point(self, values: Values) -> Row:
        """The share with its interval."""
        dnc = sum(outcome == Outcome.DNC for outcome in values)
        low, high = wilson_interval(dnc, len(values))
        return {"share": dnc / len(values), "low": low, "high": high, "dnc": dnc}

    def about(self, series: Sequence[Series]) -> str:
        """The layers, and what the bars are."""
        return f"DNC in {deciding_words(series)}, with its 95 % Wilson interval"

    def notes(self, found: Collected) -> list[str]:
        """Axes of a single value, runs left out."""
        return [*self.single_point(found), *StoreFigure.notes(self, found)]

    def finish(self, ax: Axes, drawn: Drawn, plan: Layout) -> None:
        """All shares, and the ends of the bars."""
        ax.set_ylim(-0.03, 1.03)


PLOTS = (DncShareVsWidth(),)

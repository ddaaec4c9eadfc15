"""What runs end in, against width: the share in deep neural collapse (Súkeník et al. 2024, Figure 3, right)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import ClassVar

from matplotlib.figure import FigureBase

from nccli.catalogue.outcomes import Outcome
from nccli.figures.along_setting import AlongSetting
from nccli.figures.ends import unsettled_of
from nccli.figures.figure import Drawn, Options, Row
from nccli.figures.layouts import Layout, layout, panel_title, panels
from nccli.figures.legends import legend
from nccli.figures.outcome_categories import (
    CATEGORIES,
    LOST,
    category_names,
    category_of,
    lost_notes,
    other_structures,
)
from nccli.figures.series import Series
from nccli.figures.setting_axis import WIDTH, SettingAxis, axis_of
from nccli.figures.stacked_shares import bars_axis, name_areas, panel_least, stack
from nccli.figures.stages import deciding_words
from nccli.figures.statistics import wilson_interval
from nccli.figures.store_figure import Collected, Query, Shown
from nccli.figures.text import literal
from nccli.store import in_order

_ASPECT = 0.72
"""Height over width of a panel: a taste."""

_STRIPED, _INTERVAL = "not settled", "DNC: 95 % interval"


@dataclass(frozen=True)
class DncShareVsWidth(AlongSetting):
    """A panel for each setting, in it a bar a width: shares of the runs that have hidden layers, by outcome.

    Attributes:
        name: in the catalogue of figures.
        axis: width, or another setting that the user names.
    """

    name: str = "dnc-share-vs-width"
    axis: SettingAxis = WIDTH
    columns: ClassVar[tuple[str, ...]] = ("outcome", "structure")
    what: ClassVar[str] = "share"
    nothing: ClassVar[str] = "none of the runs has hidden layers"
    lacking: ClassVar[str] = "no hidden layers"
    quantity_words: ClassVar[str] = "hidden layers"

    @property
    def heeds(self) -> frozenset[str]:
        """The axis."""
        return super().heeds | {"x"}

    def adapted(self, options: Options) -> "DncShareVsWidth":
        """Against the setting that the user names."""
        return replace(self, axis=axis_of(options.x, "--x")) if options.x else self

    @property
    def recipe(self) -> Mapping[str, str]:
        """Seeds enough for an interval."""
        along = {self.axis.column.replace("_", "-"): self.axis.values} if self.axis.values else {}
        return {"K": "10", "L": "4", "wd": "2e-3", "seed": "0..19", **along}

    def shown(self, query: Query, series: Sequence[Series]) -> Iterator[Shown]:
        """A row an outcome of a width; DNC always, with its interval."""
        for each in series:
            moving, unknown = unsettled_of(each.members)
            rows: list[Row] = []
            ids: list[str] = []
            for place, keys, values in self.points(each):
                by_outcome: dict[str, list[str]] = {Outcome.DNC.value: []}
                for key, outcome in zip(keys, values["outcome"], strict=True):
                    by_outcome.setdefault(outcome, []).append(key)
                for outcome in in_order(by_outcome):
                    own = by_outcome[outcome]
                    counts = {"unsettled": len(moving.intersection(own)), "unknown": len(unknown.intersection(own))}
                    rows.append(self._row(each.label, place, outcome, own, len(keys)) | counts | {"run_ids": own})
                ids += keys
            yield Shown(each, rows, ids)

    def _row(self, label: str, place: float, outcome: str, own: Sequence[str], runs: int) -> Row:
        low, high = wilson_interval(len(own), runs) if outcome == Outcome.DNC else (None, None)
        about = {"category": category_of(outcome), "outcome": outcome}
        return {
            **{"what": self.what, "series": label, self.axis.column: place, **about, "share": len(own) / runs},
            **{"low": low, "high": high, "count": len(own), "runs": runs},
        }

    def words(self, found: Collected) -> str:
        """Runs a point, the interval, and what is drawn as one."""
        lost, others = self.counts(found), other_structures(found.rows)
        told = [f"{runs} {name}" for name, runs in lost.items()]
        words = [super().words(found)]
        words += [f"lost classes: {', '.join(told)}"] if set(lost) - {Outcome.LOST_CLASSES.value} else []
        words += [f"other structures: {', '.join(map(literal, others))}"] if len(others) > 1 else []
        return "; ".join(words)

    def counts(self, found: Collected) -> dict[str, int]:
        """Runs that did not learn their classes, by outcome."""
        lost: Counter[str] = Counter()
        for row in found.rows:
            lost[row["outcome"]] += row["count"] * (row["category"] == LOST)
        return {name: lost[name] for name in in_order(+lost)}

    def notes(self, found: Collected) -> list[str]:
        """How many runs did not learn their classes."""
        return [*super().notes(found), *lost_notes(self.counts(found))]

    def about(self, series: Sequence[Series]) -> str:
        """The layers, and what the bars are."""
        return f"DNC in {deciding_words(series)}, with its 95 % Wilson interval"

    def layout(self, drawn: Drawn, width: float) -> Layout:
        """A panel a setting."""
        labels = drawn.values("series")
        names = [*filter(None, category_names(drawn.rows).values()), _STRIPED, _INTERVAL]
        least = panel_least(drawn.values(self.axis.column))
        return layout(len(labels), width, aspect=_ASPECT, least=least, titles=labels, named=names)

    def draw_in(self, container: FigureBase, drawn: Drawn, plan: Layout) -> None:
        """Widths against shares."""
        values = sorted({row[self.axis.column] for row in drawn.rows})
        places = {value: i for i, value in enumerate(values)}
        axes = panels(container, plan)
        for i, (ax, label) in enumerate(zip(axes, drawn.values("series"), strict=True)):
            rows = [{**row, "place": row[self.axis.column]} for row in drawn.of(self.what, series=label)]
            stack(ax, places, rows, CATEGORIES)
            bars_axis(ax, values, self.axis.label, plan)
            ax.set_ylim(0.0, 1.0)
            panel_title(ax, label, plan)
            if i % plan.columns == 0:
                ax.set_ylabel("share of runs")
        striped = any(row["unsettled"] for row in drawn.rows)
        name_areas(axes[0], category_names(drawn.rows), _STRIPED if striped else "", _INTERVAL)
        legend(container, axes[0])


PLOTS = (DncShareVsWidth(),)

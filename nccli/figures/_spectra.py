"""Singular values of the class means of every layer (Súkeník et al. 2024, Figures 2 and 6)."""

from collections.abc import Sequence
from typing import ClassVar

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from sqlalchemy import Connection

from nccli.errors import NothingFoundError
from nccli.figures._figure import Drawn, Row, StoreFigure
from nccli.figures._series import Series, describe, split_series
from nccli.figures._stages import class_means_symbol, require_few, shown_stages
from nccli.figures._style import caption, legend, looks, panels
from nccli.store import Stage, mean_sd, select_spectra


class Spectra(StoreFigure):
    """A panel for each setting, in it a curve for each layer: mean ± sd over runs of every singular value."""

    name: ClassVar = "spectra"
    summary: ClassVar = "singular values of the class means by layer, mean ± sd over runs"
    recipe: ClassVar = {"K": "10", "L": "4", "wd": "4e-3", "seed": "0..9"}

    def collect(self, connection: Connection, runs: Sequence[Row], rank_rtol: float) -> Drawn:
        """Stored spectra of M_1..M_L and Mt_L."""
        spectra = select_spectra(connection, [run["id"] for run in runs])
        usable = [run for run in runs if spectra[run["id"]]]
        if not usable:
            raise NothingFoundError("none of the runs has a spectrum: they diverged")
        series = split_series(usable)
        require_few(series, self.name)
        rows = [row for each in series for row in _series_rows(each, spectra)]
        notes = (f"{len(runs) - len(usable)} runs left out: they diverged",) if len(usable) < len(runs) else ()
        return Drawn(rows, describe(series, "mean ± 1 sd"), notes)

    def draw(self, drawn: Drawn, width: float) -> Figure:
        """Index against singular value."""
        labels = drawn.values("series")
        figure, axes = panels(len(labels), width)
        stages = drawn.values("symbol")
        for ax, label in zip(axes, labels, strict=True):
            for symbol, look in zip(stages, looks(len(stages)), strict=True):
                _draw_curve(ax, drawn.of("singular value", series=label, symbol=symbol), symbol, look)
            ax.set_title(label)
            ax.set_xlabel("index")
            ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=6))
            ax.set_ylim(bottom=0, top=1.05 * max(row["value"] + (row["sd"] or 0.0) for row in drawn.rows) or 1.0)
        axes[0].set_ylabel("singular value")
        legend(figure, axes[0])
        caption(figure, drawn.caption)
        return figure


def _draw_curve(ax: Axes, rows: Sequence[Row], symbol: str, look: dict[str, object]) -> None:
    if rows:
        ax.errorbar(
            [row["index"] for row in rows],
            [row["value"] for row in rows],
            yerr=[row["sd"] or 0.0 for row in rows],
            label=symbol,
            elinewidth=0.8,
            **look,  # type: ignore[arg-type]  # errorbar's keywords are typed one by one
        )


def _series_rows(series: Series, spectra: dict[str, dict[Stage, list[float]]]) -> list[Row]:
    ids = sorted(run["id"] for run in series.runs)
    rows: list[Row] = []
    for stage in shown_stages(series.settings["L"]):
        stacked = [spectra[key][stage] for key in ids]
        for index, values in enumerate(zip(*stacked, strict=True), 1):
            mean, sd = mean_sd(values)
            place = {"series": series.label, "layer": stage.layer, "stage": stage.stage}
            place |= {"symbol": class_means_symbol(stage), "index": index}
            rows.append({"what": "singular value", **place, "value": mean, "sd": sd, "runs": len(ids), "run_ids": ids})
    return rows

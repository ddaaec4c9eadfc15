"""Effective rank of the class means by layer (Súkeník et al. 2024, Figure 4)."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from nccli.catalogue.stages import Stage
from nccli.figures.axes import reference
from nccli.figures.by_layer import ByLayer
from nccli.figures.figure import Drawn
from nccli.figures.layouts import Layout
from nccli.figures.series import Series
from nccli.figures.store_figure import Query
from nccli.store import stack_layers


class EffectiveRank(ByLayer):
    """Exp(entropy of the spectrum) of M_1..M_L and Mt_L, with lines at the number of classes."""

    name = "effective-rank"
    column = "effective_rank"
    y_label = "effective rank"
    small_print = "exp(entropy of s/Σs)"

    def values(self, query: Query, series: Series) -> tuple[list[str], Mapping[Stage, Float[np.ndarray, " runs"]]]:
        """Stored effective ranks, 0 where all is zero: there the spectrum is rounding."""
        keys, found = super().values(query, series)
        ranks = stack_layers(query.connection, series.ids, "rank").values
        return keys, {stage: np.where(ranks[stage] > 0, found[stage], 0.0) for stage in found}

    def finish(self, ax: Axes, drawn: Drawn, plan: Layout) -> None:
        """Room from 0 to K, which no rank exceeds."""
        super().finish(ax, drawn, plan)
        for K in drawn.values("K"):
            reference(ax, K, f"K = {K}")
        ax.yaxis.set_major_locator(MaxNLocator(nbins=6))
        ax.set_ylim(0, 1.08 * max(*drawn.values("K"), *drawn.values("effective_rank")))


PLOTS = (EffectiveRank(),)

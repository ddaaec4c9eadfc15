"""Mean ranks of the hidden layers of runs, at the tolerance that the user asks for."""

from collections.abc import Collection, Sequence

import numpy as np

from nccli.figures.figure import Options
from nccli.figures.store_figure import Query
from nccli.metrics import RANK_RTOL
from nccli.store import SettingRuns, select_hidden_ranks

HIDDEN_RANK = "mean_hidden_rank"
"""Column of table `run`."""


def read_for_ranks(options: Options) -> Collection[str]:
    """Tables that are read for them beside `run`, which has those at the usual tolerance."""
    return () if options.rank_rtol == RANK_RTOL else ("singular_value",)


def at_tolerance(found: Sequence[SettingRuns], query: Query) -> list[SettingRuns]:
    """Runs with their stored ranks, or those at another tolerance in their place."""
    rtol = query.options.rank_rtol
    if rtol == RANK_RTOL:
        return list(found)
    ranks = select_hidden_ranks(query.connection, query.selection, rtol)
    return [
        SettingRuns(
            each.row, each.ids, {**each.values, HIDDEN_RANK: np.array([ranks.get(key, np.nan) for key in each.ids])}
        )
        for each in found
    ]

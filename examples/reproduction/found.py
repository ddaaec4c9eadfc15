"""The runs that a query finds, with their layers, by nccli's own tables for notebooks."""

from dataclasses import dataclass
from typing import Any, Self

import pandas as pd

import nccli
from nccli.errors import NothingFoundError

_RUN = (
    *("id", "kind", "K", "L", "n", "width", "wd", "lr", "seed", "loss", "ratio_dnc", "ratio_srg", "outcome", "srg_r"),
    *("classes_kept", "mean_hidden_rank", "ranks_agree", "max_dnc1", "settled", "dataset", "config"),
)
_LAYER = (
    *("run_id", "layer", "stage", "rank", "dnc1", "dnc2", "negative_share", "effective_rank", "structure"),
    *("structure_distance", "K", "L"),
)


@dataclass(frozen=True)
class Found:
    """Runs and their layers.

    Attributes:
        runs: a row a run, with the columns of the store.
        layers: a row a layer and stage.
    """

    runs: pd.DataFrame
    layers: pd.DataFrame

    @classmethod
    def of(cls, store: str, where: str) -> Self:
        """Those of a store that a query finds, none of them running or diverged."""
        try:
            runs = nccli.frame(where, store=store, columns=_RUN)
            layers = nccli.frame(where, "layers", store=store, columns=_LAYER)
        except NothingFoundError:
            return cls.none()
        return cls(runs, layers)

    @classmethod
    def none(cls) -> Self:
        """No runs."""
        return cls(pd.DataFrame(columns=_RUN), pd.DataFrame(columns=_LAYER))

    @property
    def count(self) -> int:
        """How many runs."""
        return len(self.runs)

    @property
    def kept(self) -> Self:
        """Those that tell all their classes apart: no claim of ranks or losses is about others."""
        return self.only(self.runs.classes_kept == self.runs.K)

    @property
    def lost(self) -> str:
        """What is to be said of those that do not, as the end of a sentence."""
        lost = self.count - self.kept.count
        return f"; {lost} of {self.count} lost classes" if lost else ""

    @property
    def unsettled(self) -> str:
        """What is to be said of those whose ranks may still change, as the end of a sentence."""
        moving = int((self.runs.settled == 0).sum())
        return f"; {moving} of {self.count} have not settled" if moving else ""

    @property
    def hidden(self) -> pd.DataFrame:
        """Layers 2 … L−1 after the activation: the intermediate ones; for L = 2 there are none."""
        between = (self.layers.layer > 1) & (self.layers.layer < self.layers.L)
        return self.layers[between & (self.layers.stage == "post")]

    def only(self, chosen: Any) -> Self:
        """Those runs for which a column of truths holds."""
        runs = self.runs[chosen.fillna(False).astype(bool)] if len(self.runs) else self.runs
        return type(self)(runs, self.layers[self.layers.run_id.isin(runs.id)])

    def ranks(self) -> dict[str, list[int]]:
        """Ranks of the intermediate layers of each run, in the order of the layers."""
        ordered = self.hidden.sort_values("layer")
        return {str(key): rows.tolist() for key, rows in ordered.groupby("run_id", observed=True)["rank"]}

"""How near the hidden layers of runs are to a named solution, so that a figure can show the run nearest to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float
from sqlalchemy import Connection

from nccli.catalogue.stages import deciding_layers
from nccli.store import SettingRuns, stack_spectra


@dataclass(frozen=True)
class Solution:
    """A solution by its Gram matrix in the hidden layers.

    Attributes:
        structure: its name, as `nccli.metrics.recognise_structure` gives it.
        words: its name in a sentence.
        eigenvalues: of its Gram matrix, the largest first, up to a scale.
    """

    structure: str
    words: str
    eigenvalues: tuple[float, ...]

    def distances(self, connection: Connection, member: SettingRuns) -> Mapping[str, float]:
        """By run the largest distance of a hidden layer; of runs with layers."""
        found = stack_spectra(connection, member.ids)
        hidden = [found.values[stage] for stage in deciding_layers(member.row["L"]) if stage in found.values]
        if not hidden:
            return {}
        largest = np.max([spectral_distance(values, self.eigenvalues) for values in hidden], axis=0)
        return dict(zip(found.ids, largest.tolist(), strict=True))


def srg(r: int) -> Solution:
    """SRG T(r), whose Gram matrix has the eigenvalues 2, (r−2)/(r−1) r−1 times, and 0 (theory sheet, section 2)."""
    rest = r * (r - 1) // 2 - r
    return Solution(f"srg t({r})", f"SRG T({r})", (2.0, *[(r - 2) / (r - 1)] * (r - 1), *[0.0] * rest))


SQUARE = Solution("square", "the square", (4.0, 2.0, 2.0, 0.0))
"""The cycle of four vertices: 2I and its line graph, again a cycle (Súkeník et al. 2024, Figure 5)."""


def spectral_distance(values: Float[np.ndarray, "runs K"], eigenvalues: Sequence[float]) -> Float[np.ndarray, " runs"]:
    """min_s ‖λ(G) − s λ(H)‖/‖λ(G)‖ for the Gram matrices G of class means with these singular values.

    At most the distance min_s ‖G − s H‖/‖G‖ over all orders of the classes (Hoffman and Wielandt 1953). 1 where G = 0.

    Args:
        values: singular values of class means, largest first.
        eigenvalues: of H, largest first.
    """
    G, H = np.square(values), np.asarray(eigenvalues)
    if G.shape[1] < len(H):  # of fewer neurons than classes; the others are 0
        G = np.pad(G, ((0, 0), (0, len(H) - G.shape[1])))
    product = np.sqrt(np.square(G).sum(axis=1) * np.square(H).sum())
    cosine = np.divide(G @ H, product, out=np.zeros(len(G)), where=product > 0)
    return np.asarray(np.sqrt(np.clip(1.0 - np.square(cosine), 0.0, 1.0)))

"""What the Gram matrix of many classes is, from the class means: frames, without forming it."""

import numpy as np
from jaxtyping import Float

from nccli.metrics.rank_rule import RankFit, rank_fit
from nccli.metrics.spectrum import ZERO_FLOOR
from nccli.metrics.structure import (
    CONSTANT,
    DNC,
    ETF,
    EVIDENCE,
    FRAME_PLUS_MEAN,
    NONE,
    STRUCTURE_RTOL,
    ZERO,
    Structure,
    recognise_structure,
    tight_frame,
)

MOST_CLASSES = 1000
"""A measurement: `recognise_structure` takes a second at so many classes, and the cube of their number beyond."""


def structure_of_means(
    means: Float[np.ndarray, "K d"], spectrum: Float[np.ndarray, " r"], before_activation: bool = True
) -> Structure:
    """As `recognise_structure` of the Gram matrix; of more than `MOST_CLASSES` only frames are looked for.

    Of more classes than neurons also a tight frame of all of them (`nccli.metrics.structure.tight_frame`).

    With G = M Mᵀ, t = tr G and s = 1ᵀ G 1 the nearest aI + b11ᵀ has the parts (t − s/K)/√(K−1) along I − 11ᵀ/K and s/K
    along 11ᵀ/K, so every distance follows from t, s and ‖G‖_F.

    Args:
        means: class means, one a row, not centred.
        spectrum: their singular values.
        before_activation: as of `recognise_structure`.
    """
    K, d = means.shape
    if K <= MOST_CLASSES:
        found = recognise_structure(means @ means.T, before_activation=before_activation)
        frame = tight_frame(means @ means.T, d) if found.name == NONE and d < K else found
        return found if frame.name == NONE else frame
    order = np.arange(K)
    if not spectrum[0] > ZERO_FLOOR:
        return Structure(ZERO, 0.0, order)
    M = means / spectrum[0]
    size = float(np.linalg.norm(M.T @ M if d < K else M @ M.T))
    along_mean = float(np.sum(np.sum(M, axis=0) ** 2)) / K / size
    along_rest = (float(np.sum(M**2)) / size - along_mean) / np.sqrt(K - 1)
    along_frame = (along_mean + np.sqrt(K - 1) * along_rest) / np.sqrt(K)
    frames = [(DNC, along_frame**2, K), (CONSTANT, along_mean**2, 1), (ETF, along_rest**2, K - 1)]
    plain = [(float(np.sqrt(max(0.0, 1.0 - part))), name, rank) for name, part, rank in frames]
    both = float(np.sqrt(max(0.0, 1.0 - along_mean**2 - along_rest**2)))
    padded = np.concatenate([spectrum, np.zeros(K - len(spectrum))])
    best = min((each for each in plain if _holds(each[0], padded, each[2])), default=None)
    if _holds(both, padded, K) and (best is None or both < best[0] / EVIDENCE):
        best = (both, FRAME_PLUS_MEAN, K)
    if best is None:
        return Structure(NONE, min(both, *(distance for distance, _, _ in plain)), order)
    return Structure(best[1], best[0], order)


def _holds(distance: float, spectrum: Float[np.ndarray, " K"], rank: int) -> bool:
    return distance <= STRUCTURE_RTOL and rank_fit(spectrum, rank) is not RankFit.NOT

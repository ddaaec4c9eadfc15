"""Which classes a network tells apart, of class means of its output.

Weight decay can win over a class: the output is then zero on it, or that of another class; with all lost the network is
constant. Each lost class costs ½/K of the squared error, and comes back late or never: near zero the gradient of a
product of L layers is small.
"""

import numpy as np
from jaxtyping import Bool, Float, Int

from nccli.catalogue.options import ObjectiveName

_LEAST_MARGIN = 0.2
"""A bound: an entry y of a DNC output that is stationary under weight decay is at least (L − 1)/(2L), 1/4 with L = 2
(from ½ (1 − y)² + c y^{2/(L+1)}, theory sheet, section 2); targets are 0 and 1."""

_LEAST_LOGIT = 0.4
"""A bound: logits a (I − J/K) of DNC that are stationary under weight decay, and no maximum along a, have
a e^a/(e^a + K − 1) ≥ (L − 1)/(L + 1), so a ≥ 0.53 with K = L = 2 and more with any other."""

_LEAST_DISTANCE = 0.1
"""A taste: class means of H_L of DNC are √2 of their norm apart, those of SRG at K = 10 at least 1.15."""


def kept_classes(
    output: Float[np.ndarray, "K K"],
    hidden: Float[np.ndarray, "K d"] | None = None,
    objective: str = ObjectiveName.MSE.value,
) -> Bool[np.ndarray, " K"]:
    """Whether each class is kept: its mean output is largest at the class itself, and by a margin.

    Args:
        output: class means of the network's output W_L H_L, one class a row.
        hidden: class means of H_L, the last hidden layer; classes whose means there are (nearly) zero, or one
            another's, are not kept whatever W_L makes of them. None where it is not known.
        objective: name of what the output is held to.

    Returns:
        One entry a class: whether z_kk exceeds every other entry of z_k by 0.2 of the largest entry of all, and of 1,
        the target, or, under the cross-entropy, by 0.4; and whether the mean of H_L is further than 0.1 of the longest
        one from zero and from all others.
    """
    others = output.copy()
    np.fill_diagonal(others, -np.inf)
    margins = np.diag(output) - others.max(axis=1)
    by_size = _LEAST_MARGIN * max(1.0, float(np.abs(output).max()))
    kept = margins >= (_LEAST_LOGIT if objective == ObjectiveName.CE else by_size)
    if hidden is not None:
        kept &= distinct_means(hidden)
    return np.asarray(kept)


def classes_kept(
    output: Float[np.ndarray, "K K"],
    hidden: Float[np.ndarray, "K d"] | None = None,
    objective: str = ObjectiveName.MSE.value,
) -> int:
    """How many classes are kept, 0 to K; K is good, 0 a constant network. Arguments as of `kept_classes`."""
    return int(kept_classes(output, hidden, objective).sum())


def distinct_means(means: Float[np.ndarray, "K d"]) -> Bool[np.ndarray, " K"]:
    """Whether each class mean is neither (nearly) zero nor (nearly) another's: further off than 0.1 of the longest.

    The answer for a layer of which the output is not known.
    """
    norms = np.linalg.norm(means, axis=1)
    least = _LEAST_DISTANCE * float(norms.max())
    apart = np.linalg.norm(means[:, None] - means[None], axis=2)
    np.fill_diagonal(apart, np.inf)
    return np.asarray((norms > least) & (apart.min(axis=1) > least))


def minority_collapse(
    output: Float[np.ndarray, "K K"],
    means: Float[np.ndarray, "K d"],
    sizes: Int[np.ndarray, " K"],
    objective: str = ObjectiveName.MSE.value,
) -> int:
    """Whether weight decay won over the minority: 1 where larger classes are kept, and none below one that is not.

    So the largest class that is lost is at most as large as the smallest that is kept, and some class that is lost is
    smaller than one that is kept. Fang et al. 2021 call so that the classifiers of all minority classes coincide, with
    cross-entropy. With the squared error and no bias these are zero (theory sheet, section 7: where n_k^L <= Λ N^{L+1}
    L^{2L}/(L−1)^{L−1}), or ReLU gives several classes one mean: either is a class that is not kept.

    Args:
        output, means, objective: as of `kept_classes`.
        sizes: samples of each class.
    """
    kept = kept_classes(output, means, objective)
    if kept.all() or not kept.any():
        return 0
    lost, there = sizes[~kept], sizes[kept]
    return int(lost.max() <= there.min() and lost.min() < there.max())


def ridge_output(
    means: Float[np.ndarray, "K d"], wd: float, sizes: Int[np.ndarray, " K"] | None = None
) -> Float[np.ndarray, "K K"]:
    """Class means of the output that W_L gives where it minimises the squared error for these features, one a row.

    That is what it does wherever training has ended: MᵀM (MᵀM + λ D⁻¹)⁻¹ for collapsed features, D = diag(n_k/N), and
    Kλ I in its place for classes of one size. For points whose W_L nobody kept.

    Args:
        means: class means of H_L, one class a row.
        wd: λ_{W_L}, positive.
        sizes: n_k; None for classes of one size.
    """
    gram = means @ means.T
    if sizes is not None:
        return np.asarray(np.linalg.solve(gram + wd * np.diag(sizes.sum() / sizes), gram).T)
    return np.asarray(np.linalg.solve(gram + len(gram) * wd * np.eye(len(gram)), gram))


def constant_output(output: Float[np.ndarray, "K K"]) -> bool:
    """Whether a network gives the same for every class (zero too): no two mean outputs differ by 0.2 in any entry."""
    return float(np.ptp(output, axis=0).max()) < _LEAST_MARGIN

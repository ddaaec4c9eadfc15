"""Hypothesis strategies: features of unbalanced classes in mixed order, and random matrices."""

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

Array = NDArray[np.float64]
Labels = NDArray[np.int64]
generators = st.integers(0, 2**32 - 1).map(np.random.default_rng)


@st.composite
def labelled_features(draw: st.DrawFn, least_K: int = 2, most_n: int = 5) -> tuple[Array, Labels]:
    """(features, labels): 1..most_n samples for each of the classes, in mixed order, off centre."""
    rng = draw(generators)
    counts = draw(st.lists(st.integers(1, most_n), min_size=least_K, max_size=6))
    labels = rng.permutation(np.repeat(np.arange(len(counts)), counts))
    d = draw(st.integers(1, 8))
    return rng.normal(size=(labels.size, d)) + rng.normal(size=d), labels


@st.composite
def matrices(draw: st.DrawFn, wide: bool = False) -> Array:
    """A dense Gaussian matrix of 1..6 rows and 1..9 columns; at least as many columns as rows where wide."""
    rows = draw(st.integers(1, 6))
    return draw(generators).normal(size=(rows, draw(st.integers(rows if wide else 1, 9))))


def rotation(d: int, seed: int = 0) -> Array:
    """A random orthogonal d × d matrix."""
    return np.linalg.qr(np.random.default_rng(seed).normal(size=(d, d)))[0]

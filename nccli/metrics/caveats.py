"""What there is to say beside the metrics of a layer, lest a number be read for more than it is."""

from collections.abc import Iterator, Sequence

import numpy as np
from jaxtyping import Float, Int

from nccli.metrics.class_statistics import ClassStatistics

_NAMED = 5
"""Classes that are named where there are more: a taste."""


def caveats(
    statistics: ClassStatistics, K: int | None = None, weights: Float[np.ndarray, "out d"] | None = None
) -> Iterator[str]:
    """Remarks on what a layer was measured from, each a clause.

    Args:
        statistics: of its samples.
        K: classes that there should be; by default those that have samples.
        weights: of the map that reads the layer.
    """
    K, counts, classes = K or len(statistics.counts), statistics.counts, statistics.classes
    if classes is not None and len(classes) < K:
        absent = np.setdiff1d(np.arange(K), classes)
        yield f"{_named(absent)} of {K} without a sample: the metrics are of the other {len(classes)}"
    if (counts == 1).all():
        yield "one sample a class: nothing varies within classes, so that DNC1, NC1 and CDNV are 0 by that alone"
    elif (counts == 1).any():
        single = np.flatnonzero(counts == 1)
        yield f"{_named(single if classes is None else classes[single])} with one sample: nothing varies within it"
    if weights is not None and weights.shape[1] == statistics.means.shape[1]:
        rows = len(weights)
        if rows != len(counts) and (classes is None or rows <= classes[-1]):
            yield f"weights with {rows} rows are no classifier of {len(counts)} classes: NC3 is left out"


def _named(classes: Int[np.ndarray, " k"] | Sequence[int]) -> str:
    shown = ", ".join(str(int(k)) for k in classes[:_NAMED]) + (", …" if len(classes) > _NAMED else "")
    return f"class {shown}" if len(classes) == 1 else f"{len(classes)} classes ({shown})"

"""Where samples that belong to no class lie beside the class means."""

import numpy as np
from jaxtyping import Float


def nc5(class_means: Float[np.ndarray, "K d"], outside: Float[np.ndarray, " d"]) -> float:
    """Mean over classes of |cos(m_k, m)|, m the mean of out-of-distribution samples (Ben Ammar et al. 2024, NC5).

    Args:
        class_means: one class a row, not centred.
        outside: mean feature of the other set.

    Returns:
        In [0, 1]; 0 where the other set is orthogonal to every class mean; nan where one of them is zero.
    """
    sizes = np.linalg.norm(class_means, axis=1) * np.linalg.norm(outside)
    if not sizes.all():
        return float("nan")
    return float(np.clip(np.mean(np.abs(class_means @ outside) / sizes), 0.0, 1.0))

"""What ReLU does, or would do, to class means."""

import numpy as np
from jaxtyping import Float


def negative_share(means: Float[np.ndarray, "K d"]) -> float:
    """‖min(M̃_l, 0)‖²_F / ‖M̃_l‖²_F of class means before the activation (Súkeník et al. 2024, section 6.1).

    Returns:
        In [0, 1]; 0: ReLU does nothing to them. nan where all are zero.
    """
    total = float(np.sum(means**2))
    return float(np.sum(np.minimum(means, 0.0) ** 2)) / total if total else float("nan")


def least_entry(means: Float[np.ndarray, "K d"]) -> float:
    """The least entry of class means over the largest one (Súkeník et al. 2024, section 6.1).

    Returns:
        In [−∞, 1]; at least 0 where ReLU does nothing to them. nan where all are zero.
    """
    least, largest = float(means.min()), float(means.max())
    if largest > 0:
        return least / largest
    return float("-inf") if least < 0 else float("nan")

"""Whether two weight matrices that follow each other are balanced, as weight decay makes them."""

import numpy as np
from jaxtyping import Float


def balancedness(weights: Float[np.ndarray, "out d"], made_by: Float[np.ndarray, "d in"]) -> float:
    """‖W_{l+1}ᵀW_{l+1} − W_l W_lᵀ‖_F / max(‖W_{l+1}ᵀW_{l+1}‖_F, ‖W_l W_lᵀ‖_F) (Jacot et al. 2025).

    Args:
        weights: W_{l+1}, which reads the layer.
        made_by: W_l, which makes it.

    Returns:
        In [0, √2], without unit; 0: balanced, as at every stationary point of a linear layer with equal weight decays.
        nan where both are zero.
    """
    above, below = weights.T @ weights, made_by @ made_by.T
    size = max(float(np.linalg.norm(above)), float(np.linalg.norm(below)))
    return float(np.linalg.norm(above - below)) / size if size else float("nan")

"""Equation (2) of Súkeník et al. 2024 at a point: what the layers below the last cost, against the least they could.

Where every layer below the last hidden one is linear, H̃_L = W_{L−1} ⋯ W_1 H_1 is a product of L factors. Of all factors
with that product the cheapest cost

    λ_{H_1}/2 ‖H_1‖²_F + Σ_{l<L} λ_{W_l}/2 ‖W_l‖²_F = L/2 (λ_{H_1} ∏_{l<L} λ_{W_l})^{1/L} ‖H̃_L‖_{S_{2/L}}^{2/L} ,

‖X‖_{S_p}^p = Σ_i s_i(X)^p: a singular value s of the product costs at least that, by the mean of L terms λ x²/2 with
∏ x = s. At a collapsed point s_i(H̃_L) = √n s_i(M̃_L).
"""

import math

import numpy as np

from nccli.catalogue.options import ActivationName, BiasName
from nccli.dufm.arrays import numpy_array, square_sums
from nccli.dufm.batch import Batch
from nccli.dufm.network import Network

_LINEAR_BELOW = (ActivationName.LINEAR, ActivationName.RELU_LAST)


def schatten_gap(batch: Batch) -> float | None:
    """What W_1..W_{L−1} and H_1 cost over what their product must cost, 1 at least; → 1 as training ends.

    Args:
        batch: one run, in float64.

    Returns:
        None where a layer below the last hidden one is not linear or has a bias, and where H̃_L is zero.
    """
    config = batch.configs[0]
    below_is_linear = config.activation in _LINEAR_BELOW and config.bias != BiasName.ALL
    if not below_is_linear:
        return None
    L, X, *weights = config.L, *batch.parameters.all
    decays = (config.wd_h1, *config.wd_layers[:-1])
    cost = 0.5 * config.wd_h1 * float((batch.copies * numpy_array(X[0]) ** 2).sum())
    cost += sum(0.5 * wd * float(square_sums(V)[0]) for wd, V in zip(decays[1:], weights[:-1], strict=True))
    last = numpy_array(Network(batch).before_last()[0])
    s = np.linalg.svd(np.sqrt(batch.copies) * last, compute_uv=False)
    least = L / 2 * math.exp(sum(map(math.log, decays)) / L) * float((s ** (2 / L)).sum())
    if not (math.isfinite(cost) and math.isfinite(least) and least > 0):
        return None
    return max(1.0, cost / least)

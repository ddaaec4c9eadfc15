"""Pre-activations at zero, their masks and their multipliers.

The multiplier of a kink is its Δ, which must lie between 0 and B = ∂loss/∂H of its entry.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nccli.dufm.refined.box import box_minimum
from nccli.dufm.refined.network import Masks, Matrix, Network, Pass, State, Vector

END = 1e-9
"""A taste: a multiplier as close as that to an end of its box, relative to its length, is at the end."""


@dataclass(frozen=True, eq=False)
class Kinks:
    """What is held at zero, and how.

    Attributes:
        held: masks of the kinks of layers 2..L.
        M: their multipliers, 0 elsewhere.
        on: which of the other pre-activations have slope 1.
    """

    held: Masks
    M: list[Matrix]
    on: Masks


def flat(masks: Masks, arrays: Sequence[Matrix]) -> Vector:
    """Entries of all layers where the masks hold."""
    return np.concatenate([a[m] for a, m in zip(arrays, masks, strict=True)])


def spread(masks: Masks, values: Vector) -> list[Matrix]:
    """The inverse of `flat`; zero elsewhere."""
    out, at = [], 0
    for m in masks:
        a = np.zeros(m.shape)
        a[m] = values[at : at + m.sum()]
        at += int(m.sum())
        out.append(a)
    return out


def near_zero(network: Network, point: Pass, radius: float) -> Masks:
    """The pre-activations of ReLUs within `radius` of zero, relative to the largest of their unit."""
    relus = network.problem.has_relu
    return [
        (np.abs(z) < radius * np.abs(z).max(axis=1, keepdims=True)) & has
        for z, has in zip(point.hidden, relus, strict=True)
    ]


def signs(network: Network, point: Pass) -> Masks:
    """Where the slope is 1."""
    return [(z > 0) | (not has) for z, has in zip(point.hidden, network.problem.has_relu, strict=True)]


def state(network: Network, point: Pass, kinks: Kinks) -> State:
    """Passed back with the kinks' multipliers."""
    slopes = [1.0 * (o & ~q) for o, q in zip(kinks.on, kinks.held, strict=True)]
    return network.backward(point, slopes, kinks.M)


def layerwise(network: Network, point: Pass, held: Masks, on: Masks) -> Kinks:
    """Multipliers from the output down: Δ of each layer in its box that makes ‖(Δ + λV) H‖ least.

    Ends of descent have no other.
    """
    D = network.by_output(point)
    M: list[Matrix] = []
    for layer in range(network.L - 1, 0, -1):
        B, q, V = point.H[layer] @ (point.V[layer].T @ D), held[layer - 1], network.wd[layer] * point.V[layer - 1]
        D = np.where(q, 0, on[layer - 1] * B)
        a, b = np.nonzero(q)
        G = point.G[layer - 1]
        S = np.where(a[:, None] == a, G[np.ix_(b, b)], 0.0)
        D[a, b] = box_minimum(S, -((D + V) @ G)[a, b], B[a, b].clip(0), -V[a, b])
        M.insert(0, np.where(q, D, 0))
    return Kinks(held, M, on)

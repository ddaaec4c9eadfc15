"""The activations σ of the DUFM for the steps of PyTorch: in place, and without allocation once the buffers exist."""

from abc import ABC, abstractmethod

import torch
from torch import Tensor

_threshold_backward = torch.ops.aten.threshold_backward.grad_input
_leaky_backward = torch.ops.aten.leaky_relu_backward.grad_input


class Activation(ABC):
    """σ of one layer: overwrites the pre-activation by the activation and remembers what its derivative needs."""

    @abstractmethod
    def forward_(self, z: Tensor) -> None:
        """Replace z by σ(z)."""

    @abstractmethod
    def backward_(self, grad: Tensor, x: Tensor) -> None:
        """Multiply grad by σ'(z), given x = σ(z) of the latest `forward_`."""


class Identity(Activation):
    """σ(z) = z."""

    def forward_(self, z: Tensor) -> None:
        """Do nothing."""

    def backward_(self, grad: Tensor, x: Tensor) -> None:
        """Do nothing."""


class Relu(Activation):
    """σ(z) = max(z, 0), with derivative 0 at 0."""

    def forward_(self, z: Tensor) -> None:
        """Replace z by max(z, 0)."""
        z.clamp_min_(0)

    def backward_(self, grad: Tensor, x: Tensor) -> None:
        """Keep grad where x > 0, in one pass."""
        _threshold_backward(grad, x, 0, grad_input=grad)


class Leaky(Activation):
    """σ(z) = max(z, s z) with 0 < s < 1, and derivative s at 0."""

    def __init__(self, slope: float) -> None:
        """Take s."""
        self.slope = slope

    def forward_(self, z: Tensor) -> None:
        """Replace z by max(z, s z)."""
        torch.nn.functional.leaky_relu_(z, self.slope)

    def backward_(self, grad: Tensor, x: Tensor) -> None:
        """Multiply grad by s where x <= 0, in one pass: σ keeps the sign."""
        _leaky_backward(grad, x, self.slope, True, grad_input=grad)


class ReluEps(Activation):
    """ReLU_ε (Súkeník et al. 2024, Definition 7): z²(2ε−z)/ε² on [0, ε], 0 below, z above.

    With t = clamp(z, 0, ε): σ(z) = t²(2ε−t)/ε² + max(z−ε, 0) and σ'(z) = t(4ε−3t)/ε² for z ≤ ε, 1 above, which is the
    same expression at t = ε.
    """

    def __init__(self, epsilon: float, like: Tensor) -> None:
        """Allocate for pre-activations of the shape of `like`."""
        self.epsilon = epsilon
        self._t = torch.empty_like(like)
        self._slope = torch.empty_like(like)

    def forward_(self, z: Tensor) -> None:
        """Replace z by ReLU_ε(z)."""
        e, t, slope = self.epsilon, self._t, self._slope
        torch.clamp(z, 0, e, out=t)
        torch.mul(t, -3, out=slope)
        slope.add_(4 * e).mul_(t).div_(e * e)
        z.sub_(e).clamp_min_(0)
        z.addcmul_(t, t, value=2 / e)
        t.pow_(3)
        z.add_(t, alpha=-1 / (e * e))

    def backward_(self, grad: Tensor, x: Tensor) -> None:
        """Multiply grad by the slope kept from `forward_`."""
        grad.mul_(self._slope)

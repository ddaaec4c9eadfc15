"""The one-sample problem of collapsed features and its smoothing, as functions of one vector."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor
from torch.func import grad, vjp, vmap

from nccli.objective import Objective, SquaredError

_CHUNK = 256
"""A taste: rows of a Jacobian at once; more take memory and no less time."""


@dataclass(frozen=True)
class CollapsedProblem:
    """The one-sample problem of collapsed features, of some of the classes while the others' features stay zero.

    Attributes:
        K: number of classes.
        n: samples a class.
        wd: λ_{H_1}, λ_{W_1}, …, λ_{W_L}.
        classes: those whose features are free, None for all.
        objective: what the output is held to.
    """

    K: int
    n: int
    wd: tuple[float, ...]
    classes: tuple[int, ...] | None = None
    objective: Objective = field(default_factory=SquaredError)

    def loss(self, parameters: Sequence[Tensor], sigma: Callable[[Tensor], Tensor]) -> Tensor:
        """The DUFM loss at M_1ᵀ (free classes only), V_1, …, V_L with that activation, which maps 0 to 0 elsewhere."""
        free = list(range(self.K) if self.classes is None else self.classes)
        target = torch.eye(self.K, dtype=parameters[0].dtype)[free]
        total: Tensor = self.objective.total(output(parameters, sigma)[0], target)
        loss = (total + (self.K - len(free)) * self.objective.trivial_loss(self.K)) / self.K
        for factor, p in zip((self.n * self.wd[0], *self.wd[1:]), parameters, strict=True):
            loss = loss + factor / 2 * p.square().sum()
        return loss


class SmoothedPath:
    """The smoothed loss as a function of one vector and ε, with derivatives."""

    def __init__(self, problem: CollapsedProblem, like: Sequence[Tensor]) -> None:
        """For parameters of these shapes."""
        self._problem = problem
        self._shapes = [p.shape for p in like]
        self.gradient = grad(self.loss)
        self.gradient_by_epsilon = grad(grad(self.loss, argnums=1))

    def loss(self, x: Tensor, epsilon: Tensor) -> Tensor:
        """With σ_ε in place of ReLU."""
        return self._problem.loss(self.unpack(x), lambda z: smoothed_relu(z, epsilon))

    def hessian(self, x: Tensor, epsilon: Tensor) -> Tensor:
        """Rows by backpropagating through the gradient, many at a time."""
        H = jacobian(lambda y: self.gradient(y, epsilon), x)
        return (H + H.T) / 2

    def gated_gradient(self, x: Tensor, slopes: Sequence[Tensor]) -> Tensor:
        """By backpropagation with given slopes."""

        def loss(x: Tensor) -> Tensor:
            following = iter(slopes)
            return self._problem.loss(self.unpack(x), lambda z: next(following) * z)

        gradient: Tensor = grad(loss)(x)
        return gradient

    def pack(self, parameters: Sequence[Tensor]) -> Tensor:
        """M_1ᵀ, V_1, …, V_L as one vector."""
        return torch.cat([p.reshape(-1) for p in parameters])

    def unpack(self, x: Tensor) -> list[Tensor]:
        """The inverse of `pack`."""
        return shaped(x, self._shapes)


def smoothed_relu(z: Tensor, epsilon: Tensor | float) -> Tensor:
    """σ_ε(z) = (z + √(z² + ε²))/2: above ReLU by at most ε/2, with a slope in (0, 1)."""
    return 0.5 * (z + (z * z + epsilon * epsilon).sqrt())


def output(parameters: Sequence[Tensor], sigma: Callable[[Tensor], Tensor]) -> tuple[Tensor, list[Tensor]]:
    """Output and pre-activations Mt_2ᵀ, …, Mt_Lᵀ."""
    h, pre = parameters[0], []
    for V in parameters[1:-1]:
        pre.append(h @ V)
        h = sigma(pre[-1])
    return h @ parameters[-1], pre


def gated(parameters: Sequence[Tensor], slopes: Sequence[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """The network with each pre-activation multiplied by its slope."""
    following = iter(slopes)
    return output(parameters, lambda z: next(following) * z)


def jacobian(function: Callable[[Tensor], Tensor], y: Tensor) -> Tensor:
    """Rows by backpropagation, many at a time."""
    value, pull = vjp(function, y)[:2]
    rows = torch.eye(len(value), dtype=y.dtype)
    return torch.cat([vmap(pull)(rows[i : i + _CHUNK])[0] for i in range(0, len(rows), _CHUNK)])


def shaped(x: Tensor, shapes: Sequence[torch.Size]) -> list[Tensor]:
    """One vector as tensors of these shapes, one after the other."""
    found, at = [], 0
    for shape in shapes:
        found.append(x[at : at + shape.numel()].view(shape))
        at += shape.numel()
    return found

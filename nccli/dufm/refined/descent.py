"""Descent with kinks, by the models of `nccli.dufm.refined.hinge`."""

from collections.abc import Callable

import numpy as np

from nccli.dufm.refined.hinge import HingeModel, Step, hinge_model, hinge_step
from nccli.dufm.refined.kinks import END, Kinks, layerwise, signs, spread, state
from nccli.dufm.refined.network import Masks, Matrix, Network, Pass, State, Vector
from nccli.dufm.refined.retraction import Retraction

_TINY = 1e-6
"""A taste, in root mean square positive pre-activations: what has no sign of its own."""

_LEAST_DAMPING, _FIRST_DAMPING, _MOST_DAMPING = 1e-11, 1e-3, 1e4
"""Tastes: rounding of a curvature, the one to begin with, and where a step is no longer one."""

_GOOD, _FAIR, _POOR = 0.8, 0.5, 0.1
"""Tastes: change over promise from which damping falls by 4, falls by 2, below which it rises by 3."""

_FELT = 1e-13
"""A bound: promises below are told by the gradient, for rounding hides them in a loss of size 0.1."""

_IDLE = 1e-14
_IDLE_STEPS = 5
"""Tastes: so many steps that change the loss by no more, and there is nowhere to go."""

_REPEATS = 3
"""A taste: how often kinks are exchanged before a refused step is made shorter."""


class Descent:
    """A descent that can be gone on with.

    Attributes:
        network: the problem.
        x: where it is.
        kinks: what is held there.
        norm: of the gradient with the kinks' multipliers.
        count: Hessians so far.
    """

    def __init__(self, network: Network, x: Vector, held: Masks) -> None:
        """From x, with these kinks to begin with."""
        self.network, self.x, self.count, self.norm = network, x, 0, np.inf
        self._point, self._loss, self._damping = network.forward(x), network.loss(x), _FIRST_DAMPING
        self.kinks = Kinks(held, [np.zeros(q.shape) for q in held], signs(network, self._point))
        self._told: Kinks | None = None
        self._repeats = self._idle = 0

    def advance(self, steps: int, tolerance: float, tick: Callable[[], None]) -> bool:
        """Go on for so many Hessians or until the gradient is that small; False if there is nowhere to go."""
        for _ in range(steps):
            tick()
            s = self._state()
            if self.norm < tolerance:
                return True
            if self._idle > _IDLE_STEPS:
                return False
            model, go = hinge_model(self.network, self.x, s, self.kinks)
            self.count += 1
            while (step := hinge_step(self.network, go, self._loss, model, self._damping)) is None:
                self._damping *= 2
                if self._damping > _MOST_DAMPING:
                    return False
            self._follow(model, go, step)
            if self._damping > _MOST_DAMPING:
                return False
        self._state()
        return True

    def _follow(self, model: HingeModel, go: Retraction, step: Step) -> None:
        """Take a step or learn from it."""
        if step.promised > -_FELT:
            if not self._take_closer(model, go, step):
                self._damping *= 8
                self._idle += 1
        elif step.better:
            self._idle = self._idle + 1 if self._loss - step.loss < _IDLE else 0
            self._take(go(step.p), step.loss, model, step)
            if step.ratio > _FAIR:
                self._damping = max(self._damping / (4 if step.ratio > _GOOD else 2), _LEAST_DAMPING)
            elif step.ratio < _POOR:
                self._damping *= 3
        elif not self._exchange(model, step):
            self._damping *= 4

    def _state(self) -> State:
        """Passed back with the better of two sets of multipliers."""
        network, kinks = self.network, self._told or self.kinks
        choices = [layerwise(network, self._point, kinks.held, kinks.on)]
        if self._told is not None:
            choices.append(self._told)
        s, kinks = min(((state(network, self._point, k), k) for k in choices), key=_gradient_norm)
        s, self.kinks = _opened(network, s, kinks)
        self.norm = float(np.linalg.norm(s.gradient))
        return s

    def _take(self, x: Vector, loss: float, model: HingeModel, step: Step) -> None:
        self.x, self._loss, self._repeats = x, loss, 0
        self._point = self.network.forward(x)
        self._told = _after(self.network, self._point, model, step)

    def _take_closer(self, model: HingeModel, go: Retraction, step: Step) -> bool:
        """Take a step too small for the loss to tell, if it makes the gradient smaller; whether it did."""
        x = go(step.p)
        point = self.network.forward(x)
        told = _after(self.network, point, model, step)
        if not np.linalg.norm(state(self.network, point, told).gradient) < 0.9 * self.norm:
            return False
        self._take(x, step.loss, model, step)
        self._idle = 0
        self._damping = max(self._damping / 10, _LEAST_DAMPING)
        return True

    def _exchange(self, model: HingeModel, step: Step) -> bool:
        """After a refused step: whether kinks at zero that it would open or shut were not so already."""
        if self._repeats == _REPEATS:
            return False
        told = _refused(self.network, self._point, model, step, self.kinks)
        before, after = [*self.kinks.held, *self.kinks.on], [*told.held, *told.on]
        if all((a == b).all() for a, b in zip(before, after, strict=True)):
            return False
        self._told, self._repeats = told, self._repeats + 1
        return True


def _gradient_norm(pair: tuple[State, Kinks]) -> float:
    return float(np.linalg.norm(pair[0].gradient))


def _opened(network: Network, s: State, kinks: Kinks) -> tuple[State, Kinks]:
    """The same multipliers with kinks whose multiplier is at an end of its box, and whose z agrees, as what they are.

    A kink that opens is felt in all layers above at once; held, it would be felt through its multiplier alone.
    """
    held, on = [], []
    unit = _TINY * s.point.scale
    for q, m, o, z, b in zip(kinks.held, kinks.M, kinks.on, s.point.hidden, s.B, strict=True):
        opens = q & (m >= (1 - END) * b) & (z > -unit) & (b > 0)
        shuts = q & (m <= END * b) & (z < unit) & (b > 0) & ~opens
        held.append(q & ~opens & ~shuts)
        on.append((o & ~shuts) | opens)
    found = _kinks(held, kinks.M, on)
    return state(network, s.point, found), found


def _after(network: Network, point: Pass, model: HingeModel, step: Step) -> Kinks:
    """Kinks after a step that was taken: those inside their boxes, and those that came out on the other side."""
    inside, top, M = _spread(model, step)
    held, on = [], []
    parts = zip(model.near, inside, top, signs(network, point), point.hidden, network.problem.has_relu, strict=True)
    for near, at_zero, opened, sign, z, has_relu in parts:
        held.append(at_zero | (near & (sign != opened)))
        on.append(sign & ~((np.abs(z) < _TINY * point.scale) & ~near & has_relu))
    return _kinks(held, M, on)


def _refused(network: Network, point: Pass, model: HingeModel, step: Step, kinks: Kinks) -> Kinks:
    """Kinks at the same point as a step that was refused would have them."""
    inside, top, M = _spread(model, step)
    unit = _TINY * point.scale
    held = [np.where(near, i, q) for near, i, q in zip(model.near, inside, kinks.held, strict=True)]
    parts = zip(model.near, top, signs(network, point), point.hidden, strict=True)
    on = [np.where(near & (np.abs(z) < unit), opened, sign) for near, opened, sign, z in parts]
    return _kinks(held, [np.where(near, m, o) for near, m, o in zip(model.near, M, kinks.M, strict=True)], on)


def _spread(model: HingeModel, step: Step) -> tuple[Masks, Masks, list[Matrix]]:
    """Which of the near ones are inside their boxes, which at the top, and their multipliers, by layers."""
    inside = [a > 0 for a in spread(model.near, 1.0 * step.active)]
    top = [a > 0 for a in spread(model.near, 1.0 * (step.M >= (1 - END) * model.top))]
    return inside, top, spread(model.near, step.M)


def _kinks(held: Masks, M: list[Matrix], on: Masks) -> Kinks:
    return Kinks(held, [np.where(q, m, 0.0) for q, m in zip(held, M, strict=True)], on)

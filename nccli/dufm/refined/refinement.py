"""From an end of descent down to a certified stationary point of the non-smooth loss.

Rounds of: fewer units with the same function, descent that keeps kinks, Newton's method on what defines a stationary
point, and where multipliers are not unique a path of smoothed problems. A point counts only by the independent check
of `nccli.dufm.refined.certificate`, and only where its loss is not above that of the start.
"""

from collections.abc import Callable, Sequence

import numpy as np
from jaxtyping import Float

from nccli.dufm.refined.candidate import Candidate, attempt
from nccli.dufm.refined.certificate import CERTIFIED, certificate
from nccli.dufm.refined.descent import Descent
from nccli.dufm.refined.kinks import near_zero
from nccli.dufm.refined.network import Matrix, Vector, explicit, reduced
from nccli.dufm.refined.problem import RefinedProblem
from nccli.dufm.refined.refined_point import Refined
from nccli.dufm.refined.smoothing import FROM_AFAR, FROM_NEAR, smoothed_path
from nccli.dufm.refined.units import recombine, slim
from nccli.errors import InputError
from nccli.training.memory import require_memory

_ROUNDS = ((0.003, 0.003), (0.01, 0.01), (0.03, 0.01), (0.05, 0.02), (0.1, 0.03))
"""Tastes: least size of a unit and least distance of two, round by round. With 0.03 at once the loss rises by up to
2e-5, and the descent has to find its kinks anew."""

_COARSE, _LOOK = (0.03, 0.05), 3
_UNSETTLED = 5e-3, 1e-6
"""Measured: gradient, or fall of the loss, above which a point is off its kinks after so many Hessians. Known points
with 1 % of noise have 6e-2 or 7e-5, settled ends 2e-3 and 4e-8 but for some whose kinks are wrong. The smoothed path
has fewer units, for with all of them it takes ten times as long."""

_FIRST_KINKS, _LATER_KINKS = 1e-3, 1e-5
"""Tastes: pre-activations below that share of the unit's largest begin as kinks."""

_STAGES = (12, 25, 40)
"""A taste: Hessians before Newton's method is tried; three quarters of the runs need the first stage only."""

_LEAST_NORM = 1e-12
"""A bound: rounding of a gradient that is summed over a hundred kinks."""

_TRIED, _CLOSE, _FAR = 1e-5, 1e-6, 1e-4
"""Tastes: gradients from which Newton's method is tried, where only multipliers are missing, where kinks are wrong."""

_USABLE, _LOSS_MARGIN = 1e-1, 1e-8
"""Tastes: residual and rise of the loss up to which the next round begins where Newton's method led."""

_MOST = 350
"""A taste: Hessians after which no other round begins, those of smoothed problems aside, which cost a third; most runs
that are certified need fewer than 100."""

_ROUNDING = 1e-15
"""A bound: of a loss of size one."""

_ZERO = 1e-9
"""A taste: class means below are of classes that have died."""


class _StoppedError(Exception):
    """Raised inside `refine` when it is asked to stop."""


def refine(
    problem: RefinedProblem,
    means: Float[np.ndarray, "d K"],
    weights: Sequence[Matrix],
    should_stop: Callable[[], bool] = lambda: False,
    most_loss: float | None = None,
) -> Refined | None:
    """Refine a point.

    Args:
        problem: sizes, regularisation, activation.
        means: M_1, of an end of descent; the better it has settled, the surer and faster.
        weights: W_1..W_L, each (out, in).
        should_stop: polled before every Newton step.
        most_loss: the refined point has no larger loss, and none larger than the given point; None for that alone.

    Returns:
        The point, or None if asked to stop. Where nothing was found below the start it is the start.

    Raises:
        InputError: it is not finite, or would not fit into memory.
    """

    def tick() -> None:
        if should_stop():
            raise _StoppedError

    if not all(np.isfinite(array).all() for array in (means, *weights)):
        raise InputError("no point to refine: it has entries that are not finite")
    require_room(problem)
    slopes, loss = _as_it_is(problem, means, weights)
    alive = np.linalg.norm(means, axis=0) > _ZERO
    if alive.any() and not problem.aim.adds_over_blocks:
        alive[:] = True  # the output of a class that has died still counts in that of the others
    work = _Rounds(problem, (loss if most_loss is None else min(loss, most_loss)) + _ROUNDING, tick)
    excuse = "nothing stationary was found below the start"
    if alive.any():
        with np.errstate(all="ignore"):  # trial steps that run away are refused
            try:
                work.run(means[:, alive], [*weights[:-1], weights[-1][alive]])
            except _StoppedError:
                return None
            except np.linalg.LinAlgError as error:  # a step that ran away so far that it is no number
                excuse = str(error)
    if work.best is None:
        if not alive.any():
            means, weights = np.zeros_like(means), [np.zeros_like(W) for W in weights]
            slopes, _ = _as_it_is(problem, means, weights)
        return Refined.of(problem, means, weights, slopes, work.count, excuse)
    return Refined.full(problem, work.best, alive, work.count)


class _Rounds:
    """The rounds of one point, and the best candidate so far."""

    def __init__(self, problem: RefinedProblem, most_loss: float, tick: Callable[[], None]) -> None:
        self._problem, self._most_loss, self._tick = problem, most_loss, tick
        self.best: Candidate | None = None
        self._last: Candidate | None = None
        self.count = self._smooth = 0

    def run(self, features: Matrix, weights: Sequence[Matrix]) -> None:
        """Round after round until a candidate is good enough."""
        if self._unsettled(features, weights):
            return
        for turn, (small, close) in enumerate(_ROUNDS):
            weights = recombine(self._problem, features, slim(self._problem, features, weights, small, close))
            if any(not len(W) for W in weights):
                return
            network, x = reduced(self._problem, features, weights)
            first = _FIRST_KINKS if turn == 0 else _LATER_KINKS
            descent = Descent(network, x, near_zero(network, network.forward(x), first))
            if self._descend(descent):
                return
            if not _CLOSE < descent.norm < _FAR or turn == len(_ROUNDS) - 1:
                smooth, kinks, count = smoothed_path(network, descent.x, FROM_NEAR, self._tick)
                self.count, self._smooth = self.count + count, self._smooth + count
                if self._keep(attempt(network, smooth, kinks, self._tick)):
                    return
            if self.count - self._smooth > _MOST:
                return
            features, weights = explicit(network, self._further(descent))

    def _further(self, descent: Descent) -> Vector:
        """Where the next round begins: where Newton's method led, unless that is worse."""
        last, network = self._last, descent.network
        if last is None or last.network is not network or last.residual > _USABLE:
            return descent.x
        return last.x if network.loss(last.x) < network.loss(descent.x) + _LOSS_MARGIN else descent.x

    def _unsettled(self, features: Matrix, weights: Sequence[Matrix]) -> bool:
        """From a point whose kinks are not known yet, along smoothed problems; whether that was good enough."""
        network, x = reduced(self._problem, features, slim(self._problem, features, weights, *_ROUNDS[0]))
        descent = Descent(network, x, near_zero(network, network.forward(x), _FIRST_KINKS))
        descent.advance(_LOOK, _LEAST_NORM, self._tick)
        self.count += descent.count
        if descent.norm < _UNSETTLED[0] and network.loss(x) - network.loss(descent.x) < _UNSETTLED[1]:
            return False
        if self._keep(attempt(network, descent.x, descent.kinks, self._tick)):
            return True
        network, x = reduced(self._problem, features, slim(self._problem, features, weights, *_COARSE))
        smooth, kinks, count = smoothed_path(network, x, FROM_AFAR, self._tick)
        self.count, self._smooth = self.count + count, self._smooth + count
        return self._keep(attempt(network, smooth, kinks, self._tick))

    def _descend(self, descent: Descent) -> bool:
        """Stage after stage; whether it came to a candidate that is good enough."""
        for steps in _STAGES:
            before = descent.count
            going = descent.advance(steps, _LEAST_NORM, self._tick)
            self.count += descent.count - before
            tried = descent.norm < _TRIED or not going or steps == _STAGES[-1]
            if tried and self._keep(attempt(descent.network, descent.x, descent.kinks, self._tick)):
                return True
            if not going or descent.norm < _LEAST_NORM:
                break
        return False

    def _keep(self, attempted: tuple[Candidate, int]) -> bool:
        found, count = attempted
        self._last = found
        self.count += count
        if found.network.loss(found.x) <= self._most_loss and (
            self.best is None or found.residual < self.best.residual
        ):
            self.best = found
        return self.best is not None and self.best.residual < CERTIFIED


def _as_it_is(problem: RefinedProblem, means: Matrix, weights: Sequence[Matrix]) -> tuple[list[Matrix], float]:
    """Slopes and loss of a point."""
    h, slopes = means, []
    for W, has_relu in zip(weights[:-1], problem.has_relu, strict=True):
        z = W @ h
        slopes.append(1.0 * (z > 0) if has_relu else np.ones_like(z))
        h = z * slopes[-1]
    return slopes, certificate(problem, means, weights, slopes).loss


def require_room(problem: RefinedProblem) -> None:
    """Refuse what would not fit: at most some five matrices of variables × variables, and rows of all kinks."""
    K, d, L = problem.K, problem.width, problem.L
    rank = min(K, d)
    variables = rank * K + (L - 1) * d * rank + K * rank
    need = 8.0 * (5 * variables**2 + 3 * (L - 1) * d * K * variables)
    sizes = f"refining K {K}, L {L}, width {d} ({variables} unknowns)"
    require_memory(sizes, need, "a smaller --width or --K, or no --refine")

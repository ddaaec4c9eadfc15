"""What was measured of a batch so far, as arrays."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int

from nccli.dufm.measurement import Measurement
from nccli.dufm.result import HistoryPoint
from nccli.metrics.digits import DOUBLE, SINGLE, each_in_precision, loss_in_precision
from nccli.metrics.drift import WINDOW

_NAMES = ("steps", "numbers", "dnc1", "rank")
_TRAJECTORY = ("spectra", "negative_share")
"""Kept at every point only where trajectories are."""


class Histories:
    """Measurements of the runs of a batch, one point after the other, in the digits in which the store keeps them.

    Singular values are kept of the latest points, those that tell whether a run has settled.
    """

    def __init__(
        self, runs: int, points: int, stages: int, classes: int, dtype: str = "float32", trajectory: bool = False
    ) -> None:
        """Room for so many points; more are taken too.

        Args:
            runs: of the batch.
            points: that are expected.
            stages: layers and stages.
            classes: K.
            dtype: in which the runs are computed.
            trajectory: whether singular values and negative shares are kept at every point.
        """
        self._names = _NAMES + _TRAJECTORY * trajectory
        self._kind, self._classes = SINGLE if dtype == "float32" else DOUBLE, classes
        room = points if trajectory else 0
        self._spectra = np.zeros((room, runs, stages, classes), np.float32)
        self._negative_share = np.zeros((room, runs, stages // 2), np.float32)
        self._recent: list[tuple[int, Float[np.ndarray, "runs stages K"]]] = []
        self._count = 0
        self._steps = np.zeros(points, np.int64)
        self._numbers = np.zeros((points, runs, 3))
        self._dnc1 = np.zeros((points, runs, stages))
        self._rank = np.zeros((points, runs, stages), np.int32)

    def add(
        self,
        step: int,
        runs: Int[np.ndarray, " some"],
        measured: Measurement,
        dnc1: Float[np.ndarray, "some stages"],
    ) -> None:
        """Add what was measured of some of the runs at a step; `dnc1` is what is reported as such."""
        if self._count == 0 or self._steps[self._count - 1] != step:
            self._grow()
            self._steps[self._count] = step
            self._numbers[self._count] = np.nan
            self._count += 1
            self._recent = [each for each in self._recent if WINDOW * each[0] >= step]
            self._recent.append((step, np.zeros((*self._rank.shape[1:], self._classes), np.float32)))
        at = self._count - 1
        losses = [loss_in_precision(loss, self._kind) for loss in (measured.fit, measured.reg)]
        self._numbers[at, runs] = np.stack([*losses, each_in_precision(measured.grad_norm, self._kind)], axis=1)
        self._dnc1[at, runs] = each_in_precision(dnc1, self._kind)
        self._rank[at, runs] = measured.rank
        with np.errstate(over="ignore"):  # a run that diverges
            self._recent[-1][1][runs] = measured.spectra
            if self.has_trajectory:
                self._spectra[at, runs] = measured.spectra
                self._negative_share[at, runs] = measured.negative_share

    @property
    def has_trajectory(self) -> bool:
        """Whether singular values are kept at every point."""
        return self._names != _NAMES

    def points(self, run: int) -> tuple[HistoryPoint, ...]:
        """The history of one run, without points that are not finite."""
        found = []
        for at in range(self._count):
            fit, reg, grad_norm = self._numbers[at, run].tolist()
            if np.isfinite((fit, reg, grad_norm)).all():
                dnc1, rank = tuple(self._dnc1[at, run].tolist()), tuple(self._rank[at, run].tolist())
                spectra = self._singular(at, run)
                negative = tuple(self._negative_share[at, run].tolist()) if self.has_trajectory else ()
                step = int(self._steps[at])
                found.append(HistoryPoint(step, fit + reg, fit, reg, grad_norm, dnc1, rank, spectra, negative))
        return tuple(found)

    def _singular(self, at: int, run: int) -> tuple[tuple[float, ...], ...]:
        """Singular values of a point; none where they are not kept, or are not finite in single precision."""
        if not self.has_trajectory and at < self._count - len(self._recent):
            return ()
        spectra = (self._spectra[at] if self.has_trajectory else self._recent[at - self._count][1])[run]
        return tuple(map(tuple, spectra.tolist())) if np.isfinite(spectra).all() else ()

    def first_gradient(self, runs: Int[np.ndarray, " some"]) -> Float[np.ndarray, " some"]:
        """‖∇loss‖ at the initial point."""
        return np.asarray(self._numbers[0, runs, 2])

    def latest(
        self, runs: Int[np.ndarray, " some"]
    ) -> tuple[Float[np.ndarray, " some"], Float[np.ndarray, "some stages"], Int[np.ndarray, "some stages"]]:
        """Loss, DNC1 and rank at the latest point."""
        at = self._count - 1
        loss = self._numbers[at, runs, 0] + self._numbers[at, runs, 1]
        return loss, self._dnc1[at, runs], self._rank[at, runs]

    def arrays(self) -> dict[str, Float[np.ndarray, "..."] | Int[np.ndarray, "..."]]:
        """All of it, for a checkpoint."""
        found = {name: getattr(self, f"_{name}")[: self._count] for name in self._names}
        shape = (len(self._recent), *self._rank.shape[1:], self._classes)
        return {**found, "recent": np.array([spectra for _, spectra in self._recent], np.float32).reshape(shape)}

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray], points: int, dtype: str) -> "Histories":
        """The inverse of `arrays`."""
        count, runs, stages = arrays["dnc1"].shape
        recent = arrays["recent"]
        histories = cls(runs, max(points, count), stages, recent.shape[-1], dtype, "spectra" in arrays)
        histories._count = count
        for name in histories._names:
            getattr(histories, f"_{name}")[:count] = arrays[name]
        steps = histories._steps[count - len(recent) : count].tolist()
        histories._recent = [(step, spectra.copy()) for step, spectra in zip(steps, recent, strict=True)]
        return histories

    def _grow(self) -> None:
        if self._count == len(self._steps):
            for name in self._names:
                array = getattr(self, f"_{name}")
                setattr(self, f"_{name}", np.concatenate([array, np.zeros_like(array[:1])]))


def bytes_a_run(points: int, stages: int, classes: int, trajectory: bool) -> int:
    """Memory of `Histories`: three float64 a point, a float64 and an int32 a stage, float32 of what is singular."""
    kept = points if trajectory else min(points, _RECENT)
    return points * (3 * 8 + stages * 12) + kept * 4 * (stages * classes + stages // 2)


_RECENT = 16 * (WINDOW.bit_length() - 1) + 2
"""A bound: points of the window, as `nccli.training.measure_points` has them."""

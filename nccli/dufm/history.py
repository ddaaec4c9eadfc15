"""What was measured of a batch so far, as arrays."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float, Int

from nccli.dufm.measurement import Measurement
from nccli.dufm.result import HistoryPoint

_NAMES = ("steps", "numbers", "dnc1", "rank")
_TRAJECTORY = ("spectra", "negative_share")
"""Kept only where trajectories are."""


class Histories:
    """Measurements of the runs of a batch, one point after the other."""

    def __init__(self, runs: int, points: int, stages: int, classes: int = 0) -> None:
        """Room for so many points; more are taken too. With `classes` singular values are kept at every point."""
        self._names = _NAMES + _TRAJECTORY * bool(classes)
        self._spectra = np.zeros((points, runs, stages, classes), np.float32)
        self._negative_share = np.zeros((points, runs, stages // 2 * bool(classes)), np.float32)
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
        at = self._count - 1
        self._numbers[at, runs] = np.stack([measured.fit, measured.reg, measured.grad_norm], axis=1)
        self._dnc1[at, runs] = dnc1
        self._rank[at, runs] = measured.rank
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
                spectra = tuple(map(tuple, self._spectra[at, run].tolist())) if self.has_trajectory else ()
                negative = tuple(self._negative_share[at, run].tolist()) if self.has_trajectory else ()
                step = int(self._steps[at])
                found.append(HistoryPoint(step, fit + reg, fit, reg, grad_norm, dnc1, rank, spectra, negative))
        return tuple(found)

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
        return {name: getattr(self, f"_{name}")[: self._count] for name in self._names}

    @classmethod
    def of(cls, arrays: Mapping[str, np.ndarray], points: int) -> "Histories":
        """The inverse of `arrays`."""
        count, runs, stages = arrays["dnc1"].shape
        classes = arrays["spectra"].shape[3] if "spectra" in arrays else 0
        histories = cls(runs, max(points, count), stages, classes)
        histories._count = count
        for name in histories._names:
            getattr(histories, f"_{name}")[:count] = arrays[name]
        return histories

    def _grow(self) -> None:
        if self._count == len(self._steps):
            for name in self._names:
                array = getattr(self, f"_{name}")
                setattr(self, f"_{name}", np.concatenate([array, np.zeros_like(array[:1])]))


def bytes_a_run(points: int, stages: int, classes: int = 0) -> int:
    """Memory of `Histories`: three float64 a point, and a float64 and an int32 a stage; of trajectories float32."""
    return points * (3 * 8 + stages * 12) + points * 4 * (stages * classes + stages // 2 * bool(classes))

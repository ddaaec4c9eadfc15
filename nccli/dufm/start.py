"""Points that runs begin at instead of a random one: stored, exported or constructed, with noise."""

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from nccli.dufm.class_rows import rows_of_classes
from nccli.dufm.config import DufmConfig
from nccli.errors import InputError


@dataclass(frozen=True, eq=False)
class StartPoint:
    """A point in its class form: every sample of a class has its mean.

    Attributes:
        means: M_1, d × K.
        weights: W_1..W_L, each (out, in).
    """

    means: Float[np.ndarray, "d K"]
    weights: tuple[Float[np.ndarray, "_ _"], ...]

    def __post_init__(self) -> None:
        """Refuse what is no point of an L-DUFM."""
        d, K = self.means.shape
        shapes = [(d, d)] * (len(self.weights) - 1) + [(K, d)]
        found = [W.shape for W in self.weights]
        if len(shapes) < 2 or found != shapes:
            raise InputError(f"no point of a DUFM: with M_1 of {d} × {K} the weights are {_listed(found)}")
        if not all(np.isfinite(array).all() for array in (self.means, *self.weights)):
            raise InputError("no point to start from: it has entries that are not finite")

    @property
    def fingerprint(self) -> str:
        """16 hex digits that name the point."""
        digest = hashlib.sha256()
        for array in (self.means, *self.weights):
            digest.update(f"{array.shape}".encode())
            digest.update(np.ascontiguousarray(array, dtype="<f8").tobytes())
        return digest.hexdigest()[:16]

    def require(self, config: DufmConfig) -> None:
        """Refuse a run of other sizes.

        Raises:
            InputError: which size is another.
        """
        d, K = self.means.shape
        for name, own, asked in (("K", K, config.K), ("L", len(self.weights), config.L), ("width", d, config.width)):
            if own != asked:
                raise InputError(f"--from: the point has {name} = {own}, and the run {name} = {asked}: drop --{name}")

    def perturbed(
        self, config: DufmConfig
    ) -> tuple[Float[np.ndarray, "N d"], Float[np.ndarray, "hidden d d"], Float[np.ndarray, "d K"]]:
        """The point as `nccli.dufm.initial.initial_point` returns it, with the noise that the run asks for.

        Each of H_1, W_1, …, W_L gets Gaussian noise of `noise` times its own Frobenius norm, drawn from the seed; H_1
        in every sample, so that with n > 1 runs do not begin collapsed.
        """
        rng = np.random.Generator(np.random.Philox(config.seed))
        features = _noisy(np.repeat(self.means.T, rows_of_classes(config, config.N), axis=0), config.noise, rng)
        *hidden, last = (_noisy(W.T, config.noise, rng) for W in self.weights)
        return features, np.stack(hidden), last

    def as_text(self) -> str:
        """All of it as text, for a job in a file."""
        file = io.BytesIO()
        np.savez_compressed(file, self.means, *self.weights)
        return base64.b64encode(file.getvalue()).decode()

    @classmethod
    def of_text(cls, text: str) -> "StartPoint":
        """The inverse of `as_text`.

        Raises:
            InputError: it is none.
        """
        try:
            with np.load(io.BytesIO(base64.b64decode(text)), allow_pickle=False) as arrays:
                means, *weights = (arrays[name] for name in arrays.files)
        except (ValueError, OSError, EOFError, KeyError, zipfile.BadZipFile) as error:
            raise InputError("a job has a starting point that cannot be read") from error
        return cls(means, tuple(weights))


Points = Mapping[str, StartPoint]
"""Points by fingerprint."""

NOWHERE: Points = MappingProxyType({})


def point_of(config: DufmConfig, points: Points) -> StartPoint | None:
    """Where a run begins; None for a random point.

    Raises:
        InputError: a point that is not there.
    """
    if config.start_print is None:
        return None
    if config.start_print not in points:
        raise InputError(f"the point {config.start_print} ({config.start}) that a run begins at is not there")
    return points[config.start_print]


def _noisy(exact: Float[np.ndarray, "_ _"], noise: float, rng: np.random.Generator) -> Float[np.ndarray, "_ _"]:
    drawn = rng.standard_normal(exact.shape)
    return np.asarray(exact + noise * np.linalg.norm(exact) / np.linalg.norm(drawn) * drawn, dtype=np.float64)


def _listed(shapes: Sequence[tuple[int, ...]]) -> str:
    return ", ".join(" × ".join(map(str, shape)) for shape in shapes) or "none"

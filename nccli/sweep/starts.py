"""Where runs begin that do not begin at random: a stored run, a file of matrices, a construction."""

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from nccli.catalogue.runs import POINT_KINDS, Kind
from nccli.catalogue.stages import When
from nccli.dufm.config import DufmConfig
from nccli.dufm.start import StartPoint
from nccli.errors import InputError
from nccli.store import Stage, Store, find_ids, select_matrices, select_runs
from nccli.sweep.constructions import require_room
from nccli.theory import solve_kind

FREE_KINDS = ("dnc", "srg", "bipartition", "best")
"""Constructions that a problem alone makes."""


@dataclass(frozen=True, eq=False)
class Start:
    """Where all runs of a grid begin.

    Attributes:
        origin: where the point came from, in words: "run d8a0a14b9817", "file point.npz", "srg".
        point: it; None for a construction, which is another for every problem.
        settings: of the run that it came from, as fields of `DufmConfig`.
        spread: largest DNC1 of that run, whose class means are the point; 0 of what has none.
    """

    origin: str
    point: StartPoint | None = None
    settings: Mapping[str, Any] = field(default_factory=dict)
    spread: float = 0.0

    def begin(
        self, configs: Sequence[DufmConfig], noises: Sequence[float]
    ) -> tuple[list[DufmConfig], dict[str, StartPoint]]:
        """The runs, begun there with each noise, and the points by fingerprint.

        Raises:
            InputError: runs of other sizes than the point, or a construction that does not exist or fit.
        """
        begun, points = [], {}
        for config in configs:
            point = self.point or constructed_point(self.origin, config)
            point.require(config)
            points[point.fingerprint] = point
            named = replace(config, start=self.origin, start_print=point.fingerprint)
            begun += [replace(named, noise=noise) for noise in noises]
        return begun, points


def constructed_point(kind: str, config: DufmConfig) -> StartPoint:
    """A construction at its optimal scales, for the problem of a run.

    Raises:
        InputError: there is none for these sizes, or it is the trivial point.
    """
    solution = solve_kind(config.problem, kind, {})
    if solution.trivial:
        raise InputError(f"--from {kind}: with these weight decays it is the trivial point, all zero: a smaller --wd")
    solution.require_width(config.width)
    require_room(solution, config.width)
    weights, features = solution.matrices(config.width)
    return StartPoint(features[:, config.problem.first_samples], tuple(weights))


def stored_start(store: Store, run: str) -> Start:
    """A stored run, trained or constructed, by its id or the start of it.

    Raises:
        InputError: no run whose weights are kept.
        NothingFoundError: no such run.
    """
    with store.read() as connection:
        (key,) = find_ids(connection, [run])
        (row,) = select_runs(connection, [key])
    kind, config = row["kind"], row["config"]
    if kind not in POINT_KINDS:
        raise InputError(f"--from {run}: its kind is {kind}; points are runs of kind dufm or search, and constructions")
    if config.get("bias", "none") != "none":
        raise InputError(f"--from {run}: it has biases, and points that runs begin at have none")
    known = set(DufmConfig.__annotations__) - {"start", "start_print", "noise", "refine", "polish", "until"}
    settings = {name: value for name, value in config.items() if name in known}
    way_out = "--from FILE.npz takes what construct --export writes"
    if kind == Kind.DUFM:
        way_out = "--force --keep weights makes it again, with them"
    return Start(f"run {key}", stored_point(store, key, way_out), settings, row["max_dnc1"] or 0.0)


def stored_point(store: Store, key: str, way_out: str) -> StartPoint:
    """The end point of a run.

    Args:
        store: that has it.
        key: its id.
        way_out: what to do where its weights are not kept.

    Raises:
        InputError: its weights are not kept.
    """
    with store.read() as connection:
        means = select_matrices(connection, key, "class_means").get(Stage(1, When.POST.value))
        weights = select_matrices(connection, key, "weights")
    if means is None or not weights:
        raise InputError(f"run {key} has no weights in the store: {way_out}")
    return StartPoint(means, tuple(weights[stage] for stage in sorted(weights)))


def file_start(path: Path) -> Start:
    """A file of `nccli construct --export`, `train-dufm --export`, `runs export --matrices`, or of one's own.

    It has W_1..W_L and, d × columns as in the paper, M_1, or H_1 with labels 0..K−1.

    Raises:
        InputError: what is missing or cannot be read.
    """
    if path.exists() and not path.is_file():  # a pipe would be waited for
        raise InputError(f"--from '{path}': not a regular file")
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: np.asarray(file[name]) for name in file.files if name[:2] in ("W_", "M_", "H_", "la", "b_")}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "it is no .npz file of matrices"
        raise InputError(f"--from '{path}': {why}") from error
    if any(name.startswith("b_") for name in arrays):
        raise InputError(f"--from '{path}': it has biases, and points that runs begin at have none")
    layers = sorted(int(name[2:]) for name in arrays if name.startswith("W_") and name[2:].isdigit())
    if len(layers) < 2 or layers != list(range(1, len(layers) + 1)):
        raise InputError(f"--from '{path}': it has no W_1, W_2, … (it has {', '.join(arrays)[:80] or 'nothing'})")
    matrices = [_matrix(path, name, arrays) for name in (f"W_{layer}" for layer in layers)]
    means = _class_means(path, arrays)
    try:
        return Start(f"file {path.name}", StartPoint(means, tuple(matrices)))
    except InputError as error:
        raise InputError(f"--from '{path}': {error}") from error


def _class_means(path: Path, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    if "M_1" in arrays:
        return _matrix(path, "M_1", arrays)
    H, labels = _matrix(path, "H_1", arrays), arrays.get("labels")
    if labels is None or labels.shape != H.shape[1:] or labels.dtype.kind not in "iu" or not labels.size:
        raise InputError(f"--from '{path}': H_1 needs labels, an integer 0..K-1 for each of its columns")
    classes = np.unique(labels)
    if classes.tolist() != list(range(classes.size)):
        raise InputError(f"--from '{path}': labels must be 0..K-1, and each must occur")
    return np.stack([H[:, labels == k].mean(axis=1) for k in classes], axis=1)


def _matrix(path: Path, name: str, arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    found = arrays.get(name)
    if found is None or found.ndim != 2 or found.dtype.kind not in "fiu":
        raise InputError(f"--from '{path}': {name} must be a matrix of numbers")
    return found.astype(np.float64)

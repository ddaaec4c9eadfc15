"""Ends of stored descents: what of them the store has for whoever goes on from there."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Float

from nccli.catalogue.runs import ENDED_WELL, FINISHED, Finish, Kind
from nccli.catalogue.stages import When, stages
from nccli.dufm.config import DufmConfig
from nccli.dufm.start import StartPoint
from nccli.errors import InputError
from nccli.store import BIASES, Row, Stage, Store, find_beginnings, select_matrices, select_runs
from nccli.sweep.plan import id_of

Matrices = Mapping[Stage, Float[np.ndarray, "_ _"]]
_FIRST = Stage(1, When.POST.value)


@dataclass(frozen=True, eq=False)
class End:
    """The end of a descent.

    Attributes:
        id: of the run.
        row: its row of table `run`.
        point: class means and weights there; None where the store does not have them.
    """

    id: str
    row: Row
    point: StartPoint | None

    @property
    def diverged(self) -> bool:
        """Whether there is no end to go on from, and never will be."""
        return self.row["status"] not in ENDED_WELL

    @property
    def is_lost(self) -> bool:
        """Whether there is an end, and the store does not have it."""
        return self.point is None and not self.diverged


def ends_of(store: Store, ids: Sequence[str]) -> dict[str, End]:
    """The ends of runs, by id; ids of no run are left out."""
    with store.read() as connection:
        rows = {row["id"]: row for row in select_runs(connection, ids)}
        points = {}
        for key in rows:
            means = select_matrices(connection, key, "class_means").get(_FIRST)
            weights = select_matrices(connection, key, "weights")
            if means is not None and weights:
                points[key] = StartPoint(means, tuple(weights[stage] for stage in sorted(weights)))
    return {key: End(key, row, points.get(key)) for key, row in rows.items()}


def stored_ends(store: Store, configs: Sequence[DufmConfig]) -> dict[str, dict[str, Any]]:
    """Of runs that polish or refine, the ends that they begin with, JSON-ready, by the id of the run that has them.

    Raises:
        InputError: the store has such a run, but not its weights.
    """
    parents = list(dict.fromkeys(id_of(config.plain) for config in configs if config.finishes))
    ends = {key: end for key, end in ends_of(store, parents).items() if end.row["status"] in FINISHED}
    lost = [key for key, end in ends.items() if end.is_lost]
    if lost:
        others = f" and {len(lost) - 1} more are" if len(lost) > 1 else " is"
        raise InputError(
            f"run {lost[0]}{others} stored without weights, and cannot be polished or refined: --force makes such "
            "descents again, with them"
        )
    return {
        key: {
            **{name: end.row[name] for name in ("status", "steps", "loss", "fit", "reg", "grad_norm")},
            "point": None if end.point is None else end.point.as_text(),
        }
        for key, end in ends.items()
    }


def beginnings(store: Store, configs: Sequence[DufmConfig], device: str) -> dict[DufmConfig, Row]:
    """Of those runs that a stored one is the beginning of, the row of that one: the longest, made on this device."""
    asked = {config.without_budget(): config for config in configs}
    found: dict[DufmConfig, Row] = {}
    with store.read() as connection:
        for row in find_beginnings(connection, [(config.K, config.L, config.n) for config in asked]):
            config = _config_of(row)
            longer = None if config is None else asked.get(config.without_budget())
            if longer is None or row["device"] != device or not _goes_on(row, longer):
                continue
            if longer not in found or found[longer]["steps"] < row["steps"]:
                found[longer] = row
    return found


def _goes_on(row: Row, longer: DufmConfig) -> bool:
    """Whether a run ended before a longer one of the same settings may end."""
    plain = row["kind"] == Kind.DUFM and row["finish"] == Finish.PLAIN and row["status"] == "stopped"
    return bool(plain and row["steps"] < longer.most_steps)


def _config_of(row: Row) -> DufmConfig | None:
    """Its configuration; None of one that nccli would not make."""
    try:
        return DufmConfig.from_dict(row["config"])
    except (ValueError, TypeError, KeyError):
        return None


@dataclass(frozen=True, eq=False)
class Whole:
    """All that training goes on from at the end of a run.

    Attributes:
        row: of table `run`.
        features: H_1, d × N; d × K where the run has gone on as its class means.
        weights: W_1..W_L, biases as a last column where it has any.
        moments: of H_1 and of W_1..W_L, `Optimizer.moments` times.
        history: its measurements, in the order of steps.
        dnc1: of its layers, by stage.
    """

    row: Row
    features: Float[np.ndarray, "d rows"]
    weights: tuple[Float[np.ndarray, "_ _"], ...]
    moments: tuple[tuple[Float[np.ndarray, "d rows"], tuple[Float[np.ndarray, "_ _"], ...]], ...]
    history: Sequence[Mapping[str, Any]]
    dnc1: tuple[float, ...]

    @property
    def reduced(self) -> bool:
        """Whether it went on as its class means."""
        return self.row["collapsed_at"] is not None


def whole_end(store: Store, row: Row, moments: int) -> Whole | None:
    """The end of a run whose optimiser remembers so much; None where the store does not have all of it."""
    from nccli.store import select_history, select_layers

    key = row["id"]
    with store.read() as connection:
        means = select_matrices(connection, key, "class_means").get(_FIRST)
        features = select_matrices(connection, key, "features").get(_FIRST)
        weights = _in_order(_with_biases(*(select_matrices(connection, key, name) for name in ("weights", BIASES))))
        kept = [
            (
                select_matrices(connection, key, f"moment{i}_features").get(_FIRST),
                _in_order(select_matrices(connection, key, f"moment{i}_weights")),
            )
            for i in range(1, moments + 1)
        ]
        history = select_history(connection, [key])[key]
        layers = {(layer["layer"], layer["stage"]): layer["dnc1"] for layer in select_layers(connection, [key])[key]}
    if features is None and (row["collapsed_at"] is not None or row["n"] == 1):
        features = means
    if features is None or len(weights) != row["L"] or not history:
        return None
    found = [(of_features, of_weights) for of_features, of_weights in kept if of_features is not None and of_weights]
    if len(found) < moments or set(layers) != set(stages(row["L"])):
        return None
    dnc1 = tuple(float("nan") if layers[stage] is None else layers[stage] for stage in stages(row["L"]))
    return Whole(row, features, weights, tuple(found), history, dnc1)


def _with_biases(weights: Matrices, biases: Matrices) -> Matrices:
    """Weights with their biases as a last column, where there are any."""
    return {stage: np.hstack([W, biases[stage]]) if stage in biases else W for stage, W in weights.items()}


def _in_order(matrices: Mapping[Stage, Float[np.ndarray, "_ _"]]) -> tuple[Float[np.ndarray, "_ _"], ...]:
    return tuple(matrices[stage] for stage in sorted(matrices))

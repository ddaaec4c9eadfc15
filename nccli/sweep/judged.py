"""Points of stored runs, judged by second order, and what the store keeps of that."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nccli.catalogue.options import ActivationName
from nccli.catalogue.runs import ENDED_WELL, POINT_KINDS, Finish, Kind
from nccli.dufm.refined import RefinedProblem
from nccli.dufm.second_order import Judgement, judge
from nccli.dufm.start import StartPoint
from nccli.errors import InputError
from nccli.store import Row, Store
from nccli.sweep.starts import stored_point

_PIECEWISE = (ActivationName.RELU, ActivationName.LINEAR, ActivationName.RELU_LAST)


@dataclass(frozen=True, eq=False)
class JudgedRun:
    """A run with what was found at its point.

    Attributes:
        row: of table `run`.
        problem: of the run.
        point: class means and weights.
        found: the judgement.
    """

    row: Row
    problem: RefinedProblem
    point: StartPoint
    found: Judgement

    @property
    def columns(self) -> dict[str, Any]:
        """What the store keeps of it."""
        found = self.found
        return {
            "verdict": None if found.verdict is None else found.verdict.value,
            "verdict_residual": found.residual,
            "hessian_min": found.smallest[0] if found.smallest else None,
            "hessian_max": found.largest[0] if found.largest else None,
            "hessian_norm": found.norm,
            "negative_directions": found.negative,
            "flat_directions": found.flat,
            "symmetries": found.symmetries,
            "weak_kinks": found.weak_kinks,
            "least_slope": found.least_slope,
            "new_unit_gain": found.gain,
            "verdict_proved": None if found.proved is None else int(found.proved),
        }

    @property
    def record(self) -> dict[str, Any]:
        """JSON-ready: the run, the verdict, all numbers behind it."""
        row, found = self.row, self.found
        about = ("id", "kind", "K", "L", "n", "width", "wd", "activation", "loss", "finish", "outcome", "parent")
        more = {
            "kinks": found.kinks,
            "flat_exits": found.flat_exits,
            "off_kinks": found.off_kinks,
            "eigenvalues": None if found.dense is None else "dense" if found.dense else "lanczos",
            "smallest": list(found.smallest),
            "largest": list(found.largest),
            "ways": [{"way": way.name, "slope": float(way.slope)} for way in found.ways if way.sure],
        }
        return {name: row[name] for name in about} | self.columns | more


def judged_run(store: Store, row: Row, dense: bool | None = None) -> JudgedRun:
    """Judge the point of a run; nothing is written.

    Args:
        store: that has it.
        row: of table `run`.
        dense: as for `nccli.dufm.second_order.judge`.

    Raises:
        InputError: it has no such point, or not its weights, or would not fit into memory.
    """
    problem, point = _problem(row), _point(store, row)
    return JudgedRun(row, problem, point, judge(problem, point.means, point.weights, dense))


def way_on(judged: JudgedRun) -> str | None:
    """What to do about a run that is no stationary point; None for the others."""
    row, plain = judged.row, judged.row["finish"] in (Finish.PLAIN, Finish.POLISHED)
    if judged.found.verdict != "not_stationary":
        return None
    if plain:
        return f"run {row['id']} is the end of a descent, not refined: train-dufm … --refine makes it stationary"
    return None


def _problem(row: Row) -> RefinedProblem:
    key, config = row["id"], row["config"]
    if row["kind"] not in POINT_KINDS:
        raise InputError(
            f"run {key}: its kind is {row['kind']}; --hessian is for kinds dufm and search, and for constructions"
        )
    if row["activation"] not in _PIECEWISE:
        raise InputError(
            f"run {key}: its activation is {row['activation']}; --hessian is for {', '.join(_PIECEWISE)}, whose kinks "
            "it looks at"
        )
    if row["objective"] not in (None, "mse"):
        raise InputError(f"run {key}: its objective is {row['objective']}; --hessian is for mse")
    if row["class_counts"] is not None:
        raise InputError(f"run {key}: its classes are of unequal sizes; --hessian is for classes of one size")
    if config.get("bias", "none") != "none":
        raise InputError(f"run {key}: it has biases; --hessian is for points without")
    if config.get("targets_print"):
        raise InputError(f"run {key}: it has targets of its own; --hessian is for one-hot ones")
    if row["status"] not in ENDED_WELL:
        raise InputError(f"run {key}: its status is {row['status']}, and it has no end to look at")
    wd = (config["wd_h1"], *config["wd_layers"])
    return RefinedProblem(row["K"], row["n"], row["width"], wd, row["activation"])


def _point(store: Store, row: Row) -> StartPoint:
    way_out = "train-dufm --force --keep weights makes it again, with them"
    if row["kind"] == Kind.DUFM.value:
        return stored_point(store, row["id"], way_out)
    try:
        return stored_point(store, row["id"], "")
    except InputError:
        return _constructed(row)


def _constructed(row: Row) -> StartPoint:
    """A construction whose weights are too many to be kept, made again."""
    from nccli.sweep.constructions import require_room
    from nccli.theory import Problem, solve_kind

    config: Mapping[str, Any] = row["config"]
    sizes, linear = (row["K"], row["L"], row["n"]), row["activation"] == ActivationName.LINEAR
    problem = Problem(*sizes, config["wd_h1"], tuple(config["wd_layers"]), row["objective"] or "mse", linear)
    known = ("K", "L", "n", "width", "wd_h1", "wd_layers", "objective", "activation")
    options = {name: value for name, value in config.items() if name not in known}
    try:
        solution = solve_kind(problem, row["kind"], options)
    except (TypeError, KeyError) as error:
        raise InputError(f"run {row['id']} has no weights in the store, and cannot be made from {options}") from error
    require_room(solution, row["width"])
    weights, features = solution.matrices(row["width"])
    return StartPoint(features[:, :: row["n"]], tuple(weights))

"""`nccli compare --path`: how high the loss rises on the way from one stored run to another."""

from typing import TYPE_CHECKING, Any

import numpy as np

from nccli.catalogue.runs import POINT_KINDS, Kind
from nccli.cli.notes import note
from nccli.cli.options import OutputFormat
from nccli.cli.progress import ProgressLine
from nccli.cli.signals import stop_on_signals
from nccli.errors import InputError

if TYPE_CHECKING:
    from nccli.dufm.config import DufmConfig
    from nccli.dufm.paths import Passage, Way
    from nccli.dufm.start import StartPoint
    from nccli.store import Store

_POINTS = 101
"""A taste: places along each path that --points tells, beside the highest."""

_BAR = 30
"""A taste: columns of the bar."""

_COLLAPSED = 1e-6
"""A bound: relative rounding of a loss in float32, up to which class means are all that there is of a run."""

_SAID = {"wd_h1": "λ_H1", "wd_layers": "λ_W"}


def compare_path(
    runs: list[str] | None,
    where: str | None,
    starts: int,
    points: bool,
    store: str | None,
    format: OutputFormat | None,
    quiet: bool,
) -> None:
    """One record of the two runs, or one for each place along the paths."""
    from nccli.cli.output import emit
    from nccli.cli.selection import readable_runs, selected_ids
    from nccli.dufm.paths import passage

    if runs is None and where is None:
        raise InputError("--path leads from one run to another: name two, such as compare --path RUN RUN")
    opened, ids = selected_ids(store, runs, where)
    if len(ids) != 2:
        raise InputError(f"--path leads from one run to another: name two different ones, not {len(ids)}")
    with opened.read() as connection:
        rows = readable_runs(connection, ids)
    found = [(_problem(row), _point(opened, row)) for row in rows]
    (config, first), (other, second) = found
    _require_one_problem(rows, config, other)
    with stop_on_signals() as stop, ProgressLine(quiet, _BAR, "paths") as progress:

        def tell(done: float) -> None:
            if stop():
                raise stop.error("stopped on the way: paths are not stored")
            progress.show(lambda: "paths", lambda: f"{done:.0%} done", done, 1.0)

        passed = passage(config, first, second, starts, tell)
    for row, loss in zip(rows, passed.losses, strict=True):
        if abs(loss - row["loss"]) > _COLLAPSED * loss:
            what = f"its class means stand for its samples, loss {loss:.6g} for {row['loss']:.6g}"
            note(f"run {row['id']} is not collapsed: {what}", quiet)
    if points:
        emit(_points(passed), format, OutputFormat.jsonl, _point_columns())
    else:
        emit([_record(rows, passed)], format, OutputFormat.jsonl, _columns())


def _problem(row: dict[str, Any]) -> "DufmConfig":
    """What a run minimises, as a configuration.

    Raises:
        InputError: it is no L-DUFM.
    """
    from nccli.dufm.config import DufmConfig

    if row["kind"] not in POINT_KINDS:
        raise InputError(f"--path: run {row['id']} is of kind {row['kind']}: paths are for L-DUFMs and constructions")
    config = row["config"]
    if row["class_counts"] is not None:
        raise InputError(f"--path: run {row['id']} has classes of unequal sizes: paths are for classes of one size")
    if config.get("bias", "none") != "none":
        raise InputError(f"--path: run {row['id']} has biases: paths are for points without")
    if config.get("targets_print"):
        raise InputError(f"--path: run {row['id']} has targets of its own: paths are for one-hot ones")
    return DufmConfig(
        **{name: config[name] for name in ("K", "L", "n", "width", "wd_h1")},
        wd_layers=tuple(config["wd_layers"]),
        activation=row["activation"],
        epsilon=config.get("epsilon"),
        objective=config.get("objective", "mse"),
        lr=1.0,
        steps=1,
        seed=0,
    )


def _point(store: "Store", row: dict[str, Any]) -> "StartPoint":
    from nccli.sweep.starts import stored_point

    way_out = "train-dufm --force --keep weights makes it again, with them"
    if row["kind"] != Kind.DUFM:
        way_out = "of constructions those up to 64 KiB are kept, so that a smaller --width has them"
    return stored_point(store, row["id"], way_out)


def _require_one_problem(rows: list[dict[str, Any]], config: "DufmConfig", other: "DufmConfig") -> None:
    """Refuse points of different losses.

    Raises:
        InputError: what differs.
    """
    names = ("K", "L", "n", "wd_h1", "wd_layers", "activation", "epsilon", "objective")
    sides = [
        [f"{_SAID.get(name, name)} {_text(getattr(each, name))}" for each in (config, other)]
        for name in names
        if getattr(config, name) != getattr(other, name)
    ]
    if sides:
        told = "; ".join(f"{one} and {another}" for one, another in sides)
        raise InputError(f"--path: runs {rows[0]['id']} and {rows[1]['id']} are of different problems: {told}")


def _text(value: Any) -> str:
    if isinstance(value, tuple):
        return ",".join(f"{each:g}" for each in value) if len(set(value)) > 1 else f"{value[0]:g}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def _record(rows: list[dict[str, Any]], passed: "Passage") -> dict[str, Any]:
    """Rises are above run A, and above the higher end; positions are shares of the length of a path."""
    a, b = rows
    found = {"id_a": a["id"], "id_b": b["id"], **{name: a[name] for name in ("K", "L", "n", "wd", "wd_h1")}}
    found |= {"wd_layers": a["config"]["wd_layers"], "width_a": a["width"], "width_b": b["width"]}
    found |= {"loss_a": passed.losses[0], "loss_b": passed.losses[1]}
    relaxed = passed.relaxed
    for name, way in (("stored", passed.stored), ("straight", passed.straight), ("relaxed", _lowest(passed))):
        found |= _rises(name, way, passed.losses)
    found |= {"distance": passed.distance, "images": len(_lowest(passed).images)}
    found |= {name: 0 if relaxed is None else getattr(relaxed, name) for name in ("starts", "alike", "steps")}
    saddle = None if relaxed is None else relaxed.saddle
    found["residual"] = None if saddle is None or not np.isfinite(saddle.residual) else saddle.residual
    found["saddle_loss"] = None if saddle is None else saddle.loss
    found["saddle_barrier"] = None if saddle is None or saddle.loss is None else saddle.loss - passed.losses[0]
    found["saddle_residual"] = None if saddle is None else saddle.stationary
    return found


def _lowest(passed: "Passage") -> "Way":
    return passed.straight if passed.relaxed is None else passed.relaxed.way


def _rises(name: str, way: "Way", losses: tuple[float, float]) -> dict[str, float]:
    position, top = way.top
    top = max(top, *losses)
    return {
        f"{name}_barrier": top - losses[0],
        f"{name}_above_higher": top - max(losses),
        f"{name}_position": position,
    }


def _points(passed: "Passage") -> list[dict[str, float]]:
    ways = passed.straight, _lowest(passed)
    positions = np.union1d(np.linspace(0.0, 1.0, _POINTS), [way.top[0] for way in ways])
    straight, relaxed = (way.losses(positions) for way in ways)
    return [
        {"position": float(at), "loss_straight": float(one), "loss_relaxed": float(other)}
        for at, one, other in zip(positions, straight, relaxed, strict=True)
    ]


def _columns() -> list[Any]:
    from nccli.cli.output import Column, number, plain

    rises = [Column(name, number(f"{name}_barrier", 4)) for name in ("stored", "straight", "relaxed", "saddle")]
    return [
        *(Column(name.upper(), plain(f"id_{name}"), left=True) for name in ("a", "b")),
        *(Column(f"loss {name.upper()}", number(f"loss_{name}", 6)) for name in ("a", "b")),
        *rises,
        Column("at", number("relaxed_position", 3)),
        Column("residual", number("residual", 2)),
    ]


def _point_columns() -> list[Any]:
    from nccli.cli.output import Column, number

    names = {"position": "position", "loss_straight": "straight", "loss_relaxed": "relaxed"}
    return [Column(header, number(name, 6)) for name, header in names.items()]

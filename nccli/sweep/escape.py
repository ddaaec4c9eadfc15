"""From a saddle, or a point that is not stationary, down: a step that lowers the loss, a little noise, a descent."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from nccli.catalogue.options import Until
from nccli.catalogue.runs import ENDED_WELL, Kind
from nccli.dufm.config import DufmConfig
from nccli.dufm.second_order import descent_rate, way_down
from nccli.dufm.start import StartPoint
from nccli.store import Store, add_to_run
from nccli.sweep.execute import execute
from nccli.sweep.judged import JudgedRun
from nccli.sweep.plan import id_of, plan_runs
from nccli.sweep.starts import Start
from nccli.sweep.trainers import DufmTrainer
from nccli.training.watch import Watch

_STEPS = 40_000
"""A taste: the first budget, of 20 time constants 1/(lr·λ) at λ = 1e-3; a descent goes on until it has settled."""

_FASTEST = 0.5
"""The step size of Figure 2."""

_NOISE = 1e-3
"""A taste: relative noise at the start, for units that are zero stay so, and more than one of them may be wanted."""


@dataclass(frozen=True)
class Escape:
    """Where a way down led.

    Attributes:
        way: what moved.
        step_loss: loss after the step, before the descent.
        run: id of the refined end.
        descent: id of the descent that was refined.
        status: how that ended; "failed" or "running" where it was cut off.
    """

    way: str
    step_loss: float
    run: str
    descent: str
    status: str


def escape(store: Store, judged: JudgedRun, watch: Watch[Any], device: str = "cpu") -> Escape | None:
    """Leave a point, and store where that leads: a descent and its refined end, `parent` of both the run that was left.

    Args:
        store: where runs go.
        judged: the run to leave.
        watch: who watches the descent.
        device: where it runs.

    Returns:
        None where no way down was found.
    """
    found = way_down(judged.problem, judged.point.means, judged.point.weights, judged.found)
    if found is None:
        return None
    way, (means, weights), loss = found
    point = StartPoint(np.ascontiguousarray(means), tuple(np.ascontiguousarray(W) for W in weights))
    start = Start(f"run {judged.row['id']} left {way}", point)
    (config,), points = start.begin([_config(judged)], [_NOISE])
    texts = {name: each.as_text() for name, each in points.items()}
    parent = judged.row["id"]
    trainer = DufmTrainer(device, keep=("weights",), points=texts)
    statuses = execute(plan_runs([config], store), trainer, store, watch)
    key, plain = id_of(config), id_of(config.plain)
    for run in (plain, key):
        if _stored(store, run):
            add_to_run(store, run, {"parent": parent})
    return Escape(way, loss, key, plain, statuses.get(key, "failed"))


def _config(judged: JudgedRun) -> DufmConfig:
    """The descent: that of the run, or what its problem says; float64, and refined."""
    row, config = judged.row, judged.row["config"]
    rate = min(row["lr"] or _FASTEST, descent_rate(judged.problem, judged.point.means, judged.point.weights))
    own = DufmConfig(
        K=row["K"],
        L=row["L"],
        n=row["n"],
        width=row["width"],
        wd_h1=config["wd_h1"],
        wd_layers=tuple(config["wd_layers"]),
        lr=rate,
        steps=_STEPS,
        seed=row["seed"] if row["kind"] == Kind.DUFM.value and row["seed"] is not None else 0,
        dtype="float64",
        activation=row["activation"],
    )
    return replace(own, until=Until.SETTLED.value, refine=True)


def _stored(store: Store, run: str) -> bool:
    from nccli.store import existing_statuses

    with store.read() as connection:
        return existing_statuses(connection, [run]).get(run) in ENDED_WELL

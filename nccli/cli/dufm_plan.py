"""`train-dufm --dry-run`: the runs, and what their batches cost."""

from collections.abc import Collection
from itertools import groupby
from typing import TYPE_CHECKING, Any

from nccli.catalogue.options import Until
from nccli.catalogue.runs import STEPS_BY
from nccli.cli import options as option
from nccli.cli.notes import note, warn
from nccli.cli.training import Request

if TYPE_CHECKING:
    from nccli.dufm.config import DufmConfig
    from nccli.store import Store
    from nccli.sweep import DufmTrainer, JobSize, Plan


def show_plan(
    plan: "Plan[DufmConfig]", trainer: "DufmTrainer", store: "Store | None", request: Request, size: "JobSize"
) -> None:
    """Print the runs of a grid, and on stderr what their batches cost."""
    from nccli.cli.distinctions import distinctions
    from nccli.cli.output import Column, emit, number, plain
    from nccli.cli.progress import clock_time
    from nccli.dufm.budget import bytes_a_run, bytes_beside, flops_a_step
    from nccli.dufm.duration import Durations
    from nccli.dufm.placement import take_notes, taken_by
    from nccli.sweep import jobs_of, kept_bytes
    from nccli.training.threads import cores

    jobs = jobs_of(plan, trainer, store, warn, size)
    costs: dict[DufmConfig, dict[str, Any]] = {}
    durations = Durations(trainer.device)
    for (_, runs, step), alike in groupby(
        jobs, lambda job: (job.configs[0].batch_key, len(job.configs), job.from_step)
    ):
        same = list(alike)
        begin, end = same[0].part.job + 1, same[-1].part.job + 1
        which, each = (f"batch {end}", "") if len(same) == 1 else (f"batches {begin} to {end}", " each")
        first, steps = same[0].configs[0], same[0].configs[0].most_steps - step
        if first.finishes:
            costs |= {config: {"batch": job.part.job + 1} for job in same for config in job.configs}
            how = "refined, some seconds a run" if first.refine else "polished, a fifth of a descent at most"
            note(f"{which} of {same[0].part.jobs}: {runs} runs{each}, ends of descents {how}", request.quiet)
            continue
        flops = flops_a_step(first) * steps
        memory = bytes_beside(first) + runs * bytes_a_run(first, "trajectory" in trainer.keep)
        seconds = durations.at_most(first, runs, steps)
        kept = kept_bytes(first, trainer.keep)
        cost = {"kept_bytes": kept, "from_step": step, "flops": flops, "batch_seconds": seconds, "batch_bytes": memory}
        costs |= {config: {"batch": job.part.job + 1, **cost} for job in same for config in job.configs}
        by = STEPS_BY[taken_by(first, trainer.device, runs, cores())]
        at_most = "at most " if first.until == Until.SETTLED else ""
        note(
            f"{which} of {same[0].part.jobs}: {runs} runs{each}, K {first.K}, L {first.L}, n {first.n}, "
            f"width {first.width}, {at_most}{steps} steps: {len(same) * runs * flops:.2g} flops, at most "
            f"{clock_time(len(same) * seconds)} on {trainer.device} by {by}, {memory / 2**20:.0f} MiB; "
            f"{_what(trainer.keep)} of a run take {kept / 1024:.3g} KiB of store before compression",
            request.quiet,
        )
    for remark in take_notes(trainer.device):
        note(remark, request.quiet)
    records = (
        {"id": key, "stored": plan.stored.get(key), "batch": None, **costs.get(config, {}), **config.as_dict()}
        | {"command": request.command(config)}
        for key, config in plan.configs.items()
    )
    columns = [Column(name, plain(name)) for name in ("id", "stored", "batch", "K", "L", "n", "width")]
    columns += [Column("λ_H1", number("wd_h1")), Column("lr", number("lr")), Column("seed", plain("seed"))]
    planned = ({"id": key, "kind": config.kind, "config": config.as_dict()} for key, config in plan.configs.items())
    columns += distinctions(planned, ("kind", "K", "L", "n", "width", "wd_h1", "lr", "seed"))
    emit(records, request.format, option.OutputFormat.jsonl, columns)


def _what(keep: Collection[str]) -> str:
    """What is kept of runs beside what always is."""
    return "weights and trajectory" if "trajectory" in keep else "weights"

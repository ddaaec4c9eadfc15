"""`nccli train-dufm`."""

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nccli.catalogue.options import ActivationName, DtypeName, OptimizerName
from nccli.cli import options as option
from nccli.cli.notes import note, warn
from nccli.cli.progress import BATCH_WORDS
from nccli.cli.training import Request, Training, carry_out
from nccli.errors import InputError

if TYPE_CHECKING:
    from nccli.dufm.config import DufmConfig
    from nccli.store import Store
    from nccli.sweep import DufmTrainer, Job, Plan

_TIME_CONSTANTS = 10
"""A bound: of what weight decay alone shrinks, e^−10 = 5e-5 is left after so many, less than a rank's threshold."""


def train_dufm(
    K: option.K = "10",
    L: option.L = "4",
    n: option.n = "5",
    width: Annotated[
        str, typer.Option("--width", metavar=option.LIST, help="Width d.", rich_help_panel=option.GRID)
    ] = "30",
    wd: option.Wd = "4e-3",
    lr: Annotated[
        str | None,
        typer.Option(
            "--lr",
            metavar=option.LIST,
            help="Step size. [default: 0.5; 0.05 with momentum, 1e-3 for adam]",
            rich_help_panel=option.GRID,
            show_default=False,
        ),
    ] = None,
    seed: Annotated[
        str, typer.Option("--seed", metavar=option.LIST, help="Seed of the initial point.", rich_help_panel=option.GRID)
    ] = "0",
    wd_h1: option.WdH1 = None,
    wd_layers: option.WdLayers = None,
    steps: Annotated[int, typer.Option("--steps", help="Step budget.")] = 200_000,
    tol: Annotated[
        float, typer.Option("--tol", help="Stop when the gradient norm is below this fraction of the initial one.")
    ] = 1e-7,
    optimizer: Annotated[
        OptimizerName, typer.Option("--optimizer", help="Way down; the bias of plain gd is what the paper studies.")
    ] = OptimizerName.GD,
    momentum: Annotated[
        float | None,
        typer.Option("--momentum", help="β of heavy-ball and nesterov, β₁ of adam. [default: 0.9]", show_default=False),
    ] = None,
    schedule: Annotated[
        str,
        typer.Option("--schedule", help="Of the step size: constant, linear, cosine, step, step:0.1@0.5,0.75."),
    ] = "constant",
    refine: Annotated[
        bool,
        typer.Option(
            "--refine", help="From the end of the descent, follow Newton's method to a certified stationary point."
        ),
    ] = False,
    reduction: Annotated[
        bool,
        typer.Option(
            "--reduction/--no-reduction", help="Go on as the class means where within-class differences are rounding."
        ),
    ] = True,
    collapse_tol: Annotated[
        float,
        typer.Option(
            "--collapse-tol", help="Go on as the class means below this relative deviation too: an approximation."
        ),
    ] = 0.0,
    activation: Annotated[
        ActivationName,
        typer.Option("--activation", help="relu-last: only the last hidden layer; relu-eps: Definition 7."),
    ] = ActivationName.RELU,
    epsilon: Annotated[
        float | None, typer.Option("--epsilon", help="ε of relu-eps. [default: 0.05]", show_default=False)
    ] = None,
    init_scale: Annotated[float, typer.Option("--init-scale", help="Factor on the initial point.")] = 1.0,
    dtype: Annotated[DtypeName, typer.Option("--dtype", help="Floating-point type.")] = DtypeName.FLOAT32,
    device: Annotated[option.Device, typer.Option("--device", help="Where to train.")] = option.Device.auto,
    store: option.StoreLocation = None,
    format: option.Format = None,
    force: option.Force = False,
    dry_run: option.DryRun = False,
    quiet: option.Quiet = False,
) -> None:
    """Train the L-DUFM by full-batch gradient descent.

    The model is the deep unconstrained features model. A grid of any size is one batched program; every run is stored
    as it ends, and a stored run is returned at once.

    Example: nccli train-dufm --K 10 --L 4 --wd 1e-3..8e-3:4 --seed 0..9 | nccli compare -
    """
    from nccli.cli.problems import problem_grid
    from nccli.dufm.optimizers import OPTIMIZERS
    from nccli.sweep import DufmTrainer, dufm_grid, parse_floats, parse_integers

    if activation is ActivationName.RELU_EPS and epsilon is None:
        epsilon = 0.05
    fixed: dict[str, Any] = {"steps": steps, "tol": tol, "activation": activation.value, "epsilon": epsilon}
    fixed |= {"init_scale": init_scale, "dtype": dtype.value, "optimizer": optimizer.value, "schedule": schedule}
    fixed |= {"collapse_tol": collapse_tol, "refine": refine}
    way = OPTIMIZERS[optimizer.value]
    fixed["momentum"] = way.default_momentum if momentum is None else momentum
    if collapse_tol and not reduction:
        raise InputError("--collapse-tol asks for what --no-reduction forbids")
    configs = dufm_grid(
        problem_grid(K, L, n, wd, wd_h1, wd_layers),
        parse_integers(width, "--width"),
        (way.default_lr,) if lr is None else parse_floats(lr, "--lr"),
        parse_integers(seed, "--seed"),
        fixed,
    )
    _note_short_budget(configs, quiet)
    request = Request(device.value, store, format, force, dry_run, quiet)
    trainer = DufmTrainer(device.value, reduction)
    training = Training(
        trainer,
        BATCH_WORDS,
        "a smaller --lr or --init-scale",
        show=lambda plan, found: _show_plan(plan, trainer, found, request),
        on_records=lambda records: _note_refined(records, quiet),
    )
    carry_out(configs, request, training)


def _note_refined(records: "Sequence[Mapping[str, Any]]", quiet: bool) -> None:
    """Say how far refined runs are from stationary."""
    residuals = [record["residual"] for record in records if record["residual"] is not None]
    if residuals:
        sure = sum(record["residual"] is not None and record["status"] == "converged" for record in records)
        note(
            f"{sure} of {len(residuals)} refined runs are certified stationary; the largest norm of a subgradient is "
            f"{max(residuals):.1e}",
            quiet,
        )


def _note_short_budget(configs: "Sequence[DufmConfig]", quiet: bool) -> None:
    """Say so where weight decay has less than ten of its time constants to act."""
    slowest = max(configs, key=lambda config: config.decay_time)
    wanted = _TIME_CONSTANTS * slowest.decay_time
    if slowest.steps < wanted:
        least = min(slowest.wd_h1, *slowest.wd_layers)
        note(
            f"--steps {slowest.steps} is {slowest.steps / slowest.decay_time:.2g} time constants 1/(lr·λ) of weight "
            f"decay at lr = {slowest.lr:g}, λ = {least:g}; runs settle after about ten, {wanted:.3g} steps",
            quiet,
        )


def _cost_key(job: "Job[DufmConfig]") -> tuple[Any, ...]:
    """What jobs that cost the same have in common: shape, number of runs, steps taken."""
    return job.configs[0].batch_key, len(job.configs), job.from_step


def _show_plan(plan: "Plan[DufmConfig]", trainer: "DufmTrainer", store: "Store | None", request: Request) -> None:
    """Print the runs of a grid, and on stderr what their batches cost."""
    from nccli.cli.output import Column, emit, number, plain
    from nccli.cli.progress import clock_time
    from nccli.dufm.budget import bytes_a_run, bytes_beside, flops_a_step
    from nccli.dufm.compiler import take_remarks
    from nccli.dufm.duration import Durations
    from nccli.sweep import jobs_of

    jobs = jobs_of(plan, trainer, store, warn)
    costs: dict[DufmConfig, dict[str, Any]] = {}
    durations = Durations(trainer.device)
    for (_, runs, step), alike in groupby(
        jobs, lambda job: (job.configs[0].batch_key, len(job.configs), job.from_step)
    ):
        same = list(alike)
        first, steps = same[0].configs[0], same[0].configs[0].steps - step
        flops = flops_a_step(first) * steps
        memory = bytes_beside(first) + runs * bytes_a_run(first)
        seconds = durations.at_most(first, runs, steps)
        cost = {"from_step": step, "flops": flops, "batch_seconds": seconds, "batch_bytes": memory}
        costs |= {config: {"batch": job.part.job + 1, **cost} for job in same for config in job.configs}
        begin, end = same[0].part.job + 1, same[-1].part.job + 1
        which, each = (f"batch {end}", "") if len(same) == 1 else (f"batches {begin} to {end}", " each")
        note(
            f"{which} of {len(jobs)}: {runs} runs{each}, K {first.K}, L {first.L}, n {first.n}, width {first.width}, "
            f"{steps} steps: {len(same) * runs * flops:.2g} flops, at most {clock_time(len(same) * seconds)} on "
            f"{trainer.device}, {memory / 2**20:.0f} MiB",
            request.quiet,
        )
    for remark in take_remarks():
        note(remark, request.quiet)
    records = [
        {"id": key, "stored": plan.stored.get(key), "batch": None, **costs.get(config, {}), **config.as_dict()}
        for key, config in plan.configs.items()
    ]
    columns = [Column(name, plain(name)) for name in ("id", "stored", "batch", "K", "L", "n", "width")]
    columns += [Column("λ_H1", number("wd_h1")), Column("lr", number("lr")), Column("seed", plain("seed"))]
    emit(records, request.format, option.OutputFormat.jsonl, columns)

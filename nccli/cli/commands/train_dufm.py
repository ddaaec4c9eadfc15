"""`nccli train-dufm`."""

from collections.abc import Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nccli.cli import options as option
from nccli.cli.notes import note, warn
from nccli.cli.sweep_notes import existing_store, note_stored, what_went_wrong
from nccli.errors import InputError, SomeRunsFailedError

if TYPE_CHECKING:
    from nccli.dufm.config import DufmConfig
    from nccli.store import Store
    from nccli.sweep import Plan

_TIME_CONSTANTS = 10


class DataType(StrEnum):
    """Floating-point type of the training."""

    float32 = "float32"
    float64 = "float64"


class OptimizerName(StrEnum):
    """Way down."""

    gd = "gd"
    heavy_ball = "heavy-ball"
    nesterov = "nesterov"
    adam = "adam"


_LR = {OptimizerName.gd: "0.5", OptimizerName.adam: "1e-3"}
_LR_MOMENTUM = "0.05"


class ActivationName(StrEnum):
    """Activation pattern."""

    relu = "relu"
    linear = "linear"
    relu_last = "relu-last"
    relu_eps = "relu-eps"


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
    ] = OptimizerName.gd,
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
    ] = ActivationName.relu,
    epsilon: Annotated[
        float | None, typer.Option("--epsilon", help="ε of relu-eps. [default: 0.05]", show_default=False)
    ] = None,
    init_scale: Annotated[float, typer.Option("--init-scale", help="Factor on the initial point.")] = 1.0,
    dtype: Annotated[DataType, typer.Option("--dtype", help="Floating-point type.")] = DataType.float32,
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
    from nccli.store import Store, store_location
    from nccli.sweep import dufm_grid, parse_floats, parse_integers, plan_runs

    if activation is ActivationName.relu_eps and epsilon is None:
        epsilon = 0.05
    fixed: dict[str, Any] = {"steps": steps, "tol": tol, "activation": activation.value, "epsilon": epsilon}
    fixed |= {"init_scale": init_scale, "dtype": dtype.value, "optimizer": optimizer.value, "schedule": schedule}
    fixed |= {"collapse_tol": collapse_tol, "refine": refine}
    if momentum is not None or optimizer is not OptimizerName.gd:
        fixed["momentum"] = 0.9 if momentum is None else momentum
    if collapse_tol and not reduction:
        raise InputError("--collapse-tol asks for what --no-reduction forbids")
    configs = dufm_grid(
        problem_grid(K, L, n, wd, wd_h1, wd_layers),
        parse_integers(width, "--width"),
        parse_floats(_LR.get(optimizer, _LR_MOMENTUM) if lr is None else lr, "--lr"),
        parse_integers(seed, "--seed"),
        fixed,
    )
    _note_short_budget(configs, quiet)
    location = store_location(store)
    if dry_run:
        found = existing_store(location)
        _show_plan(plan_runs(configs, found, force), found, device.value, reduction, format, quiet)
        return
    target = Store.create(location)
    plan = plan_runs(configs, target, force)
    note_stored(plan, quiet)
    _train(plan, target, device.value, reduction, quiet, format)


def _train(
    plan: "Plan[DufmConfig]",
    store: "Store",
    device: str,
    reduction: bool,
    quiet: bool,
    format: option.OutputFormat | None,
) -> None:
    from nccli.cli.output import emit
    from nccli.cli.progress import TrainingProgress
    from nccli.cli.run_table import RUN_COLUMNS
    from nccli.cli.signals import stop_on_signals
    from nccli.store import run_records, select_runs
    from nccli.sweep import SweepWatch, execute_dufm

    with stop_on_signals() as stop:
        with TrainingProgress(quiet) as progress:
            statuses = execute_dufm(
                plan, store, device, SweepWatch(progress, stop, warn, lambda text: note(text, quiet)), reduction
            )
        with store.read() as connection:
            stored = [key for key in plan.configs if key in statuses]
            records = run_records(connection, select_runs(connection, stored))
        _note_refined(records, quiet)
        emit(records, format, option.OutputFormat.ids, RUN_COLUMNS)
        problem = what_went_wrong(plan, statuses, "a smaller --lr or --init-scale")
        if stop():
            raise stop.error(f"interrupted: {problem}; the same command goes on from there")
    if problem:
        raise SomeRunsFailedError(problem)


def _note_refined(records: "Sequence[dict[str, Any]]", quiet: bool) -> None:
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


def _show_plan(
    plan: "Plan[DufmConfig]",
    store: "Store | None",
    device: str,
    reduction: bool,
    format: option.OutputFormat | None,
    quiet: bool,
) -> None:
    """Print the runs of a grid, and on stderr what their batches cost."""
    from nccli.cli.output import Column, emit, number, plain
    from nccli.cli.progress import clock_time
    from nccli.dufm.budget import bytes_a_run, bytes_beside, flops_a_step
    from nccli.dufm.duration import Durations
    from nccli.sweep import jobs_of
    from nccli.training.device import choose_device

    chosen = choose_device(device)
    jobs = jobs_of(list(plan.left.values()), store, chosen, reduction, warn)
    costs: dict[DufmConfig, dict[str, Any]] = {}
    durations = Durations(chosen)
    for index, job in enumerate(jobs, 1):
        first, runs = job.configs[0], len(job.configs)
        flops = flops_a_step(first) * (first.steps - job.step)
        memory = bytes_beside(first) + runs * bytes_a_run(first)
        seconds = durations.at_most(first, runs, first.steps - job.step)
        cost = {"batch": index, "from_step": job.step, "flops": flops, "batch_seconds": seconds, "batch_bytes": memory}
        costs |= dict.fromkeys(job.configs, cost)
        note(
            f"batch {index} of {len(jobs)}: {runs} runs, K {first.K}, L {first.L}, n {first.n}, width {first.width}, "
            f"{first.steps - job.step} steps: {runs * flops:.2g} flops, at most {clock_time(seconds)} on {chosen}, "
            f"{memory / 2**20:.0f} MiB",
            quiet,
        )
    records = [
        {"id": key, "stored": plan.stored.get(key), "batch": None, **costs.get(config, {}), **config.as_dict()}
        for key, config in plan.configs.items()
    ]
    columns = [Column(name, plain(name)) for name in ("id", "stored", "batch", "K", "L", "n", "width")]
    columns += [Column("λ_H1", number("wd_h1")), Column("lr", number("lr")), Column("seed", plain("seed"))]
    emit(records, format, option.OutputFormat.jsonl, columns)

"""`nccli train-e2e`."""

from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nccli.cli import image_options as image_option
from nccli.cli import options as option
from nccli.cli.notes import note, warn
from nccli.cli.sweep_notes import existing_store, note_stored, what_went_wrong
from nccli.errors import InputError, SomeRunsFailedError

if TYPE_CHECKING:
    from nccli.e2e.config import E2eConfig
    from nccli.e2e.images import ImageSet
    from nccli.e2e.result import E2eResult
    from nccli.store import Store
    from nccli.sweep import Plan
    from nccli.training.group import Group

_TIME_CONSTANTS = 10


class Regularisation(StrEnum):
    """What is regularised."""

    dufm = "dufm"
    standard = "standard"


class HeadInit(StrEnum):
    """Initial weights of the head."""

    he = "he"
    default = "default"


def train_e2e(
    dataset: image_option.Dataset = "digits",
    data_dir: image_option.DataDir = None,
    no_download: image_option.NoDownload = False,
    per_class: image_option.PerClass = None,
    backbone: Annotated[
        str,
        typer.Option(
            "--backbone",
            metavar="NAME",
            help="resnet20, small-cnn, mlp, a name of torchvision.models, or pkg.module:factory.",
        ),
    ] = "resnet20",
    reg: Annotated[
        Regularisation,
        typer.Option("--reg", help="dufm: λ on the backbone's output and the head; standard: λ on all parameters."),
    ] = Regularisation.dufm,
    L: option.L = "4",
    width: Annotated[
        str,
        typer.Option("--width", metavar=option.LIST, help="Width of the head.", rich_help_panel=option.GRID),
    ] = "64",
    wd: option.Wd = "5e-3",
    lr: Annotated[
        str, typer.Option("--lr", metavar=option.LIST, help="Learning rate.", rich_help_panel=option.GRID)
    ] = "0.05",
    seed: Annotated[
        str,
        typer.Option("--seed", metavar=option.LIST, help="Seed of all that is drawn.", rich_help_panel=option.GRID),
    ] = "0",
    wd_h1: Annotated[
        float | None,
        typer.Option(
            "--wd-h1",
            help="λ of the features H_1, on the sum over all samples. [default: 5 λ/n, as in the paper]",
            show_default=False,
        ),
    ] = None,
    wd_layers: option.WdLayers = None,
    epochs: Annotated[
        int | None,
        typer.Option(
            "--epochs", help="[default: as many as ten time constants of weight decay take]", show_default=False
        ),
    ] = None,
    batch_size: Annotated[int, typer.Option("--batch-size", help="Of all processes together.")] = 128,
    momentum: Annotated[float, typer.Option("--momentum", help="Of stochastic gradient descent.")] = 0.9,
    schedule: Annotated[
        str, typer.Option("--schedule", help="Of the learning rate: constant, linear, cosine, step, step:0.1@0.5,0.75.")
    ] = "constant",
    clip: Annotated[
        float, typer.Option("--clip", help="Largest norm of a step's gradient; initial features are large. 0: any.")
    ] = 1.0,
    init: Annotated[
        HeadInit,
        typer.Option("--init", help="Of the head: he; default is PyTorch's, which tends to end at zero."),
    ] = HeadInit.he,
    init_scale: Annotated[float, typer.Option("--init-scale", help="Factor on the head's initial weights.")] = 1.0,
    augment: Annotated[
        bool, typer.Option("--augment", help="Random crops and flips; they keep classes from collapsing.")
    ] = False,
    autocast: Annotated[
        bool | None,
        typer.Option(
            "--autocast/--no-autocast",
            help="bfloat16 in the backbone; measured in float32. [default: on a GPU only]",
            show_default=False,
        ),
    ] = None,
    compile: Annotated[bool, typer.Option("--compile", help="Pass the network through torch.compile.")] = False,
    together: Annotated[
        bool | None,
        typer.Option(
            "--together/--one-by-one",
            help="Runs of one shape as one program (mlp, small-cnn). [default: together on a GPU]",
            show_default=False,
        ),
    ] = None,
    export: Annotated[
        Path | None,
        typer.Option(
            "--export", metavar="FILE", help="Write the final network as .safetensors or .pt.", show_default=False
        ),
    ] = None,
    device: Annotated[option.Device, typer.Option("--device", help="Where to train.")] = option.Device.auto,
    store: option.StoreLocation = None,
    format: option.Format = None,
    force: option.Force = False,
    dry_run: option.DryRun = False,
    quiet: option.Quiet = False,
) -> None:
    """Train a backbone with an MLP head on images; measure it.

    The head is L bias-free layers with ReLU between; the loss is the mean squared error to one-hot targets. Under
    torchrun the processes train one network together.

    Example: nccli train-e2e --dataset mnist --per-class 100 --backbone small-cnn --reg dufm | nccli compare -
    """
    from nccli.cli.problems import parse_one
    from nccli.e2e.distributed import joined
    from nccli.sweep import e2e_grid, parse_floats, parse_integers, runs_together
    from nccli.training.device import choose_device

    lists: dict[str, Sequence[Any]] = {
        "L": parse_integers(L, "--L"),
        "width": parse_integers(width, "--width"),
        "wd": parse_floats(wd, "--wd"),
        "lr": parse_floats(lr, "--lr"),
        "seed": parse_integers(seed, "--seed"),
    }
    fixed: dict[str, Any] = {"backbone": backbone, "reg": reg.value, "batch_size": batch_size, "momentum": momentum}
    fixed |= {"schedule": schedule, "init": init.value, "init_scale": init_scale, "augment": augment}
    fixed |= {"autocast": autocast, "clip": clip}
    layers = None if wd_layers is None else [parse_one(part) for part in wd_layers.split(",")]
    if export is not None:
        from nccli.e2e.export import check_export

        check_export(export)
    chosen = choose_device(device.value)
    with joined(chosen) as group:
        quiet = quiet or not group.leads
        images = group.leader_first(lambda: image_option.read_images(dataset, data_dir, no_download, per_class, quiet))
        configs = e2e_grid(images, lists, epochs, wd_h1, layers, fixed)
        _check_backbone(backbone, images)
        _note_problem(configs, quiet)
        at_once = runs_together(configs[0], chosen, group, compile, together)
        _run(configs, images, store, chosen, group, force, dry_run, compile, at_once, export, quiet, format)


def _run(
    configs: "Sequence[E2eConfig]",
    images: "ImageSet",
    location: str | None,
    device: str,
    group: "Group",
    force: bool,
    dry_run: bool,
    compile: bool,
    together: int,
    export: Path | None,
    quiet: bool,
    format: option.OutputFormat | None,
) -> None:
    from nccli.cli.progress import TrainingProgress, epoch_state, epoch_title
    from nccli.cli.signals import stop_on_signals
    from nccli.store import Store, store_location
    from nccli.sweep import E2eSweepWatch, execute_e2e, plan_runs

    if dry_run:
        if group.leads:
            _show_plan(plan_runs(configs, existing_store(store_location(location)), force), format)
        return
    target = group.leader_does(lambda: Store.create(store_location(location)))
    plan = group.from_leader(group.leader_does(lambda: plan_runs(configs, target, force)))
    if export is not None:
        _check_export_is_one(plan)
    note_stored(plan, quiet)

    def on_result(result: "E2eResult") -> None:
        if result.trivial:
            warn(_trivial(result))
        if export is not None and result.status == "stopped":
            from nccli.e2e.export import export_model

            export_model(export, result.model, result.config)

    with stop_on_signals() as stop:
        with TrainingProgress(quiet, epoch_title, epoch_state) as progress:
            watch = E2eSweepWatch(progress, stop, warn, lambda text: note(text, quiet), on_result)
            statuses = execute_e2e(plan, images, target, device, watch, group, compile, together)
        problem = what_went_wrong(plan, statuses, "a smaller --lr")
        if group.leads and target is not None:
            _print(target, [key for key in plan.configs if key in statuses], format)
        if stop():
            raise stop.error(f"interrupted: {problem}; the same command goes on from there" if group.leads else "")
    if problem:
        raise SomeRunsFailedError(problem if group.leads else "")


def _print(store: "Store", ids: list[str], format: option.OutputFormat | None) -> None:
    from nccli.cli.output import emit
    from nccli.cli.run_table import RUN_COLUMNS
    from nccli.store import run_records, select_runs

    with store.read() as connection:
        records = run_records(connection, select_runs(connection, ids))
    emit(records, format, option.OutputFormat.ids, RUN_COLUMNS)


def _check_backbone(name: str, images: "ImageSet") -> None:
    """Build it once, before anything is stored."""
    import torch

    from nccli.e2e.backbones import build_backbone

    _, C, H, W = images.train.images.shape
    with torch.random.fork_rng(devices=[]):
        build_backbone(name, (C, H, W))


def _check_export_is_one(plan: "Plan[E2eConfig]") -> None:
    if len(plan.configs) != 1:
        raise InputError(f"--export: the grid has {len(plan.configs)} runs, and one file takes one network")
    if plan.stored:
        (key,) = plan.configs
        raise InputError(f"--export: run {key} is in the store, which keeps no weights: --force trains it again")


def _note_problem(configs: "Sequence[E2eConfig]", quiet: bool) -> None:
    """Say what cannot end well: too few steps, or weight decay that makes zero the optimum."""
    from nccli.e2e.config import enough_epochs
    from nccli.theory import TRIVIAL_LOSS, solve_dnc, solve_srg

    short = [config for config in configs if config.steps < 0.999 * _TIME_CONSTANTS * config.decay_time]
    if short:
        worst = max(short, key=lambda config: config.decay_time / config.steps)
        enough = enough_epochs(worst.lr, worst.momentum, worst.schedule, min(worst.wd_layers), worst.steps_per_epoch)
        note(
            f"--epochs {worst.epochs} is {worst.steps / worst.decay_time:.2g} time constants (1-β)/(lr·λ) of weight "
            f"decay at lr = {worst.lr:g}, λ = {min(worst.wd_layers):g}; runs settle after about ten: --epochs {enough}",
            quiet,
        )
    for problem in dict.fromkeys(config.problem for config in configs if config.problem is not None):
        srg = solve_srg(problem)
        least = min([solve_dnc(problem).loss, *([srg.loss] if srg else [])])
        if least >= TRIVIAL_LOSS * (1 - 1e-9):
            note(
                f"λ = {problem.lambda_w[0]:g}, λ_H1 = {problem.lambda_h1:g}: DNC and SRG have no loss below that of "
                "the zero network; a smaller --wd or --wd-h1",
                quiet,
            )


def _trivial(result: "E2eResult") -> str:
    config = result.config
    who = f"seed {config.seed}, λ = {max(config.wd_layers):g}"
    fits = f"the fit is {result.fit:.4f}, that of a constant output {0.5 * (1 - 1 / config.K):.4f}, of zero 0.5"
    if config.steps < config.decay_time:
        return f"{who} is still at the trivial point after {config.steps} steps: {fits}. More --epochs may help"
    hint = "--init he" if config.init == "default" else "a smaller --wd, a larger --init-scale or a smaller --lr"
    return f"{who} ended at the trivial point: {fits}; weight decay won before the fit grew. Try {hint}"


def _show_plan(plan: "Plan[E2eConfig]", format: option.OutputFormat | None) -> None:
    from nccli.cli.output import Column, emit, number, plain

    records = [
        {"id": key, "stored": plan.stored.get(key), "steps": config.steps, **config.as_dict()}
        for key, config in plan.configs.items()
    ]
    columns = [Column(name, plain(name)) for name in ("id", "stored", "dataset", "n", "backbone", "reg", "L", "width")]
    columns += [Column("λ_H1", number("wd_h1")), Column("lr", number("lr")), Column("seed", plain("seed"))]
    columns += [Column("epochs", plain("epochs")), Column("steps", plain("steps"))]
    emit(records, format, option.OutputFormat.jsonl, columns)

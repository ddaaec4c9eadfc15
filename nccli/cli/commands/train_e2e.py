"""`nccli train-e2e`."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nccli.catalogue.options import HeadInit, Precision, Regularisation
from nccli.catalogue.recipe import CLIP, LEARNING_RATE, LR_RISE, MOMENTUM, SCHEDULE, TIME_CONSTANTS
from nccli.cli import image_options as image_option
from nccli.cli import options as option
from nccli.cli.e2e_notes import note_problem, trivial_end
from nccli.cli.notes import note, warn
from nccli.cli.progress import NETWORK_WORDS
from nccli.cli.training import Request, Training, carry_out
from nccli.errors import InputError
from nccli.outputs import Output

if TYPE_CHECKING:
    from nccli.e2e.config import E2eConfig
    from nccli.e2e.images import ImageSet
    from nccli.store import FinishedRun
    from nccli.sweep import Plan

_EXPORTS = (".safetensors", ".pt")

DEFAULT_PRECISION = Precision.FLOAT32
"""On every device: that runs in TF32 or bfloat16 end as those in float32 do was not measured."""


def train_e2e(
    dataset: image_option.Dataset = "digits",
    data_dir: image_option.DataDir = None,
    no_download: image_option.NoDownload = False,
    per_class: image_option.PerClass = None,
    dataset_name: image_option.DatasetName = None,
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
    ] = Regularisation.DUFM,
    L: option.L = "4",
    width: Annotated[
        str,
        typer.Option("--width", metavar=option.LIST, help="Width of the head.", rich_help_panel=option.GRID),
    ] = "64",
    wd: option.Wd = "5e-3",
    lr: Annotated[
        str, typer.Option("--lr", metavar=option.LIST, help="Learning rate.", rich_help_panel=option.GRID)
    ] = f"{LEARNING_RATE:g}",
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
    steps: Annotated[
        int | None,
        typer.Option("--steps", help="Of gradient descent. [default: see --time-constants]", show_default=False),
    ] = None,
    epochs: Annotated[
        int | None,
        typer.Option("--epochs", help="The same in passes over the training set.", show_default=False),
    ] = None,
    time_constants: Annotated[
        float | None,
        typer.Option(
            "--time-constants",
            help="The same in time constants of weight decay, 1/(lr λ/(1 − momentum)) steps each, longer with a "
            f"schedule or a rise. [default: {TIME_CONSTANTS:g}]",
            show_default=False,
        ),
    ] = None,
    batch_size: Annotated[
        int,
        typer.Option(
            "--batch-size",
            help="Samples of every step, of all processes together; what an epoch has left over begins the next.",
        ),
    ] = 128,
    momentum: Annotated[float, typer.Option("--momentum", help="Of stochastic gradient descent.")] = MOMENTUM,
    schedule: Annotated[
        str, typer.Option("--schedule", help="Of the learning rate: constant, linear, cosine, step, step:0.1@0.5,0.75.")
    ] = SCHEDULE,
    lr_rise: Annotated[
        float, typer.Option("--lr-rise", metavar="SHARE", help="Of the steps, in which the learning rate rises from 0.")
    ] = LR_RISE,
    wd_rise: Annotated[
        float,
        typer.Option("--wd-rise", metavar="SHARE", help="Of the steps, in which every λ rises from a tenth of itself."),
    ] = 0.0,
    clip: Annotated[
        float, typer.Option("--clip", help="Largest norm of a step's gradient; initial features are large. 0: any.")
    ] = CLIP,
    init: Annotated[
        HeadInit,
        typer.Option("--init", help="Of the head: he; default is PyTorch's, which tends to end at zero."),
    ] = HeadInit.HE,
    init_scale: Annotated[float, typer.Option("--init-scale", help="Factor on the head's initial weights.")] = 1.0,
    feature_scale: Annotated[
        float,
        typer.Option(
            "--feature-scale",
            help="Mean square of H_1 at the start over that of DNC (resnet20, small-cnn). 0: as it comes.",
        ),
    ] = 0.0,
    augment: Annotated[
        bool, typer.Option("--augment", help="Random crops and flips; they keep classes from collapsing.")
    ] = False,
    precision: Annotated[
        Precision | None,
        typer.Option(
            "--precision",
            help="Of training: float32, tf32 (products, on a GPU) or bf16 (bfloat16 in the backbone); measured in "
            f"float32. [default: {DEFAULT_PRECISION}]",
            show_default=False,
        ),
    ] = None,
    autocast: Annotated[
        bool | None,
        typer.Option("--autocast/--no-autocast", help="Now --precision bf16 or float32.", hidden=True),
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
    from nccli.e2e.duration import Duration
    from nccli.store import store_file
    from nccli.sweep import parse_floats, parse_integers

    duration = Duration(steps, epochs, time_constants)
    source = image_option.image_source(dataset, data_dir, no_download, per_class, dataset_name)
    output = None
    if export is not None:
        output = Output("--export", export, store_file(store), _EXPORTS, (source.place,))
        output.require()
    lists: dict[str, Sequence[Any]] = {
        "L": parse_integers(L, "--L"),
        "width": parse_integers(width, "--width"),
        "wd": parse_floats(wd, "--wd"),
        "lr": parse_floats(lr, "--lr"),
        "seed": parse_integers(seed, "--seed"),
    }
    fixed: dict[str, Any] = {"backbone": backbone, "reg": reg.value, "batch_size": batch_size, "momentum": momentum}
    fixed |= {"schedule": schedule, "init": init.value, "init_scale": init_scale, "augment": augment}
    fixed |= {"clip": clip, "precision": _precision(precision, autocast, quiet)}
    fixed |= {"lr_rise": lr_rise, "wd_rise": wd_rise, "feature_scale": feature_scale}
    layers = None if wd_layers is None else [parse_one(part) for part in wd_layers.split(",")]
    from nccli.e2e.distributed import joined
    from nccli.sweep import E2eTrainer, e2e_grid, runs_together
    from nccli.training.device import choose_device

    chosen = choose_device(device.value)
    with joined(chosen) as group:
        quiet = quiet or not group.leads
        images = group.leader_first(lambda: image_option.read_images(source, quiet))
        configs = e2e_grid(images, lists, duration, wd_h1, layers, fixed)
        _check_network(configs, images, chosen)
        note_problem(configs, quiet)
        at_once = runs_together(configs[0], chosen, group, compile, together)
        trainer = E2eTrainer(images, chosen, source, at_once, compile, output, group)
        request = Request(chosen, store, format, force, dry_run, quiet)
        training = Training(
            trainer,
            NETWORK_WORDS,
            "a smaller --lr",
            show=lambda plan, _: _show_plan(plan, format),
            check=(lambda plan: None) if export is None else _check_export_is_one,
            on_run=_warn_of_trivial_end,
        )
        carry_out(configs, request, training, group)


def _precision(asked: Precision | None, autocast: bool | None, quiet: bool) -> str:
    """What was asked for, by its name of today or that of before."""
    if autocast is None:
        return (asked or DEFAULT_PRECISION).value
    meant = Precision.BF16 if autocast else Precision.FLOAT32
    old = "--autocast" if autocast else "--no-autocast"
    if asked not in (None, meant):
        raise InputError(f"{old} is --precision {meant}, and --precision {asked} says otherwise: leave it out")
    note(f"{old} is called --precision {meant} now", quiet)
    return meant.value


def _warn_of_trivial_end(run: "FinishedRun") -> None:
    from nccli.e2e.config import E2eConfig
    from nccli.e2e.result import ended_trivially

    config = E2eConfig.from_dict(dict(run.config))
    if ended_trivially(config, run.row["status"], run.row["fit"], run.layers):
        warn(trivial_end(config, run.row["fit"]))


def _check_network(configs: "Sequence[E2eConfig]", images: "ImageSet", device: str) -> None:
    """Build the backbone once, and see that it can do what is asked and the head fits, before anything is stored."""
    import torch

    from nccli.e2e.backbones import build_backbone
    from nccli.e2e.budget import require_room
    from nccli.e2e.feature_scale import wanted_square
    from nccli.e2e.input_used import require_input_used
    from nccli.e2e.precision import require_precision

    _, C, H, W = images.train.images.shape
    require_precision(configs[0].precision, device)
    with torch.random.fork_rng(devices=[]):
        backbone, features = build_backbone(configs[0].backbone, (C, H, W))
    require_input_used(configs[0].backbone, backbone, images.train)
    if configs[0].feature_scale:
        for config in configs:
            wanted_square(backbone, config)
    for config in {(config.L, config.width): config for config in configs}.values():
        require_room(config, features, device)


def _check_export_is_one(plan: "Plan[E2eConfig]") -> None:
    if len(plan.configs) != 1:
        raise InputError(f"--export: the grid has {len(plan.configs)} runs, and one file takes one network")
    if plan.stored:
        (key,) = plan.configs
        raise InputError(f"--export: run {key} is in the store, which keeps no weights: --force trains it again")


_LENGTHS = ("steps", "epochs", "time_constants")


def _show_plan(plan: "Plan[E2eConfig]", format: option.OutputFormat | None) -> None:
    from nccli.cli.output import Column, emit, number, plain

    records = [
        {"id": key, "stored": plan.stored.get(key), **{name: getattr(config, name) for name in _LENGTHS}}
        | config.as_dict()
        for key, config in plan.configs.items()
    ]
    columns = [Column(name, plain(name)) for name in ("id", "stored", "dataset", "n", "backbone", "reg", "L", "width")]
    columns += [Column("λ_H1", number("wd_h1")), Column("lr", number("lr")), Column("seed", plain("seed"))]
    columns += [Column("steps", plain("steps")), Column("epochs", plain("epochs"))]
    columns += [Column("time constants", number("time_constants"))]
    emit(records, format, option.OutputFormat.jsonl, columns)

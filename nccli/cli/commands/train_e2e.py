"""`nccli train-e2e`."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nccli.catalogue.options import HeadInit, ObjectiveName, Precision, Regularisation
from nccli.catalogue.recipe import CLIP, LEARNING_RATE, LR_RISE, MOMENTUM, SCHEDULE, TIME_CONSTANTS
from nccli.cli import image_options as image_option
from nccli.cli import options as option
from nccli.cli.class_sizes import require_one_way
from nccli.cli.e2e_notes import note_problem, trivial_end
from nccli.cli.hands import Detach, ExecutorName, ExecutorOption, Hands, Jobs, Name, Slurm
from nccli.cli.notes import note, warn
from nccli.cli.progress import NETWORK_WORDS
from nccli.cli.run_command import as_asked, e2e_command
from nccli.cli.training import Request, Training, carry_out
from nccli.errors import InputError
from nccli.outputs import Output

if TYPE_CHECKING:
    from nccli.e2e.config import E2eConfig
    from nccli.e2e.duration import Duration
    from nccli.e2e.images import ImageSet
    from nccli.store import FinishedRun
    from nccli.sweep import E2eTrainer, Plan

_EXPORTS = (".safetensors", ".pt")

DEFAULT_PRECISION = Precision.FLOAT32
"""On every device: that runs in TF32 or bfloat16 end as those in float32 do was not measured."""


def train_e2e(
    context: typer.Context,
    dataset: image_option.Dataset = "digits",
    data_dir: image_option.DataDir = None,
    no_download: image_option.NoDownload = False,
    per_class: image_option.PerClass = None,
    class_counts: image_option.ClassCounts = None,
    imbalance: image_option.Imbalance = None,
    dataset_name: image_option.DatasetName = None,
    backbone: Annotated[
        str,
        option.values("--backbone", "resnet20, small-cnn, mlp, a name of torchvision.models, or pkg.module:factory."),
    ] = "resnet20",
    reg: Annotated[
        str,
        option.words("--reg", Regularisation, "{}: λ on the backbone's output and the head, or on all parameters."),
    ] = Regularisation.DUFM.value,
    L: option.L = "4",
    width: Annotated[
        str,
        option.values("--width", "Width of the head."),
    ] = "64",
    wd: option.Wd = "5e-3",
    objective: option.Loss = ObjectiveName.MSE.value,
    lr: Annotated[str, option.values("--lr", "Learning rate.")] = f"{LEARNING_RATE:g}",
    seed: Annotated[
        str,
        option.values("--seed", "Seed of all that is drawn."),
    ] = "0",
    wd_h1: Annotated[
        str | None,
        option.values(
            "--wd-h1",
            "λ of the features H_1, on the sum over all samples. [default: 5 λ/n, as in the paper]",
            shown=False,
        ),
    ] = None,
    wd_layers: option.WdLayers = None,
    steps: Annotated[
        str | None,
        option.values("--steps", "Of gradient descent. [default: see --time-constants]", shown=False),
    ] = None,
    epochs: Annotated[
        str | None,
        option.values("--epochs", "The same in passes over the training set.", shown=False),
    ] = None,
    time_constants: Annotated[
        str | None,
        option.values(
            "--time-constants",
            "The same in time constants of weight decay, 1/(lr λ/(1 − momentum)) steps each, longer with a "
            f"schedule or a rise. [default: {TIME_CONSTANTS:g}]",
            shown=False,
        ),
    ] = None,
    batch_size: Annotated[
        str,
        option.values(
            "--batch-size",
            "Samples of every step, of all processes together; what an epoch has left over begins the next.",
        ),
    ] = "128",
    momentum: Annotated[
        str,
        option.values("--momentum", "Of stochastic gradient descent."),
    ] = f"{MOMENTUM:g}",
    schedule: Annotated[
        list[str],
        typer.Option(
            "--schedule",
            metavar="NAME",
            help="Of the learning rate: constant, linear, cosine, step, step:0.1@0.5,0.75; repeated, a grid of them.",
            rich_help_panel=option.GRID,
        ),
    ] = [SCHEDULE],  # noqa: B006  # typer copies it
    lr_rise: Annotated[
        str,
        option.values("--lr-rise", "Share of the steps, in which the learning rate rises from 0."),
    ] = f"{LR_RISE:g}",
    wd_rise: Annotated[
        str,
        option.values("--wd-rise", "Share of the steps, in which every λ rises from a tenth of itself."),
    ] = "0",
    clip: Annotated[
        str,
        option.values("--clip", "Largest norm of a step's gradient; initial features are large. 0: any."),
    ] = f"{CLIP:g}",
    init: Annotated[
        str,
        option.words("--init", HeadInit, "Of the head: {}; default is PyTorch's, which tends to end at zero."),
    ] = HeadInit.HE.value,
    init_scale: Annotated[
        str,
        option.values("--init-scale", "Factor on the head's initial weights."),
    ] = "1",
    feature_scale: Annotated[
        str,
        option.values(
            "--feature-scale", "Mean square of H_1 at the start over that of DNC (resnet20, small-cnn). 0: as it comes."
        ),
    ] = "0",
    augment: Annotated[
        bool, typer.Option("--augment", help="Random crops and flips; they keep classes from collapsing.")
    ] = False,
    precision: Annotated[
        str | None,
        option.words(
            "--precision",
            Precision,
            f"Of training: {{}} (tf32: products, on a GPU; bf16: bfloat16 in the backbone); measured in float32. "
            f"[default: {DEFAULT_PRECISION}]",
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
    jobs: Jobs = None,
    executor: ExecutorOption = ExecutorName.local,
    slurm: Slurm = None,
    name: Name = None,
    detach: Detach = False,
    tag: option.Tag = None,
    store: option.StoreLocation = None,
    format: option.Format = None,
    force: option.Force = False,
    dry_run: option.DryRun = False,
    quiet: option.Quiet = False,
) -> None:
    """Train a backbone with an MLP head on images; measure it.

    The head is L bias-free layers with ReLU between; the loss is the mean squared error to one-hot targets, or the
    cross-entropy. Under torchrun the processes train one network together.

    Example: nccli train-e2e --dataset mnist --per-class 100 --backbone small-cnn --reg dufm | nccli compare -
    """
    from nccli.cli.problems import parse_layers
    from nccli.store import store_file
    from nccli.sweep import parse_floats, parse_integers, parse_names, parse_words

    require_one_way(context, "per_class")
    of_data = (dataset, data_dir, no_download, per_class, dataset_name)
    source = image_option.image_source(*of_data, class_counts, imbalance)
    output = None
    if export is not None:
        output = Output("--export", export, store_file(store), _EXPORTS, (source.place,))
        output.require()
    durations = _durations(steps, epochs, time_constants)
    lists: dict[str, Sequence[Any]] = {
        "backbone": parse_names(backbone, "--backbone"),
        "reg": parse_words(reg, "--reg", tuple(Regularisation)),
        "L": parse_integers(L, "--L"),
        "width": parse_integers(width, "--width"),
        "wd": parse_floats(wd, "--wd"),
        "objective": parse_words(objective, "--loss", tuple(ObjectiveName)),
        "wd_h1": (None,) if wd_h1 is None else parse_floats(wd_h1, "--wd-h1"),
        "wd_layers": parse_layers(wd_layers) or (None,),
        "lr": parse_floats(lr, "--lr"),
        "batch_size": parse_integers(batch_size, "--batch-size"),
        "momentum": parse_floats(momentum, "--momentum"),
        "schedule": tuple(dict.fromkeys(schedule)),
        "lr_rise": parse_floats(lr_rise, "--lr-rise"),
        "wd_rise": parse_floats(wd_rise, "--wd-rise"),
        "clip": parse_floats(clip, "--clip"),
        "init": parse_words(init, "--init", tuple(HeadInit)),
        "init_scale": parse_floats(init_scale, "--init-scale"),
        "feature_scale": parse_floats(feature_scale, "--feature-scale"),
        "precision": _precisions(precision, autocast, quiet),
        "seed": parse_integers(seed, "--seed"),
    }
    from nccli.e2e.distributed import joined
    from nccli.sweep import E2eTrainer, e2e_grid, runs_together

    hands = Hands.of(jobs, executor, slurm, name, detach)
    chosen = hands.device(device.value)
    here = "cpu" if hands.are_elsewhere else chosen
    with joined(here) as group:
        quiet = quiet or not group.leads
        asked = as_asked(context)
        images = group.leader_first(lambda: image_option.read_images(source, quiet))
        configs = e2e_grid(images, lists, durations, {"augment": augment})
        _check_network(configs, images, chosen, here)
        note_problem(configs, quiet)
        at_once = min(runs_together(config, chosen, group, compile, together) for config in configs)
        trainer = E2eTrainer(images, chosen, source, at_once, compile, output, group)
        request = Request(chosen, store, format, force, dry_run, quiet, tag, hands)
        training = Training(
            trainer,
            NETWORK_WORDS,
            "a smaller --lr",
            show=lambda plan, *_: _show_plan(plan, trainer, request),
            check=(lambda plan: None) if export is None else _check_export_is_one,
            on_run=_warn_of_trivial_end,
        )
        request = replace(request, command=lambda config: e2e_command(config, asked))
        carry_out(configs, request, training, group)


def _durations(steps: str | None, epochs: str | None, time_constants: str | None) -> "list[Duration]":
    """How long runs are: one of three lists, or none."""
    from nccli.e2e.duration import Duration
    from nccli.sweep import parse_floats, parse_integers

    lists = (
        (None,) if steps is None else parse_integers(steps, "--steps"),
        (None,) if epochs is None else parse_integers(epochs, "--epochs"),
        (None,) if time_constants is None else parse_floats(time_constants, "--time-constants"),
    )
    return [Duration(*values) for values in product(*lists)]


def _precisions(asked: str | None, autocast: bool | None, quiet: bool) -> tuple[str, ...]:
    """What was asked for, by its name of today or that of before."""
    from nccli.sweep import parse_words

    words = None if asked is None else parse_words(asked, "--precision", tuple(Precision))
    if autocast is None:
        return words or (DEFAULT_PRECISION.value,)
    meant = Precision.BF16 if autocast else Precision.FLOAT32
    old = "--autocast" if autocast else "--no-autocast"
    if words not in (None, (meant.value,)):
        raise InputError(f"{old} is --precision {meant}, and --precision {asked} says otherwise: leave it out")
    note(f"{old} is called --precision {meant} now", quiet)
    return (meant.value,)


def _warn_of_trivial_end(run: "FinishedRun") -> None:
    from nccli.e2e.config import E2eConfig
    from nccli.e2e.result import ended_trivially

    config = E2eConfig.from_dict(dict(run.config))
    if ended_trivially(config, run.row["status"], run.row["fit"], run.layers):
        warn(trivial_end(config, run.row["fit"]))


def _check_network(configs: "Sequence[E2eConfig]", images: "ImageSet", device: str, here: str) -> None:
    """Build every backbone once, and see that it can do what is asked and the head fits, before anything is stored."""
    import torch

    from nccli.e2e.backbones import build_backbone
    from nccli.e2e.budget import require_room
    from nccli.e2e.feature_scale import wanted_square
    from nccli.e2e.input_used import require_input_used
    from nccli.e2e.precision import require_precision

    _, C, H, W = images.train.images.shape
    for precision in dict.fromkeys(config.precision for config in configs):
        require_precision(precision, device)
    for name in dict.fromkeys(config.backbone for config in configs):
        with torch.random.fork_rng(devices=[]):
            backbone, features = build_backbone(name, (C, H, W))
        require_input_used(name, backbone, images.train)
        own = [config for config in configs if config.backbone == name]
        for config in own:
            if config.feature_scale:
                wanted_square(backbone, config)
        for config in {(config.L, config.width, config.batch): config for config in own}.values():
            require_room(config, features, here)


def _check_export_is_one(plan: "Plan[E2eConfig]") -> None:
    if len(plan.configs) != 1:
        raise InputError(f"--export: the grid has {len(plan.configs)} runs, and one file takes one network")
    if plan.stored:
        (key,) = plan.configs
        raise InputError(f"--export: run {key} is in the store, which keeps no weights: --force trains it again")


_LENGTHS = ("steps", "epochs", "time_constants")


def _show_plan(plan: "Plan[E2eConfig]", trainer: "E2eTrainer", request: Request) -> None:
    """Print the runs of a grid, and on stderr what they cost."""
    from nccli.cli.distinctions import distinctions
    from nccli.cli.output import Column, emit, number, plain
    from nccli.cli.progress import clock_time

    if plan.left and not request.quiet and not request.hands.are_elsewhere:
        seconds = trainer.seconds(plan.left.values())
        runs, steps = len(plan.left), sum(config.steps for config in plan.left.values())
        many = "1 run" if runs == 1 else f"{runs} runs"
        note(
            f"{many}, {steps} steps in all: about {clock_time(seconds)} on {trainer.device} one by one, as fast as "
            "steps are now, and measurements beside",
            request.quiet,
        )

    records = (
        {"id": key, "stored": plan.stored.get(key), **{name: getattr(config, name) for name in _LENGTHS}}
        | config.as_dict()
        | {"command": request.command(config)}
        for key, config in plan.configs.items()
    )
    columns = [Column(name, plain(name)) for name in ("id", "stored", "dataset", "n", "backbone", "reg", "L", "width")]
    columns += [Column("λ_H1", number("wd_h1")), Column("lr", number("lr")), Column("seed", plain("seed"))]
    columns += [Column("steps", plain("steps")), Column("epochs", plain("epochs"))]
    columns += [Column("time constants", number("time_constants"))]
    planned = ({"id": key, "kind": config.kind, "config": config.as_dict()} for key, config in plan.configs.items())
    columns += distinctions(
        planned, ("kind", "dataset", "n", "backbone", "reg", "L", "width", "wd_h1", "lr", "seed", "steps")
    )
    emit(records, request.format, option.OutputFormat.jsonl, columns)

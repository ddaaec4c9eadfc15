"""`nccli train-dufm`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nccli.catalogue.options import (
    ALL_SAMPLES,
    ActivationName,
    BiasName,
    DtypeName,
    InitName,
    ObjectiveName,
    OptimizerName,
    Until,
)
from nccli.cli import options as option
from nccli.cli.class_sizes import ClassCounts, Imbalance, require_one_way
from nccli.cli.completion import complete_runs
from nccli.cli.dufm_plan import show_plan
from nccli.cli.ends import note_ends, note_return
from nccli.cli.hands import Detach, ExecutorName, ExecutorOption, Hands, Jobs, Name, Slurm
from nccli.cli.kept import export_file, kept_parts, write_kept
from nccli.cli.notes import note
from nccli.cli.progress import BATCH_WORDS
from nccli.cli.run_command import as_asked, dufm_command
from nccli.cli.start import begin, find_start, with_settings
from nccli.cli.targets import with_targets
from nccli.cli.training import Request, Training, carry_out
from nccli.errors import InputError

if TYPE_CHECKING:
    from nccli.dufm.config import DufmConfig

_COLLAPSED = 1e-3
"""A taste: DNC1 of H_1 above which its class means are another point."""


def train_dufm(
    context: typer.Context,
    K: option.K = "10",
    L: option.L = "4",
    n: option.n = "10",
    class_counts: ClassCounts = None,
    imbalance: Imbalance = None,
    width: Annotated[str, option.values("--width", "Width d.")] = "30",
    wd: option.Wd = "4e-3",
    objective: option.Loss = ObjectiveName.MSE.value,
    lr: Annotated[
        str | None,
        option.values("--lr", "Step size. [default: 0.5; 0.05 with momentum, 1e-3 for adam, adamw]", shown=False),
    ] = None,
    seed: Annotated[str, option.values("--seed", "Seed of the initial point.")] = "0",
    wd_h1: option.WdH1 = None,
    wd_layers: option.WdLayers = None,
    steps: Annotated[str, option.values("--steps", "Step budget.")] = "200000",
    tol: Annotated[
        str,
        option.values("--tol", "Stop when the gradient norm is below this fraction of the initial one."),
    ] = "1e-7",
    optimizer: Annotated[
        str,
        option.words(
            "--optimizer",
            OptimizerName,
            "Way down: {}; the bias of plain gd is what the paper studies, the last two decouple weight decay.",
        ),
    ] = OptimizerName.GD.value,
    momentum: Annotated[
        str | None,
        option.values("--momentum", "β of heavy-ball, nesterov, sgdw, β₁ of adam, adamw. [default: 0.9]", shown=False),
    ] = None,
    schedule: Annotated[
        list[str],
        typer.Option(
            "--schedule",
            metavar="NAME",
            help="Of the step size: constant, linear, cosine, step, step:0.1@0.5,0.75; repeated, one each of a grid.",
            rich_help_panel=option.GRID,
        ),
    ] = ["constant"],  # noqa: B006  # typer copies it
    until: Annotated[
        str,
        option.words("--until", Until, "{}; settled: go on to 2, 4, 8, 16 times --steps until ranks and outcome stay."),
    ] = Until.STEPS.value,
    polish: Annotated[
        bool,
        typer.Option(
            "--polish",
            help="From the end of the descent, descend faster and with a vanishing step, so that no rank hangs on a "
            "tolerance; stored beside the plain end.",
        ),
    ] = False,
    refine: Annotated[
        bool,
        typer.Option(
            "--refine",
            help="From the end of the descent, Newton's method to a stationary point, certified where it gets there; "
            "stored beside the plain end.",
        ),
    ] = False,
    reduction: Annotated[
        bool,
        typer.Option(
            "--reduction/--no-reduction", help="Go on as the class means where within-class differences are rounding."
        ),
    ] = True,
    collapse_tol: Annotated[
        str,
        option.values(
            "--collapse-tol", "Go on as the class means below this relative deviation too: an approximation."
        ),
    ] = "0",
    activation: Annotated[
        str,
        option.words(
            "--activation",
            ActivationName,
            "{}; relu-last: only the last hidden layer; relu-eps: Definition 7; leaky:SLOPE, 0.1 without.",
        ),
    ] = ActivationName.RELU.value,
    epsilon: Annotated[
        str | None,
        option.values("--epsilon", "ε of relu-eps. [default: 0.05]", shown=False),
    ] = None,
    init: Annotated[
        str, option.words("--init", InitName, "Draw of the initial point: {}; the paper does not state its own.")
    ] = InitName.NORMAL.value,
    init_scale: Annotated[
        str,
        option.values("--init-scale", "Factor on the initial point."),
    ] = "1",
    dtype: Annotated[str, option.words("--dtype", DtypeName, "Floating-point type: {}.")] = DtypeName.FLOAT32.value,
    from_: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="RUN|FILE.npz|KIND",
            autocompletion=complete_runs,
            help="Begin at the class means of a stored run (whose settings are the defaults then), at exported "
            "matrices, or at dnc, srg, bipartition or best.",
            show_default=False,
        ),
    ] = None,
    noise: Annotated[
        str | None,
        option.values(
            "--noise", "With --from: what is added to each matrix, relative to its norm. [default: 0]", shown=False
        ),
    ] = None,
    noise_scale: Annotated[
        str,
        option.values(
            "--noise-scale", "S: at every step each entry of the gradient gets S times a standard normal number."
        ),
    ] = "0",
    batch_size: Annotated[
        str,
        option.values("--batch-size", "Samples that a step takes, each once an epoch; all for full-batch descent."),
    ] = ALL_SAMPLES,
    bias: Annotated[
        str,
        option.words("--bias", BiasName, "Which of W_1..W_L have a bias: {}; it begins at zero and decays with its λ."),
    ] = BiasName.NONE.value,
    targets: Annotated[
        str | None,
        typer.Option(
            "--targets",
            metavar="FILE.npz",
            help="Targets other than one-hot: array `targets`, K × K with a row a class, or N × K with one a sample.",
            show_default=False,
        ),
    ] = None,
    device: Annotated[option.Device, typer.Option("--device", help="Where to train.")] = option.Device.auto,
    keep: Annotated[
        str | None,
        typer.Option(
            "--keep",
            metavar="PART,…",
            help="What to store besides: weights above 64 KiB a run, trajectory (all singular values over training).",
            show_default=False,
        ),
    ] = None,
    export: Annotated[
        str | None,
        typer.Option("--export", metavar="FILE.npz", help="Write the matrices of the run.", show_default=False),
    ] = None,
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
    """Train the L-DUFM by full-batch gradient descent.

    The model is the deep unconstrained features model. A grid of any size is one batched program; every run is stored
    as it ends, and a stored run is returned at once.

    Example: nccli train-dufm --K 10 --L 4 --wd 1e-3..8e-3:4 --seed 0..9 | nccli compare -
    """
    from nccli.sweep import DufmTrainer

    options: dict[str, Any] = {"K": K, "L": L, "n": n, "width": width, "wd": wd, "lr": lr, "seed": seed}
    options |= {"class_counts": class_counts, "imbalance": imbalance}
    require_one_way(context, "n")
    options |= {"wd_h1": wd_h1, "wd_layers": wd_layers, "steps": steps, "tol": tol, "optimizer": optimizer}
    options |= {"momentum": momentum, "schedule": schedule, "refine": refine, "collapse_tol": collapse_tol}
    options |= {"polish": polish, "until": until, "noise_scale": noise_scale, "batch_size": batch_size, "bias": bias}
    options |= {"activation": activation, "epsilon": epsilon, "dtype": dtype}
    options |= {"init": init, "init_scale": init_scale, "objective": objective}
    output = export_file(export, store)
    start = None if from_ is None else find_start(from_, store)
    if start is not None:
        options = with_settings(start, options, context)
    configs, points = _grid(options), dict[str, str]()
    if targets is not None:
        configs = with_targets(configs, Path(targets))
    if start is not None:
        if start.spread > _COLLAPSED:
            note(
                f"{start.origin} had not collapsed (DNC1 {start.spread:.1g}): its class means are where this begins",
                quiet,
            )
        still = [config.seed for config in configs if not config.is_noisy]
        if noise is None and len(set(still)) > 1:
            raise InputError("--seed draws the noise that is added to the point of --from: give --noise, or one seed")
        configs, points = begin(start, configs, noise or "0")
    elif noise is not None:
        raise InputError("--noise is added to the point that --from names: name one")
    if any(config.collapse_tol for config in configs) and not reduction:
        raise InputError("--collapse-tol asks for what --no-reduction forbids")
    if output is not None and len(configs) > 1:
        raise InputError(f"--export writes one run and the grid has {len(configs)}: name one value for each option")
    if refine:
        from nccli.dufm.finish import require_room

        require_room(configs)
    _note_short_budget(configs, quiet)
    hands = Hands.of(jobs, executor, slurm, name, detach)
    request = Request(device.value, store, format, force, dry_run, quiet, tag, hands)
    kept = kept_parts(keep)
    needed = ("weights",) if polish or refine else ()  # the descents are stored with the ends that these begin with
    trainer = DufmTrainer(device.value, reduction, (*kept, *needed), points)
    if hands.are_elsewhere:
        trainer.trains_on(hands.device(device.value))
    asked = as_asked(context)
    request = replace(request, command=lambda config: dufm_command(config, asked))

    def ended(records: "Sequence[Mapping[str, Any]]") -> None:
        """Say what there is to say of runs that are stored, and write the matrices of one."""
        note_ends(records, request)
        note_return(records, configs, points, request)
        write_kept(records, kept, output, request)

    training = Training(
        trainer,
        BATCH_WORDS,
        "a smaller --lr or --init-scale",
        show=lambda plan, found, size: show_plan(plan, trainer, found, request, size),
        on_records=ended,
    )
    carry_out(configs, request, training)


def _grid(options: Mapping[str, Any]) -> "list[DufmConfig]":
    """The runs that options ask for."""
    from nccli.cli.problems import problem_grid
    from nccli.sweep import dufm_grid, parse_activations, parse_floats, parse_integers, parse_words

    lists: dict[str, Sequence[Any]] = {"schedule": tuple(dict.fromkeys(options["schedule"]))}
    lists |= {name: parse_integers(options[name], _flag(name)) for name in ("width", "steps", "seed")}
    lists |= {
        name: parse_floats(options[name], _flag(name)) for name in ("tol", "collapse_tol", "init_scale", "noise_scale")
    }
    for name in ("lr", "momentum", "epsilon"):
        lists[name] = (None,) if options[name] is None else parse_floats(options[name], _flag(name))
    lists["batch_size"] = _batch_sizes(options["batch_size"])
    for name, words in _WORDS.items():
        lists[name] = parse_words(options[name], _flag(name), tuple(words))
    lists["activation"] = parse_activations(options["activation"], _flag("activation"))
    of_problem = ("K", "L", "n", "wd", "wd_h1", "wd_layers")
    counts = {name: options[name] for name in ("class_counts", "imbalance")}
    problems = problem_grid(*(options[name] for name in of_problem), **counts)
    return dufm_grid(problems, lists, {name: options[name] for name in ("refine", "polish")})


_WORDS: Mapping[str, type[StrEnum]] = {
    "optimizer": OptimizerName,
    "bias": BiasName,
    "init": InitName,
    "dtype": DtypeName,
    "until": Until,
    "objective": ObjectiveName,
}


def _batch_sizes(text: str) -> tuple[int | None, ...]:
    """A list of integers and of `all`, which is None."""
    from nccli.sweep import parse_integers

    words = [word.strip() for word in text.split(",")]
    sizes = (((None,) if word == ALL_SAMPLES else parse_integers(word, "--batch-size")) for word in words)
    return tuple(dict.fromkeys(size for each in sizes for size in each))


def _flag(name: str) -> str:
    return "--loss" if name == "objective" else f"--{name.replace('_', '-')}"


def _note_short_budget(configs: "Sequence[DufmConfig]", quiet: bool) -> None:
    """Say so where no run can have settled at the end of its budget."""
    from nccli.metrics.drift import LEAST_AGE

    slowest = max(configs, key=lambda config: config.decay_time)
    wanted = LEAST_AGE * slowest.decay_time
    if slowest.most_steps < wanted:
        least = min(slowest.wd_h1, *slowest.wd_layers)
        note(
            f"--steps {slowest.most_steps} is {slowest.most_steps / slowest.decay_time:.2g} time constants 1/(lr·λ) of "
            f"weight decay at lr = {slowest.lr:g}, λ = {least:g}; no run is called settled before {LEAST_AGE:g}, "
            f"{wanted:.3g} steps",
            quiet,
        )

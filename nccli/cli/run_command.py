"""The command that makes one run of a grid by itself, as `--dry-run` tells it."""

import shlex
from collections.abc import Mapping, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

import typer

from nccli.catalogue.options import ALL_SAMPLES
from nccli.cli.arguments import arguments, parameters
from nccli.cli.class_sizes import counts_options

if TYPE_CHECKING:
    from nccli.dufm.config import DufmConfig
    from nccli.e2e.config import E2eConfig
    from nccli.search import SearchConfig
    from nccli.theory import Solution

_ALWAYS = frozenset({"K", "L", "wd", "wd_h1", "wd_layers", "seed", "steps"})
"""Options that are given at their defaults too, for whoever reads the line."""

_DRAWN = ("init", "init_scale")
"""Options of a random initial point: a run that begins elsewhere has none."""


_DUFM_SETTINGS = (
    *("K", "L", "n", "width", "lr", "seed", "steps", "tol", "optimizer", "momentum", "schedule", "until", "polish"),
    *("refine", "collapse_tol", "activation", "epsilon", "init", "init_scale", "dtype", "objective"),
    *("noise_scale", "batch_size", "bias"),
)
_E2E_SETTINGS = (
    *("backbone", "reg", "L", "width", "lr", "seed", "steps", "batch_size", "momentum", "schedule", "lr_rise"),
    *("wd_rise", "clip", "init", "init_scale", "feature_scale", "augment", "objective"),
)
"""Fields of configurations that options are named after."""

_WHERE_TO = ("device", "tag", "store", "force", "export")
AS_ASKED: Mapping[str, tuple[str, ...]] = {
    "train-dufm": ("from_", "targets", "reduction", "keep", *_WHERE_TO),
    "train-e2e": (
        *("dataset", "data_dir", "no_download", "per_class", "class_counts", "imbalance", "dataset_name"),
        *("compile", "together", *_WHERE_TO),
    ),
    "search": tuple(name for name in _WHERE_TO if name not in ("device", "export")),
    "construct": tuple(name for name in _WHERE_TO if name != "device"),
}
"""By command, options that no configuration has and that one run takes as they were given."""


def as_asked(context: typer.Context) -> dict[str, Any]:
    """Of `AS_ASKED` what was given on the command line."""
    sources = {name: context.get_parameter_source(name) for name in AS_ASKED[str(context.info_name)]}
    return {name: context.params[name] for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def dufm_command(config: "DufmConfig", asked: Mapping[str, Any]) -> str:
    """A line for a shell that makes a DUFM run.

    Args:
        config: of the run.
        asked: of `as_asked`.
    """
    from nccli.sweep.grid import EPSILON

    options: dict[str, Any] = {name: getattr(config, name) for name in _DUFM_SETTINGS} | _decays(
        config.wd_h1, config.wd_layers
    )
    options |= {**counts_options(config.class_counts), "batch_size": config.batch_size or ALL_SAMPLES}
    way = config.way_down
    suited = {"lr": way.default_lr, "momentum": way.default_momentum, "epsilon": EPSILON}
    if config.start is None:
        options |= {name: None for name, usual in suited.items() if options[name] == usual}
        return _line("train-dufm", options, asked)
    options |= {"from_": asked["from_"], "noise": config.noise or None} | dict.fromkeys(_DRAWN)
    if config.start.startswith("run "):
        options["from_"] = config.start.removeprefix("run ")
    if not way.takes_momentum:
        options["momentum"] = None
    return _line("train-dufm", options, asked, everything=True)


def e2e_command(config: "E2eConfig", asked: Mapping[str, Any]) -> str:
    """A line for a shell that trains a network.

    Args:
        config: of the run.
        asked: of `as_asked`.
    """
    from nccli.e2e.config import H1_SHARE

    options: dict[str, Any] = {name: getattr(config, name) for name in _E2E_SETTINGS} | _decays(
        config.wd_h1, config.wd_layers
    )
    wd = options.get("wd")
    usual = wd is not None and config.wd_h1 == H1_SHARE * wd / max(1, config.n)
    options["wd_h1"] = None if usual or config.reg == "standard" else config.wd_h1
    options["precision"] = None if config.precision == _usual_precision() else config.precision
    return _line("train-e2e", options, asked)


def construct_command(solution: "Solution", width: int, asked: Mapping[str, Any]) -> str:
    """A line for a shell that builds a solution.

    Args:
        solution: at its optimal scales.
        width: of its matrices.
        asked: of `as_asked`.
    """
    problem, built = solution.problem, solution.construction
    options: dict[str, Any] = {"kind": built.kind, "K": problem.K, "L": problem.L, "n": problem.n, "width": width}
    options |= _decays(problem.lambda_h1, problem.lambda_w) | {"objective": problem.objective}
    options |= {**counts_options(problem.counts), **({"activation": "linear"} if problem.linear else {})}
    return _line("construct", options | {"variant": built.variant or None, **built.about}, asked)


def solution_command(kind: str, config: Mapping[str, Any]) -> str:
    """The same of a solution that is stored.

    Args:
        kind: of the run.
        config: of `nccli.sweep.constructions.construction_config`.
    """
    from nccli.theory import parse_counts

    own = {name: value for name, value in config.items() if name not in ("wd_h1", "wd_layers")}
    options = {"kind": kind, **own} | _decays(config["wd_h1"], config["wd_layers"])
    if "class_counts" in config:
        options |= counts_options(parse_counts(config["class_counts"]))
    return _line("construct", options, {})


def search_command(config: "SearchConfig", asked: Mapping[str, Any]) -> str:
    """A line for a shell that searches a problem, or follows an earlier search as `construct --kind best` does.

    Args:
        config: of the search.
        asked: of `as_asked`.
    """
    if config.recipe is not None:
        best = {"kind": "best", "K": config.K, "L": config.L, "n": config.n, "width": config.width}
        return _line("construct", best | _decays(config.wd_h1, config.wd_layers), asked)
    options = {name: getattr(config, name) for name in ("K", "L", "n", "seed", "descents", "budget", "fresh")}
    return _line("search", options | _decays(config.wd_h1, config.wd_layers), asked)


def _usual_precision() -> str:
    from nccli.cli.commands.train_e2e import DEFAULT_PRECISION

    return str(DEFAULT_PRECISION)


def _decays(wd_h1: float, wd_layers: Sequence[float]) -> dict[str, Any]:
    """The options that give weight decays, as few as do."""
    if len(set(wd_layers)) > 1:
        return {"wd_layers": list(wd_layers), "wd_h1": wd_h1}
    wd = wd_layers[0]
    return {"wd": wd, "wd_h1": None if wd_h1 == wd else wd_h1}


def _line(command: str, options: Mapping[str, Any], asked: Mapping[str, Any], everything: bool = False) -> str:
    usual = {} if everything else _defaults(command)
    kept = {name: value for name, value in options.items() if name in _ALWAYS or not _is_usual(usual.get(name), value)}
    return shlex.join(["nccli", *arguments(command, {**kept, **{k: v for k, v in asked.items() if k not in options}})])


@cache
def _defaults(command: str) -> Mapping[str, Any]:
    """What a command takes for options that are not given, by name of parameter."""
    return {str(each.name): each.default for each in parameters(command).values()}


def _is_usual(usual: Any, value: Any) -> bool:
    """Whether an option's value is what its default says."""
    if isinstance(usual, list):
        return bool(usual == [value])
    if isinstance(usual, str) and isinstance(value, (int, float)):
        return float(usual) == value
    return bool(usual == value)

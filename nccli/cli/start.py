"""`--from`: where runs begin, and the settings that come with it."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from nccli.errors import InputError

if TYPE_CHECKING:
    from nccli.dufm.config import DufmConfig
    from nccli.sweep import Start

_GO_TOGETHER = {"optimizer": ("lr", "momentum"), "activation": ("epsilon",), "wd": ("wd_h1", "wd_layers")}
_GO_TOGETHER |= {"n": ("class_counts", "imbalance"), "imbalance": ("class_counts",), "K": ("class_counts",)}
"""Settings that are not the run's any more where another is given."""


def find_start(where: str, location: str | None) -> "Start":
    """What --from names: a construction, a file, or a run of the store.

    Raises:
        InputError: neither.
        NothingFoundError: no such run, or no store.
    """
    from nccli.cli.opened import open_store
    from nccli.sweep import FREE_KINDS, Start, file_start, stored_start

    if where in FREE_KINDS:
        return Start(where)
    if where.endswith(".npz"):
        return file_start(Path(where))
    if any(c not in "0123456789abcdef" for c in where.lower()):
        raise InputError(f"--from '{where}': must be a run id, a FILE.npz, or one of {', '.join(FREE_KINDS)}")
    return stored_start(open_store(location), where)


def with_settings(start: "Start", options: Mapping[str, Any], context: typer.Context) -> dict[str, Any]:
    """Options, and in place of defaults what the point came with: sizes of any, all settings of a run.

    Args:
        start: the point.
        options: by name of parameter, as the command has them.
        context: of the command, which knows what was given.

    Raises:
        InputError: an option that draws a point, or noise where there is none.
    """
    given = {name for name in options if _was_given(context, name)}
    for name in ("init", "init_scale"):
        if name in given:
            raise InputError(f"--{name.replace('_', '-')} draws the point that --from names already: leave it out")
    for name in tuple(given):
        given |= set(_GO_TOGETHER.get(name, ()))
    found: dict[str, Any] = {}
    if start.point is not None:
        d, K = start.point.means.shape
        found = {"K": K, "L": len(start.point.weights), "width": d}
    found |= start.settings
    return {
        **options,
        **{name: _as_option(name, found[name]) for name in options if name in found and name not in given},
    }


def _was_given(context: typer.Context, name: str) -> bool:
    source = context.get_parameter_source(name)
    return source is not None and source.name == "COMMANDLINE"


def _as_option(name: str, value: Any) -> Any:
    """A setting as the command line has it: a text, and a list of them where the option is repeated for a grid."""
    if name == "wd_layers":
        return [",".join(map(repr, value))]
    if name in ("schedule", "class_counts"):
        return [value]
    return value if value is None or isinstance(value, (bool, str)) else repr(value)


def begin(start: "Start", configs: "list[DufmConfig]", noise: str) -> "tuple[list[DufmConfig], dict[str, str]]":
    """The runs, begun there with each noise of a list, and the points as text by fingerprint.

    Raises:
        InputError: as `Start.begin`, or a malformed list.
    """
    from nccli.sweep import parse_floats

    begun, points = start.begin(configs, parse_floats(noise, "--noise"))
    return begun, {name: point.as_text() for name, point in points.items()}

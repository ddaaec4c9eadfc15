"""Options that mean the same in every command. Imports nothing heavy: `nccli --help` reads this."""

from enum import StrEnum
from typing import Annotated, Any

import typer

from nccli.catalogue.options import ObjectiveName
from nccli.cli.completion import complete_runs, complete_where
from nccli.cli.opened import remember_quiet
from nccli.cli.short_ids import remember_store
from nccli.errors import InputError

LIST = "LIST"
GRID = "Grid: lists as 4 · 6,10 · 3..6 · 1e-4..1e-2:5"


class OutputFormat(StrEnum):
    """How records are printed on stdout."""

    table = "table"
    json = "json"
    jsonl = "jsonl"
    csv = "csv"
    ids = "ids"


class Device(StrEnum):
    """Where training runs."""

    auto = "auto"
    cpu = "cpu"
    cuda = "cuda"


def values(name: str, help: str, shown: bool = True) -> Any:
    """An option that takes a value, or a list of them for a grid.

    Args:
        name: with its dashes.
        help: what it is.
        shown: whether help names the default; else the help text does.
    """
    return typer.Option(name, metavar=LIST, help=help, rich_help_panel=GRID, show_default=shown)


def words(name: str, choices: type[StrEnum], help: str) -> Any:
    """An option that takes one of the choices, or a list of them for a grid.

    Args:
        name: with its dashes.
        choices: what it takes.
        help: with {} where the choices are to be named.
    """

    def complete(incomplete: str) -> list[str]:
        done, comma, word = incomplete.rpartition(",")
        return [f"{done}{comma}{choice}" for choice in choices if choice.startswith(word)]

    return typer.Option(
        name,
        metavar=LIST,
        help=help.format(", ".join(choices)),
        rich_help_panel=GRID,
        autocompletion=complete,
    )


_K = values("--K", "Number of classes.")
_L = values("--L", "Number of weight matrices.")
_N = values("--n", "Samples a class.")
_WD = values("--wd", "Weight decay λ of all layers.")

_LOSS = words("--loss", ObjectiveName, "What outputs are held to: {} (squared error, cross-entropy).")

Loss = Annotated[str, _LOSS]
OptionalLoss = Annotated[str | None, _LOSS]
K = Annotated[str, _K]
L = Annotated[str, _L]
n = Annotated[str, _N]
Wd = Annotated[str, _WD]
OptionalK = Annotated[str | None, _K]
OptionalL = Annotated[str | None, _L]
OptionalN = Annotated[str | None, _N]
OptionalWd = Annotated[str | None, _WD]
WdH1 = Annotated[
    str | None,
    values("--wd-h1", "Weight decay of the features H_1, in place of --wd.", shown=False),
]
WdLayers = Annotated[
    list[str] | None,
    typer.Option(
        "--wd-layers",
        metavar="A,B,…",
        help="Weight decay of W_1..W_L, in place of --wd; repeated, one value each of a grid.",
        rich_help_panel=GRID,
        show_default=False,
    ),
]
RunIds = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RUN]...",
        help="Run ids or unique prefixes, or - to read them from stdin.",
        show_default=False,
        autocompletion=complete_runs,
    ),
]


Where = Annotated[
    str | None,
    typer.Option(
        "--where",
        help='Only runs with this: "wd>=1e-3 and (width=30 or width=64)"; also not, in (…), ~ (contains), is null.',
        autocompletion=complete_where,
        show_default=False,
    ),
]


def _fraction(value: float) -> float:
    if not 0 <= value < 1:
        raise InputError(f"--rank-rtol {value:g}: must be a fraction of the largest singular value, in [0, 1)")
    return value


RankRtol = Annotated[
    float,
    typer.Option(
        "--rank-rtol",
        callback=_fraction,
        help="A singular value counts towards a rank above this fraction of the largest.",
    ),
]
AllRuns = Annotated[
    bool,
    typer.Option(
        "--all", help="Average over runs too that are zero, constant or lost classes, which are left out else."
    ),
]
StoreLocation = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="PATH|URL",
        callback=remember_store,
        help="The store. [default: NCCLI_STORE, or nccli.db here]",
        show_default=False,
    ),
]
Format = Annotated[
    OutputFormat | None,
    typer.Option(
        "--format",
        help="How to print. [default: table on a terminal; in a pipe, what scripts expect]",
        show_default=False,
    ),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", callback=remember_quiet, help="Nothing on stderr unless something is wrong."),
]


def _tag(value: str | None) -> str | None:
    if value is None:
        return None
    from nccli.store import require_tag

    return require_tag(value)


Tag = Annotated[
    str | None,
    typer.Option(
        "--tag",
        metavar="NAME",
        callback=_tag,
        help="Name of the runs, those that are stored already too, for --where tag=NAME.",
        show_default=False,
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Make runs again that are stored already.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]

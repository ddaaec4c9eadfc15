"""Options that mean the same in every command. Imports nothing heavy: `nccli --help` reads this."""

from enum import StrEnum
from typing import Annotated

import typer

from nccli.cli.completion import complete_runs, complete_where
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


_K = typer.Option("--K", metavar=LIST, help="Number of classes.", rich_help_panel=GRID)
_L = typer.Option("--L", metavar=LIST, help="Number of weight matrices.", rich_help_panel=GRID)
_N = typer.Option("--n", metavar=LIST, help="Samples a class.", rich_help_panel=GRID)
_WD = typer.Option("--wd", metavar=LIST, help="Weight decay λ of all layers.", rich_help_panel=GRID)

K = Annotated[str, _K]
L = Annotated[str, _L]
n = Annotated[str, _N]
Wd = Annotated[str, _WD]
OptionalK = Annotated[str | None, _K]
OptionalL = Annotated[str | None, _L]
OptionalN = Annotated[str | None, _N]
OptionalWd = Annotated[str | None, _WD]
WdH1 = Annotated[
    float | None,
    typer.Option("--wd-h1", help="Weight decay of the features H_1, in place of --wd.", show_default=False),
]
WdLayers = Annotated[
    str | None,
    typer.Option(
        "--wd-layers", metavar="A,B,…", help="Weight decay of W_1..W_L, in place of --wd.", show_default=False
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
        "--store", metavar="PATH|URL", help="The store. [default: NCCLI_STORE, or nccli.db here]", show_default=False
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
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Nothing on stderr unless something is wrong.")]
Force = Annotated[bool, typer.Option("--force", help="Make runs again that are stored already.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")]

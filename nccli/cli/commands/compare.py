"""`nccli compare`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated

import typer

from nccli.cli import options as option
from nccli.cli.notes import note
from nccli.cli.theory_table import by_variant, theory_columns, theory_records
from nccli.errors import InputError

if TYPE_CHECKING:
    from nccli.cli.output import Record


def compare(
    runs: option.RunIds = None,
    where: option.Where = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            "--group-by",
            metavar="COLUMN,…",
            help="Mean, sd, min and max over the runs of a group: wd, width, K, …",
            show_default=False,
        ),
    ] = None,
    theory: Annotated[
        bool, typer.Option("--theory", help="No runs: DNC and SRG losses in closed form over a grid.")
    ] = False,
    K: option.OptionalK = None,
    L: option.OptionalL = None,
    n: option.OptionalN = None,
    wd: option.OptionalWd = None,
    wd_h1: option.WdH1 = None,
    wd_layers: option.WdLayers = None,
    rank_rtol: option.RankRtol = 1e-2,
    store: option.StoreLocation = None,
    format: option.Format = None,
    quiet: option.Quiet = False,
) -> None:
    """Compare runs with DNC and SRG, or the two with each other.

    Losses of DNC and SRG are those of the run's own problem; /best is the loss over that of its best stored point.
    Ranks and structures are of the class means by layer; agree: ranks of layers 2 to L-1; DNC1: at most 0.01 in every
    layer. Without RUN or --where: all trained runs that ended well. --theory adds from which K on SRG wins at this L,
    and the exponent of the ratio in K (local, and its limit by Theorem 5).

    Example: nccli compare --group-by wd · nccli compare --theory --K 6..20 --L 3..5 --wd 5e-4
    """
    from nccli.cli.output import emit

    grid_options = {"--K": K, "--L": L, "--n": n, "--wd": wd, "--wd-h1": wd_h1, "--wd-layers": wd_layers}
    if theory:
        if runs or where is not None or group_by is not None:
            raise InputError("--theory compares closed forms: it takes a grid, not runs, --where or --group-by")
        from nccli.cli.problems import problem_grid, require_patience

        grid = problem_grid(*_theory_grid(K, L, n, wd), wd_h1, wd_layers)
        require_patience(grid, lambda problems: list(theory_records(problems)))
        emit(theory_records(grid.problems()), format, option.OutputFormat.jsonl, theory_columns())
        return
    given = [name for name, value in grid_options.items() if value is not None]
    if given:
        raise InputError(
            f'{given[0]} belongs to --theory; narrow runs with --where, such as --where "K=10 and wd>=1e-3"'
        )
    if group_by is not None:
        _compare_groups(runs, where, group_by, rank_rtol, store, format, quiet)
    else:
        _compare_runs(runs, where, rank_rtol, store, format, quiet)


def _theory_grid(K: str | None, L: str | None, n: str | None, wd: str | None) -> tuple[str, str, str, str]:
    """The lists given, and the defaults of --theory for the others; an empty list is given."""
    return (
        "10" if K is None else K,
        "4" if L is None else L,
        "1" if n is None else n,
        "4e-3" if wd is None else wd,
    )


def _compare_runs(
    runs: list[str] | None,
    where: str | None,
    rank_rtol: float,
    store: str | None,
    format: option.OutputFormat | None,
    quiet: bool,
) -> None:
    from functools import lru_cache

    from nccli.cli.output import Column, emit, number, plain, ranks_text, ratio, room_for
    from nccli.cli.selection import selected_or_trained
    from nccli.store import comparison_records, problem_of

    with selected_or_trained(store, runs, where, quiet) as (connection, chosen):
        records = comparison_records(connection, chosen, rank_rtol)
    losses_of = lru_cache(maxsize=None)(by_variant)
    for record, run in zip(records, chosen, strict=True):
        record.update(losses_of(problem_of(run)))
    columns = (
        Column("id", plain("id"), left=True),
        *(Column(name, plain(name)) for name in ("K", "L")),
        Column("λ", number("wd", 3)),
        Column("seed", plain("seed")),
        Column("loss", number("loss")),
        Column("/DNC", ratio("ratio_dnc")),
        Column("/SRG", ratio("ratio_srg")),
        Column("/best", ratio("ratio_best")),
        Column("ranks", lambda record: ranks_text(record["ranks"])),
        Column("agree", lambda record: {True: "yes", False: "no"}.get(record["ranks_agree"], "")),
        Column("DNC1", lambda record: {True: "yes", False: "no"}.get(record["dnc1_holds"], "")),
    )
    room = lru_cache(maxsize=1)(lambda: room_for(records, columns, _LEAST_ROOM))
    emit(records, format, option.OutputFormat.jsonl, (*columns, Column("structure", _structure(room), left=True)))


_LEAST_ROOM = 9
"""Characters of a structure that still tell: "T(5) ⊕ D…"."""


def _structure(room: "Callable[[], int]") -> "Callable[[Record], str]":
    """The hidden layers' structure, in the room that the other columns leave; a pipe never asks for it."""

    def show(record: "Record") -> str:
        text = (record["structure"] or "").replace(" minus ", "−").replace("SRG ", "")
        return text if len(text) <= room() else text[: room() - 1] + "…"

    return show


def _compare_groups(
    runs: list[str] | None,
    where: str | None,
    group_by: str,
    rank_rtol: float,
    store: str | None,
    format: option.OutputFormat | None,
    quiet: bool,
) -> None:
    from nccli.cli.output import Column, emit, number, plain
    from nccli.cli.selection import selection
    from nccli.store import group_records, mixed_columns, parse_group_by

    keys = parse_group_by(group_by)
    with selection(store, runs, where, quiet) as (connection, chosen):
        records = group_records(connection, chosen, keys, rank_rtol)
        mixed = mixed_columns(connection, chosen, keys)
    if mixed:
        note(f"groups mix runs of different {', '.join(mixed)}: name them in --group-by, or narrow with --where", quiet)
    columns = [
        *(
            Column("λ" if key == "wd" else key, number(key) if key in ("wd", "wd_h1", "lr") else plain(key))
            for key in keys
        ),
        Column("runs", plain("runs")),
        Column("loss/DNC", _spread("ratio_dnc", 3)),
        Column("loss/SRG", _spread("ratio_srg", 3)),
        Column("mean rank", _spread("mean_rank", 3)),
        Column("min", number("mean_rank_min", 3)),
        Column("max", number("mean_rank_max", 3)),
        Column("below DNC", _share("share_below_dnc")),
        Column("agree", _share("share_ranks_agree")),
        Column("is DNC", _share("share_dnc")),
    ]
    emit(records, format, option.OutputFormat.jsonl, columns)


def _spread(key: str, digits: int = 4) -> "Callable[[Record], str]":
    """Mean ± sd of a quantity of a group; no sd for a single run."""

    def show(record: "Record") -> str:
        mean, sd = record[f"{key}_mean"], record[f"{key}_sd"]
        if mean is None:
            return ""
        return f"{mean:.{digits}g}" + ("" if sd is None else f" ± {sd:.2g}")

    return show


def _share(key: str) -> "Callable[[Record], str]":
    """A share in percent."""

    def show(record: "Record") -> str:
        return "" if record[key] is None else f"{100 * record[key]:.0f} %"

    return show

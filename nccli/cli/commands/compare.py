"""`nccli compare`."""

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from nccli.catalogue.options import ObjectiveName
from nccli.catalogue.runs import Finish
from nccli.cli import options as option
from nccli.cli.group_tables import ENDED, Asked, compare_groups, compare_outcomes, compare_pairs
from nccli.cli.notes import note
from nccli.cli.theory_table import by_variant, theory_columns, theory_records
from nccli.errors import InputError

if TYPE_CHECKING:
    from nccli.cli.output import Record

_STARTS = 24
"""A taste: a minute of a processor at K = 10, L = 4, width 30."""


def compare(
    runs: option.RunIds = None,
    where: option.Where = None,
    group_by: Annotated[
        str | None,
        typer.Option(
            "--group-by",
            metavar="COLUMN,…",
            help="Mean, sd, min and max over the runs of a group: wd, width, K, outcome, …",
            show_default=False,
        ),
    ] = None,
    outcomes: Annotated[
        bool, typer.Option("--outcomes", help="How many runs of each group came to which outcome.")
    ] = False,
    paired: Annotated[
        str | None,
        typer.Option(
            "--paired",
            metavar="seed",
            help="Difference of two groups over runs with the same seed (or another column), with a 95 % interval.",
            show_default=False,
        ),
    ] = None,
    path: Annotated[
        bool,
        typer.Option("--path", help="How high the loss rises on the way from one run to another: name two."),
    ] = False,
    starts: Annotated[
        int | None,
        typer.Option(
            "--starts",
            min=2,
            help="With --path: paths that descend; more find lower ones. [default: 24]",
            show_default=False,
        ),
    ] = None,
    points: Annotated[bool, typer.Option("--points", help="With --path: the loss at places along the paths.")] = False,
    all_runs: option.AllRuns = False,
    theory: Annotated[
        bool, typer.Option("--theory", help="No runs: DNC and SRG losses in closed form over a grid.")
    ] = False,
    K: option.OptionalK = None,
    L: option.OptionalL = None,
    n: option.OptionalN = None,
    wd: option.OptionalWd = None,
    objective: option.OptionalLoss = None,
    wd_h1: option.WdH1 = None,
    wd_layers: option.WdLayers = None,
    rank_rtol: option.RankRtol = 1e-2,
    store: option.StoreLocation = None,
    format: option.Format = None,
    quiet: option.Quiet = False,
) -> None:
    """Compare runs with DNC and SRG, or the two with each other.

    Losses of DNC and SRG are those of the run's own problem; /best is the loss over the least that is stored or known.
    Ranks are of the class means by layer; DNC1: at most 0.01 in every layer; structure: of the hidden layers, with the
    distance of their Gram matrices from it, for none from the nearest. Without RUN or --where: all trained runs that
    ended well. Means of groups leave out runs that are zero, constant or lost classes; plain ends and those that were
    polished or refined are groups of their own. --paired: second group minus first, of plain ends unless --where says
    others, with a 95 % interval by Student's t over pairs. --theory adds from which K on SRG, and the best of all,
    wins at this L, and the exponent of SRG's ratio in K (local, and its limit by Theorem 5 or for cross-entropy).

    --path, between runs of one problem whose weights are stored, tells the rise above the first: straight between the
    points as stored; straight to the copy of the second by symmetry that is best; and over the lowest of several
    relaxed paths, an upper bound. Residual: how nearly its top is stationary; saddle: what is, near there, if found.

    Example: nccli compare --group-by wd · nccli compare --path RUN RUN · nccli compare --theory --K 6..20
    """
    from nccli.cli.output import emit

    grid_options = {"--K": K, "--L": L, "--n": n, "--wd": wd, "--loss": objective}
    grid_options |= {"--wd-h1": wd_h1, "--wd-layers": None if wd_layers is None else ",".join(wd_layers)}
    if theory:
        if runs or where is not None or group_by is not None or outcomes or paired is not None or all_runs or path:
            raise InputError(
                "--theory compares closed forms: it takes a grid, not runs, --where, --group-by, --outcomes, --paired, "
                "--path or --all"
            )
        from nccli.cli.problems import problem_grid, require_patience

        loss = ObjectiveName.MSE.value if objective is None else objective
        grid = problem_grid(*_theory_grid(K, L, n, wd), wd_h1, wd_layers, loss)
        require_patience(grid, lambda problems: list(theory_records(problems)))
        emit(theory_records(grid.problems()), format, option.OutputFormat.jsonl, theory_columns())
        return
    given = [name for name, value in grid_options.items() if value is not None]
    if given:
        raise InputError(
            f'{given[0]} belongs to --theory; narrow runs with --where, such as --where "K=10 and wd>=1e-3"'
        )
    if path:
        from nccli.cli.path_comparison import compare_path

        _refuse_beside_path(group_by, outcomes, paired, all_runs)
        compare_path(runs, where, _STARTS if starts is None else starts, points, store, format, quiet)
        return
    _require_path(starts, points)
    if outcomes and paired is not None:
        raise InputError("--outcomes counts and --paired takes differences: ask for one of them")
    if all_runs and (outcomes or (group_by is None and paired is None)):
        raise InputError("--all belongs to averages: --group-by or --paired")
    asked = Asked(runs, where, group_by, rank_rtol, store, quiet, all_runs)
    if outcomes:
        if runs is None and where is None:
            asked = replace(asked, where=ENDED)
        compare_outcomes(asked, format)
    elif paired is not None:
        compare_pairs(asked, paired, format)
    elif group_by is not None:
        compare_groups(asked, format)
    else:
        _compare_runs(runs, where, rank_rtol, store, format, quiet)


def _refuse_beside_path(group_by: str | None, outcomes: bool, paired: str | None, all_runs: bool) -> None:
    if group_by is not None or outcomes or paired is not None or all_runs:
        raise InputError("--path is about two runs, and not --group-by, --outcomes, --paired or --all")


def _require_path(starts: int | None, points: bool) -> None:
    if starts is not None or points:
        raise InputError(f"{'--points' if points else '--starts'} belongs to --path")


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

    from nccli.cli.distinctions import distinctions
    from nccli.cli.output import Column, emit, number, plain, ranks_text, ratio, room_for
    from nccli.cli.run_table import end_text, outcome_text, weighed
    from nccli.cli.selection import selected_or_trained
    from nccli.store import comparison_records, problem_of

    with selected_or_trained(store, runs, where, quiet) as (connection, chosen):
        records = comparison_records(connection, chosen, rank_rtol)
    losses_of = lru_cache(maxsize=None)(by_variant)
    for record, run in zip(records, chosen, strict=True):
        record.update(losses_of(problem_of(run)))
    unsettled = sum(run["settled"] == 0 for run in chosen)
    if unsettled:
        has = "has" if unsettled == 1 else "have"
        what = f"the run {has}" if len(chosen) == 1 else f"{unsettled} of {len(chosen)} runs {has}"
        note(f"{what} not settled: ranks may still change (train-dufm --until settled goes on)", quiet)
    finished = any(run["finish"] not in (None, Finish.PLAIN) for run in chosen)
    ends = [Column("end", end_text, left=True)] if finished else []
    columns = (
        Column("id", plain("id"), left=True),
        *(Column(name, plain(name)) for name in ("K", "L")),
        Column("λ", number("wd", 3)),
        Column("seed", plain("seed")),
        *distinctions(chosen, ("K", "L", "wd", "seed", *(("polish", "refine") if ends else ()))),
        Column("loss", number("loss")),
        Column("/DNC", ratio("ratio_dnc")),
        Column("/SRG", ratio("ratio_srg")),
        Column("/best", ratio("ratio_best_known")),
        Column("ranks", lambda record: ranks_text(record["ranks"])),
        Column("DNC1", lambda record: {True: "yes", False: "no"}.get(record["dnc1_holds"], "")),
        Column("outcome", outcome_text, left=True),
        *ends,
    )
    room = lru_cache(maxsize=1)(lambda: room_for(records, columns, _LEAST_ROOM))
    emit(
        records,
        format,
        option.OutputFormat.jsonl,
        weighed([*columns, Column("structure", _structure(room), left=True)]),
    )


_LEAST_ROOM = 13
"""Characters of a structure and its distance that still tell: "srg t(5) 0.01"."""


def _structure(room: "Callable[[], int]") -> "Callable[[Record], str]":
    """The hidden layers' structure and its distance, in the room that the other columns leave; a pipe never asks."""

    def show(record: "Record") -> str:
        name, distance = record["structure"] or "", record["structure_distance"]
        beside = "" if distance is None else f" {distance:.2f}"
        left = room() - len(beside)
        return (name if len(name) <= left else name[: left - 1] + "…") + beside

    return show

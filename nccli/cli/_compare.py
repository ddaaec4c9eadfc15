"""`nccli compare`."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nccli.cli import _options as option
from nccli.cli._notes import note
from nccli.errors import InputError

if TYPE_CHECKING:
    from nccli.cli._output import Column, Record
    from nccli.sweep import ProblemGrid
    from nccli.theory import Problem, Solution


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
    from nccli.cli._output import emit

    grid_options = {"--K": K, "--L": L, "--n": n, "--wd": wd, "--wd-h1": wd_h1, "--wd-layers": wd_layers}
    if theory:
        if runs or where is not None or group_by is not None:
            raise InputError("--theory compares closed forms: it takes a grid, not runs, --where or --group-by")
        from nccli.cli._problems import problem_grid

        emit(
            _theory_records(problem_grid(*_theory_grid(K, L, n, wd), wd_h1, wd_layers)),
            format,
            option.OutputFormat.jsonl,
            _theory_columns(),
        )
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


def _theory_records(grid: "ProblemGrid") -> list[dict[str, Any]]:
    from nccli.theory import asymptotic_exponent, local_exponent, solve_dnc, srg_threshold

    records = []
    for problem in grid.problems():
        dnc, rivals = solve_dnc(problem), _srg_solutions(problem)
        srg = min(rivals.values(), key=lambda solution: solution.loss, default=None)
        uniform = len({*problem.lambda_w, problem.lambda_h1}) == 1
        records.append(
            {
                "K": problem.K,
                "L": problem.L,
                "n": problem.n,
                "wd": problem.lambda_w[0] if uniform else None,
                "wd_h1": problem.lambda_h1,
                "wd_layers": list(problem.lambda_w),
                "loss_dnc": dnc.loss,
                "loss_srg": None if srg is None else srg.loss,
                "ratio": None if srg is None else srg.loss / dnc.loss,
                "srg": None if srg is None else srg.construction.label,
                **_by_variant(problem),
                "winner": "trivial"
                if dnc.trivial and (srg is None or srg.trivial)
                else _winner(dnc.loss, None if srg is None else srg.loss),
                "dnc_trivial": dnc.trivial,
                "srg_trivial": None if srg is None else srg.trivial,
                "srg_wins_from": srg_threshold(problem),
                "exponent": local_exponent(problem),
                "asymptotic_exponent": asymptotic_exponent(problem.L),
            }
        )
    return records


def _srg_solutions(problem: "Problem") -> "dict[str, Solution]":
    """The SRG solutions of a problem by variant; one where both are the same."""
    from nccli.theory import solve, srg_variants

    return {construction.variant: solve(problem, construction) for construction in srg_variants(problem.K)}


def _by_variant(problem: "Problem | None") -> dict[str, Any]:
    """Loss of both SRG constructions, and which is the better; "exact" where K = r(r-1)/2 and they are one."""
    from nccli.theory import SRG_VARIANTS, triangular_root

    if problem is None:
        return {**{f"loss_srg_{name}": None for name in SRG_VARIANTS}, "srg_variant": None}
    solutions = _srg_solutions(problem)
    exact = triangular_root(problem.K) is not None and bool(solutions)
    losses = {variant: solution.loss for variant, solution in solutions.items()}
    better = "exact" if exact else min(losses, key=losses.__getitem__, default=None)
    shared = next(iter(losses.values())) if exact else None
    return {**{f"loss_srg_{name}": losses.get(name, shared) for name in SRG_VARIANTS}, "srg_variant": better}


def _winner(loss_dnc: float, loss_srg: float | None) -> str:
    return "srg" if loss_srg is not None and loss_srg < loss_dnc else "dnc"


def _theory_columns() -> "Sequence[Column]":
    from nccli.cli._output import Column, number, plain

    return (
        *(Column(name, plain(name)) for name in ("K", "L", "n")),
        Column("λ", number("wd")),
        Column("DNC loss", number("loss_dnc", 5)),
        Column("SRG loss", number("loss_srg", 5)),
        Column("SRG/DNC", number("ratio", 4)),
        Column("winner", plain("winner"), left=True),
        Column("construction", plain("srg"), left=True),
        Column("from K", plain("srg_wins_from")),
        Column("exponent", number("exponent", 2)),
        Column("limit", number("asymptotic_exponent", 2)),
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

    from nccli.cli._output import Column, emit, number, plain, ranks, ratio
    from nccli.cli._selection import selected_or_trained
    from nccli.figures import problem_of
    from nccli.store import comparison_records

    with selected_or_trained(store, runs, where, quiet) as (connection, chosen):
        records = comparison_records(connection, chosen, rank_rtol)
    by_variant = lru_cache(maxsize=None)(_by_variant)
    for record, run in zip(records, chosen, strict=True):
        record.update(by_variant(problem_of(run)))
    columns = (
        Column("id", plain("id"), left=True),
        *(Column(name, plain(name)) for name in ("K", "L")),
        Column("λ", number("wd", 3)),
        Column("seed", plain("seed")),
        Column("loss", number("loss")),
        Column("/DNC", ratio("ratio_dnc")),
        Column("/SRG", ratio("ratio_srg")),
        Column("/best", ratio("ratio_best")),
        Column("ranks", ranks("ranks")),
        Column("agree", lambda record: {True: "yes", False: "no"}.get(record["ranks_agree"], "")),
        Column("DNC1", lambda record: {True: "yes", False: "no"}.get(record["dnc1_holds"], "")),
        Column("structure", _structure(max((2 * record["L"] for record in records), default=0)), left=True),
    )
    emit(records, format, option.OutputFormat.jsonl, columns)


_ROOM = 24


def _structure(ranks_width: int) -> "Callable[[Record], str]":
    """The hidden layers' structure, in the room that the ranks leave."""
    room = max(4, _ROOM - ranks_width)

    def show(record: "Record") -> str:
        text = (record["structure"] or "").replace(" minus ", "−").replace("SRG ", "")
        return text if len(text) <= room else text[: room - 1] + "…"

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
    from nccli.cli._output import Column, emit, number, plain
    from nccli.cli._selection import selection
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

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

    Losses of DNC and SRG are those of the run's own problem. Without RUN or --where: all trained runs that ended well.

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
    from nccli.theory import solve_dnc, solve_srg

    records = []
    for problem in grid.problems():
        dnc, srg = solve_dnc(problem), solve_srg(problem)
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
                "srg_variant": None if srg is None else srg.construction.variant,
                "winner": "trivial"
                if dnc.trivial and (srg is None or srg.trivial)
                else _winner(dnc.loss, None if srg is None else srg.loss),
                "dnc_trivial": dnc.trivial,
                "srg_trivial": None if srg is None else srg.trivial,
            }
        )
    return records


def _winner(loss_dnc: float, loss_srg: float | None) -> str:
    return "srg" if loss_srg is not None and loss_srg < loss_dnc else "dnc"


def _theory_columns() -> "Sequence[Column]":
    from nccli.cli._output import Column, number, plain

    return (
        *(Column(name, plain(name)) for name in ("K", "L", "n")),
        Column("λ", number("wd")),
        Column("DNC loss", number("loss_dnc", 6)),
        Column("SRG loss", number("loss_srg", 6)),
        Column("SRG/DNC", number("ratio", 6)),
        Column("winner", plain("winner"), left=True),
        Column("SRG construction", plain("srg"), left=True),
    )


def _compare_runs(
    runs: list[str] | None,
    where: str | None,
    rank_rtol: float,
    store: str | None,
    format: option.OutputFormat | None,
    quiet: bool,
) -> None:
    from nccli.cli._output import Column, emit, number, plain, ranks, ratio
    from nccli.cli._selection import selected_or_trained
    from nccli.store import comparison_records

    with selected_or_trained(store, runs, where, quiet) as (connection, chosen):
        records = comparison_records(connection, chosen, rank_rtol)
    columns = (
        *(Column(name, plain(name), left=True) for name in ("id", "kind", "status")),
        *(Column(name, plain(name)) for name in ("K", "L", "n")),
        Column("d", plain("width")),
        Column("λ", number("wd")),
        Column("seed", plain("seed")),
        Column("loss", number("loss", 5)),
        Column("/DNC", ratio("ratio_dnc")),
        Column("/SRG", ratio("ratio_srg")),
        Column("ranks", ranks("ranks")),
        Column("agree", lambda record: {True: "yes", False: "no"}.get(record["ranks_agree"], "")),
    )
    emit(records, format, option.OutputFormat.jsonl, columns)


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
    from nccli.cli._selection import selected_or_trained
    from nccli.store import comparison_records, group_records, mixed_columns, parse_group_by

    keys = parse_group_by(group_by)
    with selected_or_trained(store, runs, where, quiet) as (connection, chosen):
        records = comparison_records(connection, chosen, rank_rtol)
    mixed = mixed_columns(records, keys)
    if mixed:
        note(f"groups mix runs of different {', '.join(mixed)}: name them in --group-by, or narrow with --where", quiet)
    columns = [
        *(
            Column("λ" if key == "wd" else key, number(key) if key in ("wd", "wd_h1", "lr") else plain(key))
            for key in keys
        ),
        Column("runs", plain("runs")),
        Column("loss/DNC", _spread("ratio_dnc")),
        Column("loss/SRG", _spread("ratio_srg")),
        Column("mean rank", _spread("mean_rank", 3)),
        Column("min", number("mean_rank_min", 3)),
        Column("max", number("mean_rank_max", 3)),
        Column("below DNC", _share("share_below_dnc")),
        Column("ranks agree", _share("share_ranks_agree")),
    ]
    emit(group_records(records, keys), format, option.OutputFormat.jsonl, columns)


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

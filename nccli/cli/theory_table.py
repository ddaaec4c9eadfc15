"""DNC and SRG in closed form, for `nccli compare`."""

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nccli.cli.output import Column
    from nccli.theory import Problem


def theory_records(problems: "Iterable[Problem]") -> Iterator[dict[str, Any]]:
    """DNC and SRG of every problem, from which K on SRG wins there, and how fast the ratio falls."""
    from nccli.theory import asymptotic_exponent, best_known, local_exponent, solve_dnc, solve_srg, threshold

    for problem in problems:
        dnc, srg, best = solve_dnc(problem), solve_srg(problem), best_known(problem)
        uniform = len({*problem.lambda_w, problem.lambda_h1}) == 1
        yield {
            "K": problem.K,
            "L": problem.L,
            "n": problem.n,
            "objective": problem.objective,
            "wd": problem.lambda_w[0] if uniform else None,
            "wd_h1": problem.lambda_h1,
            "wd_layers": list(problem.lambda_w),
            "loss_dnc": dnc.loss,
            "loss_srg": None if srg is None else srg.loss,
            "ratio": None if srg is None else srg.loss / dnc.loss,
            "srg": None if srg is None else srg.construction.label,
            **by_variant(problem),
            "winner": "trivial"
            if dnc.trivial and (srg is None or srg.trivial)
            else _winner(dnc.loss, None if srg is None else srg.loss),
            "loss_best_known": best.loss,
            "ratio_best_known": best.loss / dnc.loss,
            "best_known": best.how,
            "best_known_rank": best.rank,
            "dnc_trivial": dnc.trivial,
            "srg_trivial": None if srg is None else srg.trivial,
            "loss_bipartition": (bipartition := loss_bipartition(problem)),
            "ratio_bipartition": None if bipartition is None else bipartition / dnc.loss,
            **{f"{rival}_wins_from": threshold(problem, rival) for rival in ("srg", "bipartition", "best")},
            "exponent": local_exponent(problem),
            "asymptotic_exponent": asymptotic_exponent(problem.L, problem.objective),
        }


def loss_bipartition(problem: "Problem") -> float | None:
    """Of the best bipartition rows; None where there are none."""
    from nccli.theory import has_bipartition, solve_bipartition

    return solve_bipartition(problem).loss if has_bipartition(problem) else None


def by_variant(problem: "Problem | None") -> dict[str, Any]:
    """Loss of both SRG constructions, and which is the better; "exact" where K = r(r-1)/2 and they are one."""
    from nccli.theory import SRG_VARIANTS, srg_solutions, triangular_root

    if problem is None:
        return {**{f"loss_srg_{name}": None for name in SRG_VARIANTS}, "srg_variant": None}
    solutions = srg_solutions(problem)
    exact = triangular_root(problem.K) is not None and bool(solutions)
    losses = {variant: solution.loss for variant, solution in solutions.items()}
    better = "exact" if exact else min(losses, key=losses.__getitem__, default=None)
    shared = next(iter(losses.values())) if exact else None
    return {**{f"loss_srg_{name}": losses.get(name, shared) for name in SRG_VARIANTS}, "srg_variant": better}


def _winner(loss_dnc: float, loss_srg: float | None) -> str:
    return "srg" if loss_srg is not None and loss_srg < loss_dnc else "dnc"


def theory_columns() -> "Sequence[Column]":
    """Of the table of `theory_records`."""
    from nccli.cli.output import Column, number, plain

    return (
        Column("loss", plain("objective"), left=True),
        *(Column(name, plain(name)) for name in ("K", "L", "n")),
        Column("λ", number("wd")),
        Column("DNC loss", number("loss_dnc", 5)),
        Column("SRG loss", number("loss_srg", 5)),
        Column("SRG/DNC", number("ratio", 4)),
        Column("bip./DNC", number("ratio_bipartition", 4)),
        Column("best/DNC", number("ratio_best_known", 4)),
        Column("winner", plain("winner"), left=True),
        Column("construction", plain("srg"), left=True),
        Column("from K", plain("srg_wins_from")),
        Column("best from", plain("best_wins_from")),
        Column("exponent", number("exponent", 2)),
        Column("limit", number("asymptotic_exponent", 2)),
    )

"""Claims of section 5 and Figures 1 and 3 (left) that closed forms decide, without any run but a constructed one."""

from collections.abc import Iterator

from claim import Answer, Claim
from found import Found
from words import of, several

from nccli.theory import Problem, Solution, asymptotic_exponent, local_exponent, solve_dnc, srg_solutions

_DECAYS = (1e-6, 1e-5, 1e-4, 1e-3, 1e-2)
"""A taste: from far below the paper's to where DNC is trivial at most K."""

_MOST_K = 45
"""A taste: r = 10, more than twice the classes of any figure."""


def _pairs(depths: tuple[int, ...], classes: range) -> Iterator[tuple[Problem, Solution, dict[str, Solution]]]:
    """DNC and SRG, by variant, of every problem at which DNC is no trivial one."""
    for L in depths:
        for K in classes:
            for wd in _DECAYS:
                problem = Problem.uniform(K, L, wd, n=1)
                dnc = solve_dnc(problem)
                if not dnc.trivial:
                    yield problem, dnc, dict(srg_solutions(problem))


def _by_blocks(solutions: dict[str, Solution]) -> float:
    """Loss of Definition 9, or of Definition 11 (1) where K is no triangular number; K = 4, 5 have only (2)."""
    return (solutions.get("blocks") or solutions["truncated"]).loss


def _theorem_5(_: Found) -> Answer:
    found = [
        (problem.L, _by_blocks(solutions) < dnc.loss)
        for problem, dnc, solutions in _pairs((3, 4, 5, 7), range(6, _MOST_K + 1))
        if problem.L > 3 or problem.K >= 10
    ]
    said = (f"L = {L}: {of(won for depth, won in found if depth == L)}" for L in (3, 4, 5, 7))
    return Answer(all(won for _, won in found), several(said))


def _exponents(_: Found) -> Answer:
    found = {L: local_exponent(Problem.uniform(4950, L, 1e-9, n=1)) for L in (4, 5, 7)}
    said = (f"L = {L}: {value:.3f} for {asymptotic_exponent(L):.3f}" for L, value in found.items() if value is not None)
    near = all(value is not None and abs(value - asymptotic_exponent(L)) < 0.01 for L, value in found.items())
    return Answer(near, several(said))


def _three_layers(_: Found) -> Answer:
    found = list(_pairs((3,), range(4, 10)))
    above = [_by_blocks(solutions) >= dnc.loss for _, dnc, solutions in found]
    cut = {problem.K for problem, dnc, each in found if "truncated" in each and each["truncated"].loss < dnc.loss}
    at = ", ".join(map(str, sorted(cut)))
    more = f"with Definition 11 (2), scales refitted, SRG wins at K = {at}" if cut else "nor with Definition 11 (2)"
    return Answer(all(above), f"{of(above)} problems; {more}")


def _constructed(found: Found) -> Answer:
    kinds = dict(zip(found.runs.id, found.runs.kind, strict=True))
    ranks = {
        (kinds[row.run_id], row.stage, row.layer): row.rank for row in found.layers.itertuples() if row.layer in (3, 4)
    }
    srg = tuple(ranks.get(("srg", *place)) for place in (("post", 3), ("pre", 4), ("post", 4)))
    dnc = tuple(ranks.get(("dnc", *place)) for place in (("post", 3), ("pre", 4), ("post", 4)))
    said = f"SRG {' '.join(map(str, srg))}, DNC {' '.join(map(str, dnc))}"
    return Answer(srg == (5, 5, 10) and dnc == (10, 10, 10), said)


CLAIMS = (
    Claim(
        "5, Theorem 5",
        "SRG has a smaller loss than DNC for L = 3 and K ≥ 10, and for L ≥ 4 and K ≥ 6, wherever DNC is not trivial",
        f"at all K up to {_MOST_K} and 5 weight decays from 1e-6 to 1e-2 (n = 1)",
        _theorem_5,
    ),
    Claim(
        "5, Theorem 5",
        "L_SRG/L_DNC = O(K^((3−L)/(2(L+1)))) for K → ∞",
        "the slope between K = 4950 and the triangular number nearest to twice as much is that exponent to 0.01",
        _exponents,
    ),
    Claim(
        "5, Figure 3, left",
        "with L = 3 and fewer than 10 classes SRG does not win",
        "SRG's loss (Definitions 9 and 11 (1); 11 (2) for K = 4, 5) is nowhere below DNC's, at the same weight decays",
        _three_layers,
    ),
    Claim(
        "Figure 1",
        "K = 10, L = 4: SRG has rank 5 in M_3 and M̃_4 and rank 10 in M_4; DNC has rank 10 everywhere",
        "the ranks of the constructed solutions are these",
        _constructed,
        "kind in (srg, dnc) and K=10 and L=4",
        ("fig1",),
        least=2,
    ),
)

"""Claims of the appendix on the L-DUFM: low rank of few classes, near-SRG solutions, ranks of 3, Theorems 6 and 8."""

import json
from collections.abc import Callable

from claim import Answer, Claim
from dufm import DNC1_HOLDS, DUFM
from found import Found
from words import of, several, spread

_SLIGHTLY = 0.95
"""A taste: a loss above this share of SRG's is slightly below it."""

_ROUNDING = 1e-20
"""A bound: DNC1 of float64 whose samples of a class are equal to some 1e-11 of their means."""

_FALL = 0.1
"""A taste: what is to be left at ε = 0.05 of DNC1 at ε = 0.8."""


def _low_rank(found: Found) -> Answer:
    kept = found.kept.runs
    said, every = [], True
    for K in (3, 4, 5):
        rows = kept[kept.K == K]
        low = rows.mean_hidden_rank < K
        every &= bool(low.any())
        least = f", least mean rank {rows.mean_hidden_rank.min():.3g}" if low.any() else ""
        said.append(f"K = {K}: {of(low)}{least}")
    return Answer(every, several(said) + found.lost)


def _square(found: Found) -> Answer:
    kept = found.kept.runs
    square = kept.outcome == "square"
    loss = f"; loss over DNC's {spread(kept[square].ratio_dnc)}" if square.any() else ""
    return Answer(bool(square.any()), f"{of(square)} runs{found.lost}{loss}")


def _early_ranks(found: Found) -> Answer:
    kept = found.kept
    classes = dict(zip(found.runs.id, found.runs.classes_kept, strict=True))
    three = [classes[key] for key, row in found.ranks().items() if row[:3] == [3, 3, 3]]
    whole = [count for count in three if count == 15]
    lowest = min(kept.ranks().values(), key=sum, default=[])
    said = (
        f"{len(whole)} of {kept.count} runs{found.lost}",
        f"{len(three)} of all have it, with {spread(three)} classes",
        f"lowest with all classes, layers 2 to 6: {' '.join(map(str, lowest))}",
    )
    return Answer(bool(whole), several(said))


def _near_srg(r: int) -> Callable[[Found], Answer]:
    def judge(found: Found) -> Answer:
        kept = found.kept
        named = kept.hidden[kept.hidden.structure.astype(str) == f"srg t({r})"]
        near = kept.runs[kept.runs.id.isin(named.run_id)]
        below = near[(near.ratio_srg < 1) & (near.ratio_srg >= _SLIGHTLY)]
        how = f"; loss over SRG's {spread(near.ratio_srg, 4)}" if len(near) else ""
        return Answer(bool(len(below)), f"{len(below)} of {len(near)} such runs, of {kept.count}{found.lost}{how}")

    return judge


def _last_layer(found: Found) -> Answer:
    kept = found.kept
    last = kept.layers[(kept.layers.layer == kept.layers.L) & (kept.layers.stage == "post")]
    holds = last.dnc1 <= DNC1_HOLDS
    return Answer(bool(holds.all()), f"{of(holds)} runs{found.lost}; largest {last.dnc1.max():.1e}")


def _epsilon(found: Found) -> Answer:
    epsilons = found.runs.config.map(lambda config: float(json.loads(config)["epsilon"]))
    medians = found.runs.max_dnc1.groupby(epsilons).median()  # by rising ε
    collapsed = medians.where(medians > _ROUNDING, 0.0)
    falls = bool(collapsed.is_monotonic_increasing) and medians.iloc[0] <= _FALL * medians.iloc[-1]
    said = ", ".join(f"{median:.1e} at ε = {value:g}" for value, median in medians[::-1].items())
    return Answer(falls, f"median {said}")


CLAIMS = (
    Claim(
        "Figure 5",
        "L = 4: there are solutions of low rank for K = 3, 4 and 5",
        "for each K some run that keeps its classes has a mean rank of the hidden layers below K",
        _low_rank,
        f"{DUFM} and K in (3, 4, 5) and L=4",
        ("fig5-dufm", "claim-classes-layers"),
        least=100,
    ),
    Claim(
        "Figure 5",
        "L = 4, K = 4: descent finds the square",
        "some run has its Gram matrix in all hidden layers",
        _square,
        f"{DUFM} and K=4 and L=4",
        ("fig5-dufm", "claim-classes-layers"),
        least=20,
    ),
    Claim(
        "Figure 6",
        "K = 15, L = 7, lr 0.5, 200,000 steps: the early layers have rank 3",
        "some run that keeps all its classes has rank 3 in layers 2, 3 and 4",
        _early_ranks,
        f"{DUFM} and K=15 and L=7 and lr=0.5",
        ("fig6-dufm", "claim-ranks-of-3"),
        least=5,
    ),
    Claim(
        "Appendix, Figure 7",
        "K = 6, L = 4: descent finds near-SRG solutions, with a loss slightly below SRG's",
        f"some run with the Gram matrix of T(4) in a hidden layer has {_SLIGHTLY:g} to 1 of SRG's loss",
        _near_srg(4),
        f"{DUFM} and K=6 and L=4",
        ("fig7-dufm", "claim-classes-layers"),
        least=20,
    ),
    Claim(
        "Appendix, Figure 8",
        "K = 15, L = 4: the same",
        f"some run with the Gram matrix of T(6) in a hidden layer has {_SLIGHTLY:g} to 1 of SRG's loss",
        _near_srg(6),
        f"{DUFM} and K=15 and L=4",
        ("fig8-dufm", "fig3-dufm", "claim-classes-layers"),
        least=20,
    ),
    Claim(
        "4, Theorem 6",
        "every global optimum is collapsed within classes in the last layer",
        f"DNC1 of H_L is at most {DNC1_HOLDS:g} in every run of several samples a class that keeps its classes",
        _last_layer,
        f"{DUFM} and n>1 and config.collapse_tol=0",
        ("fig2-dufm", "fig6-dufm"),
        least=15,
    ),
    Claim(
        "4, Theorem 8",
        "with ReLU_ε within-class distances at the optimum vanish as ε → 0",
        f"the median over runs of the largest DNC1 of any layer never rises as ε falls (below {_ROUNDING:g} it is 0), "
        f"and ends at {_FALL:g} of the first or less",
        _epsilon,
        "kind=dufm and activation=relu-eps and finish=plain and status in (stopped, converged)",
        ("claim-relu-eps",),
        least=25,
    ),
)

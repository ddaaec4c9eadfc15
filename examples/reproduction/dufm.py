"""Claims of section 6.1 and the appendix: what gradient descent ends in, on the L-DUFM."""

from math import isnan

import pandas as pd
from claim import Answer, Claim
from found import Found
from words import of, several, spearman, spread

DUFM = "kind=dufm and activation=relu and optimizer=gd and finish=plain and status in (stopped, converged)"
_FIG2 = f"{DUFM} and K=10 and L=4 and n=10 and width=30 and wd=4e-3 and wd_h1=4e-3 and lr=0.5"
_ONE = "n=1 and wd=2e-3 and wd_h1=2e-3 and lr=0.5 and config.steps=100000"
_WIDTHS = f"{DUFM} and K=10 and L=4 and {_ONE}"
_GRID = f"{DUFM} and K in (4, 6, 10, 15) and L in (3, 4, 5, 6) and {_ONE} and width=20 and seed<10"

DNC1_HOLDS = 1e-2
"""A taste, as in `nccli compare`: the paper gives no number."""

_DNC2, _LOSS = 1.05, 1e-3
"""Tastes: condition number of DNC's class means, and the relative distance of its loss, after a finite descent."""

_NEGATIVE = 1e-4
"""A taste: a hundredth of the norm, as a singular value of a hundredth of the largest does not count to a rank."""

MONOTONE = -0.5
"""A taste: Spearman's ρ over runs below which something falls."""

_NO_CHANCE = 0.25
"""A bound: chance exceeds this Spearman's ρ of 150 runs once in a thousand, 3.1/√150."""


def between(found: Found) -> Answer:
    runs = found.runs
    between = (runs.ratio_dnc < 1) & (runs.ratio_srg > 1)
    said = (
        f"{of(between)} runs",
        f"over DNC's {spread(runs.ratio_dnc)}",
        f"over SRG's {spread(runs.ratio_srg)}",
    )
    return Answer(bool(between.all()), several(said))


def collapsed(found: Found) -> Answer:
    holds = found.runs.max_dnc1 <= DNC1_HOLDS
    return Answer(bool(holds.all()), f"{of(holds)} runs; largest DNC1 of any layer {found.runs.max_dnc1.max():.1e}")


def _ranks(found: Found) -> Answer:
    within = found.runs.mean_hidden_rank.between(5, 8)
    agree = found.runs.ranks_agree == 1
    said = (f"equal in {of(agree)} runs", f"5 to 8 in {of(within)}", f"mean {spread(found.runs.mean_hidden_rank)}")
    return Answer(bool((within & agree).all()), several(said))


def srg_found(found: Found) -> Answer:
    """Whether some run is an SRG solution; of the others, how far the nearest layers are from one."""
    kept = found.kept
    exact = kept.runs.outcome == "srg"
    layers = kept.hidden[kept.hidden.structure.astype(str).str.startswith("srg")]
    nearest = f"; nearest layer {layers.structure_distance.min():.2g} away" if len(layers) else ""
    return Answer(bool(exact.any()), f"{of(exact)} runs in all hidden layers{found.lost}{nearest}")


def _non_negative(found: Found) -> Answer:
    before = found.layers[found.layers.stage == "pre"]
    worst = before[before.layer < before.L].groupby("run_id", observed=True).negative_share.max()
    last = before[before.layer == before.L].negative_share
    said = (f"{of(worst <= _NEGATIVE)} runs", f"largest share {worst.max():.1e}", f"last layer {spread(last, 2)}")
    return Answer(bool((worst <= _NEGATIVE).all() and (last > _NEGATIVE).all()), several(said))


def _always_dnc(found: Found) -> Answer:
    kept = found.kept
    second = kept.layers[(kept.layers.layer == 2) & (kept.layers.L == 2) & (kept.layers.stage == "post")]
    worst = pd.concat([kept.hidden, second]).groupby("run_id", observed=True).dnc2.max()
    dnc = (kept.runs.id.map(worst).astype(float) <= _DNC2) & ((kept.runs.ratio_dnc - 1).abs() <= _LOSS)
    off = kept.runs[~dnc]
    said = f"; else {spread(off.ratio_dnc, 4)} of DNC's loss" if len(off) else ""
    return Answer(bool(len(dnc)) and bool(dnc.all()), f"{of(dnc)} runs{found.lost}{said}")


def _not_below(found: Found) -> Answer:
    kept = found.kept.runs
    above = kept.ratio_dnc >= 1 - 1e-6
    below = kept[~above]
    at = ", ".join(f"K = {K}: {len(rows)}" for K, rows in below.groupby("K"))
    least = f"; below at {at}, least ratio {below.ratio_dnc.min():.3f}" if len(below) else ""
    return Answer(bool(above.all()), f"{of(above)} runs{found.lost}{least}")


def _grows(found: Found) -> Answer:
    kept = found.kept.runs
    low = kept.mean_hidden_rank < kept.K
    by = {name: {value: low[kept[name] == value] for value in sorted(set(kept[name]))} for name in ("K", "L")}
    shares = {name: [rows.mean() for rows in values.values()] for name, values in by.items()}
    rises = all(each == sorted(each) and each[-1] > each[0] for each in shares.values())
    said = [f"{name} = {value}: {of(rows)}" for name, values in by.items() for value, rows in values.items()]
    return Answer(rises, several(said) + found.lost)


def rank_falls(found: Found) -> Answer:
    """Whether the mean rank of the hidden layers falls over three weight decays or more, at every K by itself."""
    kept = found.kept.runs
    said, all_fall, decays = [], True, 0
    for K, rows in kept.groupby("K"):
        rho = spearman(rows.wd, rows.mean_hidden_rank)
        all_fall &= rho <= MONOTONE
        decays = max(decays, rows.wd.nunique())
        means = ", ".join(f"{each.mean_hidden_rank.mean():.3g} at {wd:.3g}" for wd, each in rows.groupby("wd"))
        said.append(f"K = {K}: {'no ρ' if isnan(rho) else f'ρ = {rho:.2f}'} ({means})")
    return Answer(all_fall if decays >= 3 else None, several(said) + found.lost)


def _dnc_share(found: Found) -> Answer:
    kept = found.kept.runs
    dnc = kept.outcome == "dnc"
    rho = spearman(kept.width, dnc)
    shares = several(f"d = {width}: {of(dnc[rows.index])}" for width, rows in kept.groupby("width"))
    return Answer(rho >= _NO_CHANCE, f"{shares}{found.lost}; ρ = {rho:.2f}")


CLAIMS = (
    Claim(
        "6.1, Figure 2, top",
        "K = 10, L = 4, λ = 0.004, lr 0.5, d = 30: the loss ends between SRG's and DNC's",
        "in every run",
        between,
        _FIG2,
        ("fig2-dufm",),
        least=10,
    ),
    Claim(
        "6.1, Figure 2, top",
        "within-class variability vanishes in all layers",
        f"DNC1 is at most {DNC1_HOLDS:g} in every layer and stage of every run",
        collapsed,
        _FIG2,
        ("fig2-dufm",),
        least=10,
    ),
    Claim(
        "6.1, Figure 2, top",
        "the ranks of the intermediate layers are 5 to 8, and equal across layers within a run",
        "both in every run, layers 2 … L−1, tolerance 1 %",
        _ranks,
        _FIG2,
        ("fig2-dufm",),
        least=10,
    ),
    Claim(
        "6.1",
        "pre-activations are non-negative in all layers but the last, where they are not",
        f"‖min(M̃_l, 0)‖²/‖M̃_l‖² is at most {_NEGATIVE:g} in all layers below the last, and more in it, in every run",
        _non_negative,
        _FIG2,
        ("fig2-dufm",),
        least=10,
    ),
    Claim(
        "6.1",
        "gradient descent finds SRG: the Gram matrices of the hidden layers are its own",
        "at K = 10, L = 4 some run has SRG's in all hidden layers, at SRG's rank",
        srg_found,
        f"{DUFM} and K=10 and L=4",
        ("fig2-dufm", "fig3-dufm", "claim-classes-layers"),
        least=10,
    ),
    Claim(
        "6.1",
        "with two classes descent ends in DNC",
        f"every run that keeps both has s_1/s_K ≤ {_DNC2:g} in all hidden layers and DNC's loss to {_LOSS:g}, for 3 "
        "depths, 3 widths and 3 weight decays",
        _always_dnc,
        f"{DUFM} and K=2",
        ("claim-two-classes",),
        least=50,
    ),
    Claim(
        "6.1",
        "with two layers descent ends in DNC",
        f"every run that keeps its classes has s_1/s_K ≤ {_DNC2:g} in M_2 and DNC's loss to {_LOSS:g}, for 4 numbers "
        "of classes, 2 widths and 3 weight decays",
        _always_dnc,
        f"{DUFM} and L=2",
        ("claim-two-layers",),
        least=50,
    ),
    Claim(
        "6.1",
        "with three layers and fewer than ten classes nothing beats DNC",
        "no run that keeps its classes has a loss below DNC's, to 1e-6 of it",
        _not_below,
        f"{DUFM} and L=3 and K>=4 and K<10",
        ("claim-three-layers", "claim-classes-layers"),
        least=50,
    ),
    Claim(
        "6.1",
        "low rank comes more often with more classes and with more layers",
        "over K = 4, 6, 10, 15 and L = 3, 4, 5, 6 the share of runs whose hidden layers have a mean rank below K never "
        "falls from one K to the next, all L together, nor from one L to the next, and rises in all",
        _grows,
        _GRID,
        ("claim-classes-layers",),
        least=100,
    ),
    Claim(
        "6.1, Figure 3, middle",
        "the mean rank falls with weight decay",
        f"Spearman's ρ of the two over the runs is at most {MONOTONE:g}, three λ at least, at K = 10 and at K = 15",
        rank_falls,
        f"{DUFM} and K in (10, 15) and L=4 and n=1 and width=20 and lr=0.5 and config.steps=100000",
        ("fig3-dufm",),
        least=100,
    ),
    Claim(
        "6.1, Figure 3, right",
        "the share of runs that end in DNC grows with the width",
        f"Spearman's ρ of width and of ending in DNC over the runs is at least {_NO_CHANCE:g}",
        _dnc_share,
        _WIDTHS,
        ("fig3-dufm",),
        least=60,
    ),
)

"""Claims of sections 6.2 and 6.3 and Figures 9 and 10: networks on images.

The paper has ResNet20 on whole data sets. What could be run here is a small convolutional network on 1,000 images,
which is another experiment: its rows say so, and those of ResNet20 wait for a store that has it.
"""

from collections.abc import Callable
from dataclasses import replace

from claim import Answer, Claim
from dufm import DNC1_HOLDS, MONOTONE, between, collapsed, rank_falls, srg_found
from found import Found
from words import of, several, spread

_E2E = "kind=e2e and status in (stopped, converged)"
_SMALL = f"{_E2E} and backbone=small-cnn and config.samples=1000"
_CIFAR10 = f"{_SMALL} and dataset=cifar10 and reg_kind=dufm and L=4"
_FIG2 = f"{_CIFAR10} and wd=5e-3 and lr=1"
_DEEP = f"{_SMALL} and reg_kind=standard and L=5 and wd=5e-3"
_BY = ("examples/networks.sh",)


def _ranks(found: Found) -> Answer:
    within = found.runs.mean_hidden_rank.between(5, 6)
    agree = found.runs.ranks_agree == 1
    before = found.layers[(found.layers.stage == "pre") & (found.layers.layer > 1)]
    said = (
        f"equal in {of(agree)} runs",
        f"5 to 6 in {of(within)}",
        f"mean {spread(found.runs.mean_hidden_rank)}",
        f"before activation {spread(before['rank'])}",
    )
    return Answer(bool((within & agree).all()), several(said))


def _third(least: int, most: int) -> Callable[[Found], Answer]:
    def judge(found: Found) -> Answer:
        third = found.layers[(found.layers.layer == 3) & (found.layers.stage == "post")]
        ranks = third["rank"]
        said = (f"rank {spread(ranks)}", f"effective rank {spread(third.effective_rank)}")
        return Answer(bool(ranks.between(least, most).all()), several(said))

    return judge


def _bottleneck(found: Found) -> Answer:
    post = found.layers[found.layers.stage == "post"]
    said, all_inside = [], True
    for _, rows in post.groupby("run_id", observed=True):
        by = rows.set_index("layer").effective_rank.sort_index()
        all_inside &= by.idxmin() not in (by.index[0], by.index[-1])
        said.append(" ".join(f"{value:.1f}" for value in by))
    return Answer(all_inside, f"effective ranks of layers 1 to 5: {several(said)}")


def _rank_at_rates(found: Found) -> Answer:
    kept = found.kept.runs
    by = {lr: rows.mean_hidden_rank for lr, rows in kept.groupby("lr")}
    said = (f"{ranks.mean():.3g} at {lr:g} ({len(ranks)})" for lr, ranks in by.items())
    enough = [ranks for ranks in by.values() if len(ranks) > 2]
    differ = len({ranks.mean() for ranks in enough}) > 1 if len(enough) > 1 else None
    return Answer(differ, several(said))


_CLAIMS = (
    Claim(
        "6.2, Figure 2, bottom",
        "CIFAR-10, L = 4, λ = 0.005: the ranks of the intermediate layers are 5 to 6, and equal within a run",
        "both in every run, layers 2 and 3, tolerance 1 %",
        _ranks,
        _FIG2,
        least=5,
    ),
    Claim("6.2, Figure 2, bottom", "the loss ends between SRG's and DNC's", "in every run", between, _FIG2, least=5),
    Claim(
        "6.2, Figure 2, bottom",
        "within-class variability vanishes in all layers",
        f"DNC1 is at most {DNC1_HOLDS:g} in every layer and stage of every run",
        collapsed,
        _FIG2,
        least=5,
    ),
    Claim("6.2", "hidden layers have SRG's Gram matrix", "in all hidden layers of some run", srg_found, _FIG2, least=5),
    Claim(
        "6.2, Figure 9, left",
        "CIFAR-10: the mean rank falls with weight decay",
        f"Spearman's ρ of the two over the runs is at most {MONOTONE:g}, three λ at least",
        rank_falls,
        f"{_CIFAR10} and lr=1",
        least=5,
    ),
    Claim(
        "6.2, Figure 9, right",
        "CIFAR-10: the mean rank depends on the learning rate",
        "its mean over runs is not the same at all rates, of those with three runs or more",
        _rank_at_rates,
        f"{_CIFAR10} and wd=5e-3",
        least=5,
    ),
    Claim(
        "6.3, Figure 4",
        "CIFAR-10, L = 5, standard weight decay: the third layer has rank 8 to 9",
        "in every run",
        _third(8, 9),
        f"{_DEEP} and dataset=cifar10",
    ),
    Claim(
        "6.3, Figure 4",
        "MNIST, L = 5, standard weight decay: the third layer has rank 5 to 7",
        "in every run",
        _third(5, 7),
        f"{_DEEP} and dataset=mnist",
    ),
    Claim(
        "6.3, Figure 4",
        "the effective rank has its bottleneck in the middle",
        "in every run it is least in a layer other than the first and the last",
        _bottleneck,
        f"{_DEEP} and dataset in (cifar10, mnist)",
        least=2,
    ),
    Claim(
        "6.3, Figure 10",
        "MNIST, standard weight decay: the mean rank falls with weight decay",
        f"Spearman's ρ of the two over the runs is at most {MONOTONE:g}, three λ at least",
        rank_falls,
        f"{_SMALL} and dataset=mnist and reg_kind=standard and L=4",
        least=3,
    ),
)

_RESNET20 = (
    Claim(
        "6.2, Figures 2 and 9",
        "the rows of section 6.2, of ResNet20 on all of CIFAR-10",
        "the ranks of the intermediate layers are 5 to 6 and equal, in every run",
        _ranks,
        f"{_E2E} and backbone=resnet20 and dataset=cifar10 and reg_kind=dufm and L=4 and wd=5e-3 and n=5000",
        ("fig2-cifar10", "fig9-cifar10"),
        least=5,
    ),
    Claim(
        "6.3, Figures 4 and 10",
        "the rows of section 6.3, of ResNet20 on all of CIFAR-10 and MNIST",
        "in every run the effective rank is least in a layer other than the first and the last",
        _bottleneck,
        f"{_E2E} and backbone=resnet20 and reg_kind=standard and L=5 and n>=5000",
        ("fig4-cifar10", "fig4-mnist", "fig10-mnist"),
        least=10,
    ),
)

CLAIMS = (
    *(replace(claim, says=f"{claim.says} (here: small-cnn, 1,000 images)", entries=_BY) for claim in _CLAIMS),
    *_RESNET20,
)

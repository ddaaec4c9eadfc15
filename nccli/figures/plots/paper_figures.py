"""The figures of the paper: which runs each shows, and what makes them (theory sheet, section 4)."""

from dataclasses import replace

from nccli.catalogue.stages import Stage
from nccli.figures.best_heat_map import BestHeatMap
from nccli.figures.paper_figure import PaperFigure, Part
from nccli.figures.plots.dnc_share import DncShareVsWidth
from nccli.figures.plots.effective_rank import EffectiveRank
from nccli.figures.plots.heat_maps import CLASS_MEANS, GRAM
from nccli.figures.plots.loss_ratio import LossRatio
from nccli.figures.plots.rank_vs import RankVs
from nccli.figures.plots.spectra import Spectra
from nccli.figures.plots.training import Training
from nccli.figures.setting_axis import LR, WD

_DUFM = "kind=dufm and activation=relu and optimizer=gd and status in (stopped, converged)"
_E2E = "kind=e2e and status in (stopped, converged)"
_FIG2 = "K=10 and L=4 and wd=4e-3 and wd_h1=4e-3 and lr=0.5 and width=30"
_CIFAR10, _MNIST = "config.dataset=cifar10", "config.dataset=mnist"
_DUFM_LIKE, _STANDARD = "config.reg=dufm", "config.reg=standard"
_CLASS_MEANS, _GRAM = (BestHeatMap(figure.name, figure.matrix) for figure in (CLASS_MEANS, GRAM))
_RANK_VS_WD = RankVs("rank-vs-wd", WD)
_FIG1 = replace(_CLASS_MEANS, stages=(Stage(3, "post"), Stage(4, "pre"), Stage(4, "post")))
_FIG5 = replace(_CLASS_MEANS, stages=(Stage(2, "post"), Stage(3, "post"), Stage(4, "pre")))
_E2E_CIFAR10 = "nccli train-e2e --dataset cifar10 --backbone resnet20 --width 64 --seed 0..4"


def _low_rank(K: int) -> tuple[str, str]:
    return f"mean_hidden_rank<{K}", f"of low rank, on average below {K} in the hidden layers"


def _near_srg(number: int, K: int) -> PaperFigure:
    where = f"{_DUFM} and K={K} and L=4"
    command = f"nccli train-dufm --K {K} --L 4 --wd 1e-3,2e-3,4e-3 --seed 0..19"
    return PaperFigure(
        f"fig{number}",
        (
            Part(_CLASS_MEANS, f"class means of the best low-rank run, K = {K}", where, command, *_low_rank(K)),
            Part(_GRAM, f"its Gram matrices, K = {K}", where, command, *_low_rank(K)),
        ),
    )


PLOTS = (
    PaperFigure(
        "fig1",
        tuple(
            Part(
                _FIG1,
                kind.upper(),
                f"kind={kind} and K=10 and L=4",
                f"nccli construct --kind {kind} --K 10 --L 4",
            )
            for kind in ("srg", "dnc")
        ),
    ),
    PaperFigure(
        "fig2",
        tuple(
            Part(figure, f"{name}: {what}", where, command)
            for name, where, command in (
                (
                    "4-DUFM",
                    f"{_DUFM} and {_FIG2}",
                    "nccli train-dufm --K 10 --L 4 --wd 4e-3 --lr 0.5 --width 30 --seed 0..9",
                ),
                (
                    "CIFAR-10",
                    f"{_E2E} and {_CIFAR10} and {_DUFM_LIKE} and L=4 and wd=5e-3",
                    f"{_E2E_CIFAR10} --reg dufm --L 4 --wd 5e-3",
                ),
            )
            for figure, what in ((Training(), "training"), (Spectra(), "singular values at the end"))
        ),
    ),
    PaperFigure(
        "fig3",
        (
            Part(LossRatio(), "SRG loss over DNC loss"),
            Part(
                _RANK_VS_WD,
                "mean rank against weight decay",
                f"{_DUFM} and L=4 and K in (10, 15) and lr=0.5",
                "nccli train-dufm --K 10,15 --L 4 --wd 5e-4..8e-3:5 --seed 0..4",
            ),
            Part(
                DncShareVsWidth(),
                "share of runs in DNC against width",
                f"{_DUFM} and L=4 and K=10 and lr=0.5",
                "nccli train-dufm --K 10 --L 4 --width 10,16,24,32,64 --seed 0..19",
            ),
        ),
    ),
    PaperFigure(
        "fig4",
        tuple(
            Part(figure, f"{name}: {what}", f"{_E2E} and {where} and {_STANDARD} and L=5", command)
            for name, where, command in (
                ("CIFAR-10", _CIFAR10, f"{_E2E_CIFAR10} --reg standard --L 5"),
                ("MNIST", _MNIST, f"{_E2E_CIFAR10.replace('cifar10', 'mnist')} --reg standard --L 5"),
            )
            for figure, what in (
                (Training(), "training"),
                (Spectra(), "singular values at the end"),
                (_GRAM, "Gram matrices"),
                (EffectiveRank(), "effective rank"),
            )
        ),
    ),
    PaperFigure(
        "fig5",
        tuple(
            Part(
                _FIG5,
                f"K = {K}",
                f"{_DUFM} and K={K} and L=4",
                f"nccli train-dufm --K {K} --L 4 --n 1 --width {width} --wd {wd} --steps 50000 --seed 0..{last}",
                *_low_rank(K),
            )
            for K, width, wd, last in ((3, 6, "4e-3", 199), (4, 20, "4e-3,1.6e-2", 49), (5, 20, "4e-3,1.6e-2", 49))
        ),
    ),
    PaperFigure(
        "fig6",
        (
            Part(
                Spectra(),
                "singular values",
                f"{_DUFM} and K=15 and L=7",
                "nccli train-dufm --K 15 --L 7 --wd 1e-3 --lr 0.5 --steps 200000 --seed 0..4",
            ),
        ),
    ),
    _near_srg(7, 6),
    _near_srg(8, 15),
    PaperFigure(
        "fig9",
        tuple(
            Part(
                RankVs(f"rank-vs-{axis.column}", axis),
                f"mean rank against {axis.words}",
                f"{_E2E} and {_CIFAR10} and {_DUFM_LIKE}",
                f"nccli train-e2e --dataset cifar10 --backbone resnet20 --reg dufm "
                f"--{axis.column} {values} --seed 0..4",
            )
            for axis, values in (
                (WD, "1e-3,2e-3,5e-3,1e-2"),
                (LR, "0.25,0.5,1,2"),
            )
        ),
    ),
    PaperFigure(
        "fig10",
        (
            Part(
                _RANK_VS_WD,
                "mean rank against weight decay",
                f"{_E2E} and {_MNIST} and {_STANDARD}",
                "nccli train-e2e --dataset mnist --backbone resnet20 --reg standard --wd 1e-4,1e-3 --seed 0..4",
            ),
        ),
    ),
)
"""fig1 … fig10."""

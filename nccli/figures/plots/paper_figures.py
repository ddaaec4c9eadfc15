"""The figures of the paper: which runs each shows, and what makes them (theory sheet, section 4)."""

from dataclasses import replace

from nccli.catalogue.stages import Stage
from nccli.figures.best_heat_map import BestHeatMap
from nccli.figures.nearest import SQUARE, srg
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
_LAST_HIDDEN, _BEFORE_LAST, _LAST = Stage(3, "post"), Stage(4, "pre"), Stage(4, "post")
_TRAINING = Training(ranks=False)
_E2E_CIFAR10 = "nccli train-e2e --dataset cifar10 --backbone resnet20 --width 64 --seed 0..4"


_STANDARD_HEADS = tuple(
    (
        name,
        f"{_E2E} and {where} and {_STANDARD} and L=5",
        f"nccli train-e2e --dataset {dataset} --backbone resnet20 --width 64 --seed 0..4 --reg standard --L 5",
    )
    for name, where, dataset in (("CIFAR-10", _CIFAR10, "cifar10"), ("MNIST", _MNIST, "mnist"))
)
_FIG4_GRAM = replace(_GRAM, stages=(Stage(3, "post"), Stage(5, "post")))


def _low_rank(K: int) -> tuple[str, str]:
    return f"mean_hidden_rank<{K}", f"of low rank, on average below {K} in the hidden layers"


def _near_srg(number: int, K: int, r: int, made_by: str) -> PaperFigure:
    where = f"{_DUFM} and K={K} and L=4"
    command = f"nccli train-dufm --K {K} --L 4 --n 1 {made_by}"
    parts = ((_CLASS_MEANS, "class means"), (_GRAM, "Gram matrices"))
    return PaperFigure(
        f"fig{number}",
        tuple(
            Part(replace(figure, near=srg(r)), words, where, command, *_low_rank(K), cells=3, short=words)
            for figure, words in parts
        ),
    )


def _built(kind: str, figure: BestHeatMap, title: str, cells: float, *stages: Stage) -> Part:
    made_by, where = f"nccli construct --kind {kind} --K 10 --L 4", f"kind={kind} and K=10 and L=4"
    return Part(replace(figure, stages=stages), title, where, made_by, cells=cells, short=title)


PLOTS = (
    PaperFigure(
        "fig1",
        (
            _built("srg", _CLASS_MEANS, "SRG", 1.5, _LAST_HIDDEN, _BEFORE_LAST, _LAST),
            _built("srg", _GRAM, "SRG, Gram", 0.9, _LAST_HIDDEN, _LAST),
            _built("dnc", _CLASS_MEANS, "DNC", 0.5, _LAST),
        ),
    ),
    PaperFigure(
        "fig2",
        tuple(
            Part(figure, f"{name}: {what}", where, command, short=name if figure is _TRAINING else "")
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
            for figure, what in ((_TRAINING, "training"), (Spectra(), "singular values at the end"))
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
                "nccli train-dufm --K 10,15 --L 4 --n 1 --width 20 --wd 5e-4..8e-3:5 --steps 100000 --seed 0..4",
            ),
            Part(
                DncShareVsWidth(),
                "share of runs in DNC against width",
                f"{_DUFM} and L=4 and K=10 and lr=0.5",
                "nccli train-dufm --K 10 --L 4 --n 1 --width 10,14,20,30,64 --wd 2e-3 --steps 100000 --seed 0..19",
            ),
        ),
    ),
    PaperFigure(
        "fig4",
        (
            *(
                Part(figure, f"{name}: {what}", where, command, short=name if figure is _TRAINING else "")
                for name, where, command in _STANDARD_HEADS
                for figure, what in ((_TRAINING, "training"), (Spectra(), "singular values at the end"))
            ),
            Part(
                EffectiveRank(),
                "effective rank",
                f"{_E2E} and config.dataset in (cifar10, mnist) and {_STANDARD} and L=5",
                _STANDARD_HEADS[0][2],
                cells=1.35,
            ),
            *(
                Part(_FIG4_GRAM, f"{name}: Gram matrices", where, command, cells=0.825, short=f"{name}, Gram")
                for name, where, command in _STANDARD_HEADS
            ),
        ),
    ),
    PaperFigure(
        "fig5",
        tuple(
            Part(
                replace(_CLASS_MEANS, stages=(Stage(2, "post"), _LAST_HIDDEN, _BEFORE_LAST), near=near),
                f"K = {K}",
                f"{_DUFM} and K={K} and L=4",
                f"nccli train-dufm --K {K} --L 4 --n 1 {made_by}",
                *_low_rank(K),
                cells=1,
                short=f"K = {K}",
            )
            for K, near, made_by in (
                (3, None, "--width 6 --wd 4e-3 --steps 50000 --seed 0..199"),
                (4, SQUARE, "--width 10 --wd 2e-2 --steps 30000 --seed 0..19"),
                (5, None, "--width 20 --wd 4e-3,1.6e-2 --steps 50000 --seed 0..49"),
            )
        ),
    ),
    PaperFigure(
        "fig6",
        (
            Part(
                Spectra(layerwise=True),
                "singular values",
                f"{_DUFM} and K=15 and L=7",
                "nccli train-dufm --K 15 --L 7 --wd 1e-3 --lr 0.5 --steps 200000 --seed 0..4",
            ),
        ),
    ),
    _near_srg(7, 6, 4, "--width 18 --wd 4e-3 --wd-h1 .04 --steps 20000 --seed 0..19"),
    _near_srg(8, 15, 6, "--width 20 --wd 8e-3 --steps 30000 --seed 0..29"),
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

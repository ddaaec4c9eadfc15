"""The figures of `nccli plot`, in the order of every list: name, and one line that says what is shown."""

from enum import StrEnum


class PhaseColor(StrEnum):
    """What the colours of `phase` show."""

    RANK = "rank"
    DNC = "dnc"
    SRG = "srg"
    OUTCOME = "outcome"


FIGURES: dict[str, str] = {
    "loss-ratio": "loss of SRG and the best known over DNC against K, runs as points",
    "rank-vs-wd": "mean rank of the hidden layers against weight decay",
    "rank-vs-lr": "mean rank of the hidden layers against learning rate",
    "rank-vs-width": "mean rank of the hidden layers against width",
    "rank-vs-K": "mean rank of the hidden layers against the number of classes",
    "rank-vs-L": "mean rank of the hidden layers against depth",
    "dnc-share-vs-width": "stacked shares of outcomes against width or --x, DNC with its interval",
    "outcomes": "stacked bars of how many runs ended in what, by setting or along --x SETTING",
    "training": "loss of every run over DNC's, DNC1 and rank by layer over training",
    "collapse-over-steps": "NC1 to NC4 and ranks by layer over checkpoints or training",
    "bottleneck": "rank, effective rank and DNC1 by layer, mean ± sd over runs",
    "singular-values": "singular values of every layer over training, a line each (--keep trajectory)",
    "spectra": "singular values of the class means by layer, a line a run and the median",
    "effective-rank": "effective rank of the class means by layer, mean ± sd over runs",
    "class-means": "class means by layer as heat maps, classes ordered by structure",
    "gram": "Gram matrices of the class means by layer, classes ordered by structure",
    "gallery": "Grams of the distinct solutions of a problem, with counts and losses",
    "graph": "recognised solutions as graphs: vertices, and classes as edges or sets of them",
    "landscape": "loss over DNC's against mean hidden rank, with solutions as crosses",
    "phase": "hidden rank, share of DNC or SRG, or outcome over two settings (--x --y)",
    "fig1": "class means of the SRG and DNC solutions, K = 10, L = 4",
    "fig2": "training and spectra: 4-DUFM, and CIFAR-10 with DUFM-like regularisation",
    "fig3": "loss ratio against K; rank against weight decay; share of DNC against width",
    "fig4": "ResNet20 with a 5-layer head, standard weight decay, CIFAR-10 and MNIST",
    "fig5": "low-rank solutions for K = 3, 4, 5, L = 4",
    "fig6": "spectra of the layers, K = 15, L = 7",
    "fig7": "near-SRG solutions at K = 6, L = 4: class means and Gram matrices",
    "fig8": "near-SRG solutions at K = 15, L = 4: class means and Gram matrices",
    "fig9": "mean rank against weight decay and learning rate: CIFAR-10, DUFM-like",
    "fig10": "mean rank against weight decay: MNIST, standard regularisation",
}
"""Summary by name; each is drawn by a module of `nccli.figures.plots`."""

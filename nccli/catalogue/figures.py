"""The figures of `nccli plot`, in the order of every list: name, and one line that says what is shown."""

from enum import StrEnum


class PhaseColor(StrEnum):
    """What the colours of `phase` show."""

    RANK = "rank"
    DNC = "dnc"
    SRG = "srg"
    OUTCOME = "outcome"


FIGURES: dict[str, str] = {
    "loss-ratio": "loss of SRG and best known over DNC against K, and runs",
    "rank-vs-wd": "mean hidden rank against weight decay",
    "rank-vs-lr": "mean hidden rank against learning rate",
    "rank-vs-width": "mean hidden rank against width",
    "rank-vs-K": "mean hidden rank against the number of classes",
    "rank-vs-L": "mean hidden rank against depth",
    "dnc-share-vs-width": "stacked shares of outcomes against width or --x",
    "outcomes": "bars of how many runs ended in what, by setting or --x",
    "training": "loss over DNC's, DNC1 and rank by layer over training",
    "collapse-over-steps": "NC1 to NC4 and ranks over checkpoints or training",
    "bottleneck": "rank, effective rank and DNC1 by layer, over runs",
    "singular-values": "singular values over training (--keep trajectory)",
    "spectra": "singular values by layer, a line a run and the median",
    "effective-rank": "effective rank of the class means by layer, mean ± sd",
    "class-means": "class means by layer as heat maps, classes in order",
    "gram": "Gram matrices of the class means, classes in order",
    "gallery": "Grams of a problem's distinct solutions, counts, losses",
    "graph": "recognised solutions drawn as their graphs",
    "landscape": "loss over DNC's against mean hidden rank, theory as crosses",
    "phase": "rank, share of DNC or SRG, or outcome over --x and --y",
    "fig1": "class means of the SRG and DNC solutions, K = 10, L = 4",
    "fig2": "training and spectra: 4-DUFM, and CIFAR-10 like it",
    "fig3": "loss ratio against K; rank against λ; DNC share against d",
    "fig4": "networks with standard weight decay, CIFAR-10 and MNIST",
    "fig5": "low-rank solutions for K = 3, 4, 5, L = 4",
    "fig6": "spectra of the layers, K = 15, L = 7",
    "fig7": "near-SRG solutions at K = 6, L = 4",
    "fig8": "near-SRG solutions at K = 15, L = 4",
    "fig9": "mean rank against λ and learning rate: CIFAR-10",
    "fig10": "mean rank against λ: MNIST, standard weight decay",
}
"""Summary by name; each is drawn by a module of `nccli.figures.plots`."""

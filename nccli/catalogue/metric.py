"""What the declaration of a metric says."""

import math
from dataclasses import dataclass
from enum import StrEnum

from nccli.catalogue.stages import When


class Need(StrEnum):
    """What a metric is a function of; `nccli.metrics.LayerData` has each by this name.

    MEANS: class means, (K, d), one class a row. SPECTRUM: their singular values. CENTRED: class means minus their mean.
    CENTRED_SPECTRUM: singular values of these. STATISTICS: `nccli.metrics.ClassStatistics`. COVARIANCE: these with
    their d × d matrix. FEATURE_SPECTRUM: singular values of all features minus their mean, over √N.

    WEIGHTS: (out, d) of the linear map that reads the layer. CLASSIFIER, BIAS: these where they have a row a class.
    MADE_BY: (d, in) of the map that makes the layer. WEIGHT_SPECTRUM: singular values of the layer's own matrix, which
    is W_l, or of a module the module's. OUTPUT: class means of the network's output, one a row, of the layer that it
    is made from. OBJECTIVE: name of what the output is held to. SIZES: samples of each class, where classes are of
    unequal sizes on purpose.

    OUTSIDE: mean feature of an out-of-distribution set. SAMPLES, PREDICTIONS: features of all samples, classes that the
    network predicts; whoever sees these pass measures the metric and hands it over.
    """

    MEANS = "means"
    SPECTRUM = "spectrum"
    CENTRED = "centred_means"
    CENTRED_SPECTRUM = "centred_spectrum"
    STATISTICS = "statistics"
    COVARIANCE = "covariance"
    WEIGHTS = "weights"
    FEATURE_SPECTRUM = "feature_spectrum"
    CLASSIFIER = "classifier"
    BIAS = "classifier_bias"
    MADE_BY = "made_by"
    WEIGHT_SPECTRUM = "weight_spectrum"
    OUTPUT = "output"
    OBJECTIVE = "objective"
    SIZES = "sizes"
    OUTSIDE = "outside"
    SAMPLES = "samples"
    PREDICTIONS = "predictions"


class Family(StrEnum):
    """Which metrics are measured together."""

    LAYER = "layer"  # of every layer of every run
    SINGLE = "single"  # NC1 to NC4 of a layer of anybody's network, where there are statistics of its samples


_BOTH = (When.PRE.value, When.POST.value)
POST = (When.POST.value,)
PRE = (When.PRE.value,)


@dataclass(frozen=True)
class Metric:
    """A number for each layer and stage.

    Attributes:
        name: of its column in table `layer`, and of its function.
        module: file of `nccli.metrics` that has the function.
        header: of its column on the terminal.
        of: the formula.
        needs: what the function takes, in the order of its arguments.
        means: one line on how to read it, with the value of full collapse.
        source: where it comes from.
        low, high: its range.
        stages: at which it exists.
        family: with which others it is measured.
        function: its name, where that is another.
        digits: on the terminal.
        whole: whether it is a whole number.
        always: whether every layer has it: nan is then stored as NULL and read as nan; else nan is absent.
        required: whether no layer of any store lacks it: those of the first schema.
        history: whether it is kept over training.
        recorded: whether it stands in the record of a run, not only in the store.
        measured: whether the table of `nccli measure` has room for it; its records have all.
    """

    name: str
    module: str
    header: str
    of: str
    needs: tuple[Need, ...]
    means: str
    source: str
    low: float = 0.0
    high: float = math.inf
    stages: tuple[str, ...] = _BOTH
    family: Family = Family.LAYER
    function: str = ""
    digits: int = 2
    whole: bool = False
    always: bool = False
    required: bool = False
    history: bool = False
    recorded: bool = True
    measured: bool = True

"""The metrics of a layer at a stage: what each is, what it needs, where its formula comes from.

A metric is one declaration here and one function of the same name in `nccli.metrics`. Table `layer`, records, tables on
the terminal, queries, completion, documentation and measuring again read the declaration; what a metric needs decides
of what it can be measured.
"""

import math
from dataclasses import dataclass
from enum import StrEnum

from nccli.catalogue.stages import When


class Need(StrEnum):
    """What a metric is a function of; `nccli.metrics.LayerData` has each by this name.

    MEANS: class means, (K, d), one class a row. SPECTRUM: their singular values. CENTRED: class means minus their mean.
    STATISTICS: `nccli.metrics.ClassStatistics`. COVARIANCE: these with their d × d matrix. WEIGHTS: (out, d) of the
    linear map that reads the layer. CLASSIFIER: these weights where they have a row a class. OUTPUT: class means of the
    network's output, one a row, of the layer that it is made from. SAMPLES, PREDICTIONS: features of all samples,
    classes that the network predicts; whoever sees these pass measures the metric and hands it over.
    """

    MEANS = "means"
    SPECTRUM = "spectrum"
    CENTRED = "centred_means"
    STATISTICS = "statistics"
    COVARIANCE = "covariance"
    WEIGHTS = "weights"
    CLASSIFIER = "classifier"
    OUTPUT = "output"
    SAMPLES = "samples"
    PREDICTIONS = "predictions"


class Family(StrEnum):
    """Which metrics are measured together."""

    LAYER = "layer"  # of every layer of every run
    SINGLE = "single"  # NC1 to NC4 of a layer of anybody's network, where there are statistics of its samples


MEANS, SPECTRUM, CENTRED, STATISTICS = Need.MEANS, Need.SPECTRUM, Need.CENTRED, Need.STATISTICS
COVARIANCE = Need.COVARIANCE
WEIGHTS, CLASSIFIER, SAMPLES, PREDICTIONS = Need.WEIGHTS, Need.CLASSIFIER, Need.SAMPLES, Need.PREDICTIONS
OUTPUT = Need.OUTPUT

_BOTH = (When.PRE.value, When.POST.value)
_POST = (When.POST.value,)
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


_DNC, _NC = "Súkeník et al. 2024, section 6", "Papyan, Han and Donoho 2020"
_SINGLE = Family.SINGLE

METRICS: tuple[Metric, ...] = (
    Metric(
        "dnc1",
        "covariance",
        "DNC1",
        of="tr Σ_W / tr Σ_B, classes weighed by their samples",
        needs=(SAMPLES,),
        means="variability within over between classes; 0: collapsed",
        source=_DNC,
        always=True,
        history=True,
    ),
    Metric(
        "dnc2",
        "spectrum",
        "DNC2",
        of="s_1/s_K of the class means",
        needs=(MEANS,),
        means="condition number; 1: orthogonal frame, inf: rank below K",
        source=_DNC,
        low=1.0,
        always=True,
    ),
    Metric(
        "dnc3",
        "alignment",
        "DNC3",
        of="mean over rows w of W_l of 1 − max_k |cos(w, m_k)|, weights ‖w‖²",
        needs=(WEIGHTS, MEANS),
        means="misalignment of W_l with the class means; 0: aligned",
        source=_DNC,
        high=1.0,
        stages=_POST,
    ),
    Metric(
        "negative_share",
        "relu",
        "neg.",
        of="‖min(M̃_l, 0)‖²_F / ‖M̃_l‖²_F",
        needs=(MEANS,),
        means="0: ReLU does nothing to the class means of this layer",
        source=_DNC + ".1",
        high=1.0,
        stages=PRE,
    ),
    Metric(
        "rank",
        "spectrum",
        "rank",
        of="number of s_i > max(rtol s_1, 1e-6)",
        needs=(SPECTRUM,),
        required=True,
        means="numerical rank of the class means at the default tolerance 0.01; K: DNC",
        source=_DNC,
        function="numerical_rank",
        whole=True,
        history=True,
    ),
    Metric(
        "rank_gap",
        "gap",
        "gap",
        of="s_r/s_{r+1}, r the rank",
        needs=(SPECTRUM,),
        means="how far the rank is from hanging on its tolerance; inf: no singular value is dropped",
        source="nccli",
        low=1.0,
        function="spectral_gap",
    ),
    Metric(
        "effective_rank",
        "spectrum",
        "eff.",
        of="exp(entropy of s/Σs)",
        needs=(SPECTRUM,),
        required=True,
        means="between 1 and the rank, 0 for zero",
        source="Roy and Vetterli 2007",
    ),
    Metric(
        "stable_rank",
        "spectrum",
        "stable",
        of="‖M‖²_F/‖M‖²_2",
        needs=(SPECTRUM,),
        required=True,
        means="between 1 and the rank, 0 for zero",
        source="Rudelson and Vershynin 2007",
        measured=False,
    ),
    Metric(
        "nuclear_norm",
        "spectrum",
        "nuclear",
        of="Σ s_i",
        needs=(SPECTRUM,),
        required=True,
        means="nuclear norm of the class means",
        source="theory sheet, section 2",
        recorded=False,
        measured=False,
    ),
    Metric(
        "classes_kept",
        "kept_classes",
        "kept",
        of="number of classes whose mean output is largest at themselves, by 0.2, and whose means are no others'",
        needs=(OUTPUT, MEANS),
        means="of the last layer; K: all classes are told apart, 0: none",
        source="½/K of the loss for each that is not",
        stages=_POST,
        whole=True,
        recorded=False,
        measured=False,
    ),
    Metric(
        "nc1_pinv",
        "neural_collapse",
        "pinv",
        of="tr(Σ_W Σ_B⁺)/K, classes of equal weight in Σ_B",
        needs=(COVARIANCE,),
        means="NC1; 0: collapsed",
        source=_NC,
        family=_SINGLE,
    ),
    Metric(
        "cdnv",
        "neural_collapse",
        "CDNV",
        of="mean over pairs of (V_a + V_b)/(2 ‖m_a − m_b‖²)",
        needs=(STATISTICS,),
        means="class-distance normalised variance; 0: collapsed",
        source="Galanti et al. 2021",
        family=_SINGLE,
    ),
    Metric(
        "equinorm",
        "neural_collapse",
        "norms",
        of="sd/mean of ‖m_k‖, centred",
        needs=(CENTRED,),
        means="NC2; 0: equal norms",
        source=_NC,
        family=_SINGLE,
    ),
    Metric(
        "equiangularity",
        "neural_collapse",
        "angles",
        of="mean over pairs of |cos(m_a, m_b) + 1/(K−1)|, centred",
        needs=(CENTRED,),
        means="NC2; 0: equal angles",
        source=_NC,
        high=2.0,
        family=_SINGLE,
    ),
    Metric(
        "etf_distance",
        "neural_collapse",
        "ETF",
        of="‖G/‖G‖ − E/‖E‖‖_F, centred, E = I − 11ᵀ/K",
        needs=(CENTRED,),
        means="NC2; 0: simplex ETF",
        source=_NC,
        high=math.sqrt(2),
        family=_SINGLE,
    ),
    Metric(
        "frame_distance",
        "neural_collapse",
        "frame",
        of="‖G/‖G‖ − I/√K‖_F",
        needs=(MEANS,),
        means="NC2 without bias; 0: orthogonal frame",
        source="Súkeník et al. 2024, Definition 10",
        high=math.sqrt(2),
        family=_SINGLE,
    ),
    Metric(
        "self_duality",
        "neural_collapse",
        "NC3",
        of="‖W/‖W‖ − M/‖M‖‖_F, centred",
        needs=(CLASSIFIER, CENTRED),
        means="NC3; 0: classifier and class means are one",
        source=_NC,
        high=2.0,
        family=_SINGLE,
    ),
    Metric(
        "nc4",
        "neural_collapse",
        "NC4",
        of="share of samples on which the network and the nearest class mean disagree",
        needs=(PREDICTIONS,),
        means="NC4; 0: they agree",
        source=_NC,
        high=1.0,
        family=_SINGLE,
    ),
)
"""All metrics, in the order of every table."""

BY_NAME = {metric.name: metric for metric in METRICS}
HISTORY = tuple(metric for metric in METRICS if metric.history)
"""Those that are kept over training."""

"""The metrics of a layer at a stage: what each is, what it needs, where its formula comes from.

A metric is one declaration here and one function of the same name in `nccli.metrics`. Table `layer`, records, tables on
the terminal, queries, completion, documentation and measuring again read the declaration; what a metric needs decides
of what it can be measured. Those of every layer of every run stand here, those of anybody's networks beside.
"""

from nccli.catalogue.metric import POST, PRE, Family, Metric, Need
from nccli.catalogue.single_layer_metrics import SINGLE_LAYER
from nccli.catalogue.sources import FANG, ROY, RUDELSON, SUKENIK
from nccli.catalogue.weight_metrics import OF_WEIGHTS

__all__ = ["BY_NAME", "HISTORY", "METRICS", "Family", "Metric", "Need"]

_OF_EVERY_LAYER: tuple[Metric, ...] = (
    Metric(
        "dnc1",
        "covariance",
        "DNC1",
        of="tr Σ_W / tr Σ_B, classes weighed by their samples",
        needs=(Need.SAMPLES,),
        means="variability within over between classes; 0: collapsed",
        source=SUKENIK,
        always=True,
        history=True,
    ),
    Metric(
        "dnc2",
        "spectrum",
        "DNC2",
        of="s_1/s_K of the class means",
        needs=(Need.MEANS,),
        means="condition number; 1: orthogonal frame, inf: rank below K",
        source=SUKENIK,
        low=1.0,
        always=True,
    ),
    Metric(
        "dnc3",
        "alignment",
        "DNC3",
        of="mean over rows w of W_l of 1 − max_k |cos(w, m_k)|, weights ‖w‖²",
        needs=(Need.WEIGHTS, Need.MEANS),
        means="misalignment of W_l with the class means; 0: aligned",
        source=SUKENIK,
        high=1.0,
        stages=POST,
    ),
    Metric(
        "negative_share",
        "relu",
        "neg.",
        of="‖min(M̃_l, 0)‖²_F / ‖M̃_l‖²_F",
        needs=(Need.MEANS,),
        means="0: ReLU does nothing to the class means of this layer",
        source=SUKENIK + ".1",
        high=1.0,
        stages=PRE,
    ),
    Metric(
        "rank",
        "spectrum",
        "rank",
        of="number of s_i > max(rtol s_1, 1e-6)",
        needs=(Need.SPECTRUM,),
        required=True,
        means="numerical rank of the class means at the default tolerance 0.01; K: DNC",
        source=SUKENIK,
        function="numerical_rank",
        whole=True,
        history=True,
    ),
    Metric(
        "rank_gap",
        "gap",
        "gap",
        of="s_r/s_{r+1}, r the rank",
        needs=(Need.SPECTRUM,),
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
        needs=(Need.SPECTRUM,),
        required=True,
        means="between 1 and the rank, 0 for zero",
        source=ROY,
    ),
    Metric(
        "stable_rank",
        "spectrum",
        "stable",
        of="‖M‖²_F/‖M‖²_2",
        needs=(Need.SPECTRUM,),
        required=True,
        means="between 1 and the rank, 0 for zero",
        source=RUDELSON,
        measured=False,
    ),
    Metric(
        "nuclear_norm",
        "spectrum",
        "nuclear",
        of="Σ s_i",
        needs=(Need.SPECTRUM,),
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
        needs=(Need.OUTPUT, Need.MEANS),
        means="of the last layer; K: all classes are told apart, 0: none",
        source="½/K of the loss for each that is not",
        stages=POST,
        whole=True,
        recorded=False,
        measured=False,
    ),
    Metric(
        "minority_collapse",
        "kept_classes",
        "min.",
        of="1 where larger classes are kept, and none that is smaller than one that is not",
        needs=(Need.OUTPUT, Need.MEANS, Need.SIZES),
        means="of the last layer of classes of unequal sizes; 1: the minority is lost, 0: nothing is, or others are",
        source=FANG,
        high=1.0,
        stages=POST,
        whole=True,
        recorded=False,
        measured=False,
    ),
)

METRICS = (*_OF_EVERY_LAYER, *SINGLE_LAYER, *OF_WEIGHTS)
"""All metrics, in the order of every table."""

BY_NAME = {metric.name: metric for metric in METRICS}
HISTORY = tuple(metric for metric in METRICS if metric.history)
"""Those that are kept over training."""

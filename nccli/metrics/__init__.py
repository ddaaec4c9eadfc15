"""Collapse metrics and ranks: pure functions, arrays in, numbers out (numpy only)."""

from nccli.metrics.alignment import dnc3
from nccli.metrics.class_statistics import ClassStatistics, class_statistics
from nccli.metrics.covariance import class_means, dnc1
from nccli.metrics.kept_classes import classes_kept, constant_output, distinct_means, kept_classes, ridge_output
from nccli.metrics.layer_data import LayerData, remeasured
from nccli.metrics.layers import LayerMetrics, layer_metrics, measure_layers
from nccli.metrics.neural_collapse import (
    cdnv,
    equiangularity,
    equinorm,
    etf_distance,
    frame_distance,
    nc1_pinv,
    nearest_class_mean,
    nearest_class_mean_disagreement,
    self_duality,
)
from nccli.metrics.outcome import LayerFindings, RunOutcome, run_outcome
from nccli.metrics.spectrum import (
    RANK_RTOL,
    ZERO_FLOOR,
    dnc2,
    effective_rank,
    nuclear_norm,
    numerical_rank,
    singular_values,
    stable_rank,
)
from nccli.metrics.structure import STRUCTURE_RTOL, Structure, recognise_structure

__all__ = [
    "RANK_RTOL",
    "STRUCTURE_RTOL",
    "ZERO_FLOOR",
    "ClassStatistics",
    "LayerData",
    "LayerFindings",
    "LayerMetrics",
    "RunOutcome",
    "Structure",
    "cdnv",
    "class_means",
    "class_statistics",
    "classes_kept",
    "constant_output",
    "distinct_means",
    "dnc1",
    "dnc2",
    "dnc3",
    "effective_rank",
    "equiangularity",
    "equinorm",
    "etf_distance",
    "frame_distance",
    "kept_classes",
    "layer_metrics",
    "measure_layers",
    "nc1_pinv",
    "nearest_class_mean",
    "nearest_class_mean_disagreement",
    "nuclear_norm",
    "numerical_rank",
    "recognise_structure",
    "remeasured",
    "ridge_output",
    "run_outcome",
    "self_duality",
    "singular_values",
    "stable_rank",
]

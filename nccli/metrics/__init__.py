"""Collapse metrics and ranks: pure functions, arrays in, numbers out (numpy only)."""

from nccli.metrics._alignment import dnc3
from nccli.metrics._covariance import class_means, dnc1
from nccli.metrics._layers import LayerMetrics, measure_layers
from nccli.metrics._spectrum import (
    RANK_RTOL,
    ZERO_FLOOR,
    dnc2,
    effective_rank,
    nuclear_norm,
    numerical_rank,
    singular_values,
    stable_rank,
)
from nccli.metrics._structure import STRUCTURE_RTOL, Structure, recognise_structure

__all__ = [
    "RANK_RTOL",
    "STRUCTURE_RTOL",
    "ZERO_FLOOR",
    "LayerMetrics",
    "Structure",
    "class_means",
    "dnc1",
    "dnc2",
    "dnc3",
    "effective_rank",
    "measure_layers",
    "nuclear_norm",
    "numerical_rank",
    "recognise_structure",
    "singular_values",
    "stable_rank",
]

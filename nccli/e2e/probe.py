"""The probe of `nccli.measure.probe`, under the name by which it was first known."""

from nccli.measure.probe import INPUT, LayerProbe, ProbedLayer, flat_features

__all__ = ["INPUT", "LayerProbe", "ProbedLayer", "flat_features"]

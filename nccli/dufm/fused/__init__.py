"""Steps of many small runs on a GPU as one persistent kernel, whose state stays on the chip."""

from nccli.dufm.fused.steps import FusedSteps, fused_steps, is_fused, most_shared

__all__ = ["FusedSteps", "fused_steps", "is_fused", "most_shared"]

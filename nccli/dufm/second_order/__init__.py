"""Second order: whether a stationary point is a minimum, and where it leads if not."""

from nccli.dufm.second_order.judgement import STATIONARY, Judgement, judge
from nccli.dufm.second_order.leaving import descent_rate, way_down

__all__ = ["STATIONARY", "Judgement", "descent_rate", "judge", "way_down"]

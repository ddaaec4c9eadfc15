"""Paths between two points of one problem: aligned, straight, relaxed."""

from nccli.dufm.paths.passage import Passage, Relaxed, passage
from nccli.dufm.paths.polyline import Way
from nccli.dufm.paths.saddle import Saddle

__all__ = ["Passage", "Relaxed", "Saddle", "Way", "passage"]

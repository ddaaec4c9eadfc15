"""Ends of descent refined to certified stationary points."""

from nccli.dufm.refined.certificate import CERTIFIED, Certificate, certificate
from nccli.dufm.refined.problem import RefinedProblem
from nccli.dufm.refined.refined_point import Refined
from nccli.dufm.refined.refinement import refine, require_room
from nccli.dufm.refined.sweep import Point, refine_all

__all__ = [
    "CERTIFIED",
    "Certificate",
    "Point",
    "Refined",
    "RefinedProblem",
    "certificate",
    "refine",
    "refine_all",
    "require_room",
]

"""The search for the best solution of a problem."""

from nccli.search.config import SearchConfig
from nccli.search.point import SearchPoint
from nccli.search.search import Search, SearchProgress
from nccli.search.unit_sets import unit_sets

__all__ = ["Search", "SearchConfig", "SearchPoint", "SearchProgress", "unit_sets"]

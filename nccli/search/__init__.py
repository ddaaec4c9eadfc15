"""The search for the best solution of a problem. What takes SciPy is imported from its modules, where it is needed."""

from nccli.search.config import SearchConfig

__all__ = ["SearchConfig"]

"""How a search found its point, as text that can be followed again, also for another problem of these sizes."""

import re
from dataclasses import dataclass

from nccli.errors import InputError
from nccli.search.config import SearchConfig
from nccli.search.descents import descent, ends_of
from nccli.search.point import SearchPoint
from nccli.theory import Solution, closed_forms, hypergraph, parse_hypergraph, solve

_SHAKEN = re.compile(r", shaken by ([0-9.e+-]+) \(seed (\d+)\)")
_DESCENT = re.compile(r"descent \(seed (\d+), width (\d+), init scale ([0-9.e+-]+)\)")
_HYPERGRAPH = "hypergraph "


@dataclass(frozen=True)
class Recipe:
    """A beginning, and noise between which one refines.

    Attributes:
        beginning: a construction's label, "hypergraph {0},{1},…" or "descent (…)".
        shakes: relative size and seed of the noise.
    """

    beginning: str
    shakes: tuple[tuple[float, int], ...]

    @classmethod
    def parse(cls, text: str) -> "Recipe":
        """Of the text that `SearchPoint.found_by` has."""
        beginning = _SHAKEN.sub("", text)
        return cls(beginning, tuple((float(noise), int(seed)) for noise, seed in _SHAKEN.findall(text)))

    def begin(self, config: SearchConfig, spare: int) -> SearchPoint:
        """The point that it begins with, of the problem of a search.

        Args:
            config: of the search.
            spare: units a layer more than a construction needs.

        Raises:
            InputError: the problem has no such beginning.
        """
        found = _DESCENT.fullmatch(self.beginning)
        if found is not None:
            run = descent(config, int(found[1]), int(found[2]), float(found[3]))
            for each in ends_of(config, [run]):
                return each
            raise InputError(f"{self.beginning}: it has no end for this problem")
        return SearchPoint.constructed(self._solution(config), spare)

    def _solution(self, config: SearchConfig) -> Solution:
        problem = config.problem
        if self.beginning.startswith(_HYPERGRAPH):
            return solve(problem, hypergraph(problem, parse_hypergraph(self.beginning.removeprefix(_HYPERGRAPH))))
        for each in closed_forms(problem):
            if each.construction.label == self.beginning:
                return each
        raise InputError(f"{self.beginning}: no construction for K = {problem.K}, L = {problem.L}")

"""The search for the best solution of a problem: templates, random descents, and what is near the best of them."""

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from threadpoolctl import threadpool_limits

from nccli.dufm.refined import Point, RefinedProblem, refine_all, require_room
from nccli.errors import InputError
from nccli.search.config import SearchConfig
from nccli.search.descents import random_ends
from nccli.search.point import SearchPoint
from nccli.search.recipe import Recipe
from nccli.search.templates import best_templates
from nccli.theory import closed_forms, solve_dnc
from nccli.training.watch import Watch

_TEMPLATES, _REFINED = 12, 8
"""Tastes: sums of hypergraphs, and of these and of random ends each, that are refined."""

_SPARE = 4
"""A taste: units a layer that refining may use beside those that there are."""

_NOISES = (1e-3, 1e-2, 3e-2, 1e-1)
"""Tastes: relative to the norm of each matrix; points of 6 classes have left for better ones at each of these."""

_BASES, _ROUNDS = 2, 6
"""Tastes: how many of the best distinct points are shaken in the first round, later only the best; most rounds."""

_ROUNDING = 1e-11
"""A bound: relative distance of losses that tie; refined points have 1e-13."""

_HOPEFUL = 1.02
"""A taste: of the best loss, up to which a random end is refined; refining lowers the loss by a thousandth or less."""

_SAME, _BETTER = 1e-7, 1e-10
"""Tastes: relative distance of losses of one point, and the least gain that another round is worth."""

_MOST_UNKNOWNS = 4000
"""A taste: a Newton step then takes some ten seconds."""

_SHARE = 0.4
"""A taste: of a budget, what comparing hypergraphs may take."""


@dataclass(frozen=True)
class SearchProgress:
    """What is seen of a search.

    Attributes:
        stage: what is being done.
        step, steps: of what there is to do in it.
        loss: least so far, inf at first.
        loss_dnc: of DNC.
        seconds: since it began.
    """

    stage: str
    step: int
    steps: int
    loss: float
    loss_dnc: float
    seconds: float


@dataclass(eq=False)
class Search:
    """A search, from its start to its end.

    Attributes:
        config: what is searched.
        watch: who watches.
        points: all that was evaluated, the best first.
    """

    config: SearchConfig
    watch: Watch[SearchProgress]
    points: list[SearchPoint] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Nothing is done yet."""
        self._began = time.monotonic()
        self._problem = self.config.problem
        self._loss_dnc = solve_dnc(self._problem).loss
        self.interrupted = self._told = False
        self._evaluated: list[SearchPoint] = []

    def run(self, known: Iterable[SearchPoint] = ()) -> SearchPoint:
        """All of the work, or as much as the budget allows.

        Args:
            known: points to begin with, of the problem, or of one with other λ.

        Returns:
            The best point: the least loss, and a certified one of equal ones.
        """
        with threadpool_limits(1):  # the matrices are small
            self._run(known)
        return self.best

    @property
    def best(self) -> SearchPoint:
        """Of the points with the least loss a certified one, and of these the first that was evaluated."""
        tied = (each for each in self.points if each.loss <= self.points[0].loss * (1 + _ROUNDING))
        return min(tied, key=lambda each: (not each.certified, self._evaluated.index(each)))

    def _run(self, known: Iterable[SearchPoint]) -> None:
        stored = list(known)
        self._keep(stored)
        if self.config.recipe is not None:
            self._follow(Recipe.parse(self.config.recipe))
            return
        self._refine("stored", stored)
        constructed = [SearchPoint.constructed(each, _SPARE) for each in closed_forms(self._problem)]
        self._keep(constructed)
        self._tell("templates", 0, 1)
        templates = best_templates(self._problem, _TEMPLATES, lambda: self._is_over(_SHARE))
        found = [SearchPoint.constructed(each, _SPARE) for each in templates]
        self._keep(found)
        self._refine("templates", self._distinct([*constructed, *found], _REFINED))
        self._shake()
        if self.config.descents and not self._is_over():
            before = self.points[0].loss
            ends = random_ends(self.config, self._is_over, lambda done, of: self._tell("descents", done, of))
            hopeful = [each for each in ends if each.loss < before * _HOPEFUL]
            self._refine("ends", self._distinct(hopeful, _REFINED))
            if self.points[0].loss < before * (1 - _BETTER):
                self._shake()

    def _follow(self, recipe: Recipe) -> None:
        """Refine the beginning of a recipe, then again after each of its shakes; what came of the last is kept too."""
        point = recipe.begin(self.config, _SPARE)
        self._keep([point])
        for number, (noise, seed) in enumerate([(0.0, 0), *recipe.shakes]):
            shaken = point.shaken(noise, _SPARE, seed) if number else point
            found = self._refine("recipe", [shaken])
            if not found:
                return  # asked to stop, or too large to refine
            point = found[0]

    def _shake(self) -> None:
        """Noise on the best points, and refining, for as long as that leads to better ones."""
        for number in range(_ROUNDS):
            if self._is_over():
                return
            before = self.points[0].loss
            seed = self.config.seed * _ROUNDS + number
            shaken = [
                each.shaken(noise, _SPARE, seed)
                for each in self._distinct(self.points, 1 if number else _BASES)
                for noise in _NOISES
            ]
            self._refine(f"round {number + 1}", shaken)
            if self.points[0].loss > before * (1 - _BETTER):
                return

    def _refine(self, stage: str, points: Sequence[SearchPoint]) -> list[SearchPoint]:
        """Refine points and keep what comes of them, which is returned."""
        if self._is_over():
            return []
        points = [each for each in points if self._fits(each)]
        asked = [Point(self._refined_problem(each), each.means, each.weights) for each in points]
        found: list[SearchPoint] = []
        self._tell(stage, 0, len(asked))
        for place, refined in refine_all(asked, self._is_over):
            found.append(points[place].at(self._problem, refined))
            self._keep(found[-1:])
            self._tell(stage, len(found), len(asked))
        return found

    def _refined_problem(self, point: SearchPoint) -> RefinedProblem:
        wd = (self.config.wd_h1, *self.config.wd_layers)
        return RefinedProblem(self.config.K, self.config.n, len(point.means), wd)

    def _fits(self, point: SearchPoint) -> bool:
        """Whether a point can be refined here; that one cannot is said once."""
        try:
            require_room(self._refined_problem(point))
            if point.unknowns > _MOST_UNKNOWNS:
                raise InputError(f"refining {point.unknowns} unknowns takes minutes a step")
        except InputError as error:
            if not self._told:
                self.watch.on_note(f"some points stay as they are: {error}")
            self._told = True
            return False
        return True

    def _distinct(self, points: Sequence[SearchPoint], count: int) -> list[SearchPoint]:
        """The best of them, each loss once."""
        found: list[SearchPoint] = []
        for each in sorted(points, key=lambda point: point.order):
            if not found or each.loss > found[-1].loss * (1 + _SAME):
                found.append(each)
        return found[:count]

    def _keep(self, points: Iterable[SearchPoint]) -> None:
        kept = [each for each in points if np.isfinite(each.loss)]
        self._evaluated += kept
        self.points = sorted([*self.points, *kept], key=lambda point: point.order)

    def _is_over(self, share: float = 1.0) -> bool:
        """Whether somebody asked to stop, or so much of the budget is gone."""
        if self.watch.should_stop():
            self.interrupted = True
        budget = self.config.budget
        return self.interrupted or (budget is not None and time.monotonic() - self._began >= share * budget)

    def _tell(self, stage: str, step: int, steps: int) -> None:
        loss = self.points[0].loss if self.points else np.inf
        seconds = time.monotonic() - self._began
        self.watch.on_progress(SearchProgress(stage, step, steps, loss, self._loss_dnc, seconds))

"""What determines a search, and nothing else: two equal configurations are the same run."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from nccli.catalogue.settings import complaints, decay_complaints
from nccli.errors import InputError
from nccli.theory import Problem

MOST_CLASSES = 64
"""A bound: refining a point of 64 classes takes minutes and gigabytes."""


@dataclass(frozen=True)
class SearchConfig:
    """A search for the best solution of a problem.

    Attributes:
        K, L, n: classes, weight matrices, samples a class.
        wd_h1: λ_{H_1}.
        wd_layers: λ_{W_1}, …, λ_{W_L}.
        seed: of random descents and of noise.
        descents: random descents.
        budget: seconds after which nothing new is begun; None for all of the work.
        fresh: whether points that the store has are left alone.
        recipe: how an earlier search found its point (`nccli.search.recipe`), which is followed and nothing else done.
        width: of the point that is stored; None for the least that holds it.

    Raises:
        InputError: a value is out of its range.
    """

    kind: ClassVar[str] = "search"

    K: int
    L: int
    n: int
    wd_h1: float
    wd_layers: tuple[float, ...]
    seed: int = 0
    descents: int = 32
    budget: float | None = None
    fresh: bool = False
    recipe: str | None = None
    width: int | None = None

    def __post_init__(self) -> None:
        """Refuse what cannot be searched."""
        object.__setattr__(self, "wd_h1", float(self.wd_h1))
        object.__setattr__(self, "wd_layers", tuple(map(float, self.wd_layers)))
        if self.budget is not None:
            object.__setattr__(self, "budget", float(self.budget))
        _ = self.problem
        found = complaints(seed=self.seed, descents=self.descents, budget=self.budget, width=self.width)
        for complaint in (*found, *decay_complaints(self.wd_h1, self.wd_layers)):
            raise InputError(complaint)
        if self.K > MOST_CLASSES:
            raise InputError(f"K = {self.K}: a search goes up to K = {MOST_CLASSES}")

    @property
    def problem(self) -> Problem:
        """The problem whose best solution is asked for."""
        return Problem(self.K, self.L, self.n, self.wd_h1, self.wd_layers)

    def as_dict(self) -> dict[str, Any]:
        """All fields as JSON-ready values, those that came with an option only where they differ from their default."""
        fields = asdict(self)
        fields["wd_layers"] = list(self.wd_layers)
        return {name: value for name, value in fields.items() if _OPTIONAL.get(name, _ALWAYS) != value}

    @classmethod
    def from_dict(cls, fields: Mapping[str, Any]) -> "SearchConfig":
        """The inverse of `as_dict`.

        Raises:
            InputError: a value is out of its range.
            TypeError: a field is missing or unknown.
        """
        return cls(**{**fields, "wd_layers": tuple(fields["wd_layers"])})


_ALWAYS = object()
_OPTIONAL = {"budget": None, "fresh": False, "recipe": None, "width": None}

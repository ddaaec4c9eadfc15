"""Searches for best solutions as jobs: a problem each."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nccli.dufm.start import StartPoint
from nccli.search import SearchConfig
from nccli.store import FinishedRun, Store
from nccli.sweep.job import Job, Part
from nccli.sweep.job_size import JobSize
from nccli.sweep.plan import id_of
from nccli.sweep.run_columns import provenance
from nccli.sweep.searches import about_search, known_points, search_run
from nccli.training.watch import Watch

if TYPE_CHECKING:
    from nccli.search.point import SearchPoint


class SearchTrainer:
    """Searches problems one after the other, each with all cores."""

    device = "cpu"

    def __init__(self, known: Mapping[str, Sequence[Mapping[str, str]]] | None = None) -> None:
        """For jobs that begin with these stored points, by run id of the search."""
        self._known = dict(known or {})

    @classmethod
    def of(cls, job: Job[SearchConfig]) -> "SearchTrainer":
        """The trainer that a job asks for."""
        return cls(**job.options)

    def jobs(
        self,
        configs: Sequence[SearchConfig],
        states: Path,
        on_trouble: Callable[[str], None],
        size: JobSize | None = None,
    ) -> list[Job[SearchConfig]]:
        """A problem each."""
        found = []
        for place, config in enumerate(configs):
            known = {key: self._known[key] for key in (id_of(config),) if key in self._known}
            part = Part(place, len(configs), place, len(configs))
            found.append(Job((config,), self.device, states, {"known": known}, part))
        return found

    def earlier(self, configs: Sequence[SearchConfig]) -> list[SearchConfig]:
        """None."""
        return []

    def processes(self, runs: int) -> int:
        """One: refining keeps all cores busy."""
        return 1

    def useless(self, store: Store, ids: Sequence[str]) -> list[str]:
        """None."""
        return []

    def prepare(self, store: Store, configs: Sequence[SearchConfig], states: Path, watch: Watch[Any]) -> None:
        """Take the best stored points of each problem, unless a search is to begin with nothing stored."""
        for config in configs:
            if not config.fresh:
                self._known[id_of(config)] = known_points(store, config)

    def known(self, config: SearchConfig) -> dict[str, Any]:
        """What is known of a run before it is made, as columns of table `run`."""
        row = {**about_search(config), **provenance(0.0, self.device), "width": config.K}
        return FinishedRun(row, config.as_dict(), layers=()).columns

    def train(self, job: Job[SearchConfig], watch: Watch[Any]) -> Iterator[FinishedRun]:
        """Search the problem of a job; what is found when somebody asks to stop is stored as interrupted."""
        from nccli.search.search import Search

        for config in job.configs:
            began = time.monotonic()
            search = Search(config, watch)
            best = search.run(_points(config, self._known.get(id_of(config), ())))
            yield search_run(config, best, time.monotonic() - began, search.interrupted)

    def tidy(self, store: Store, states: Path) -> None:
        """Nothing is kept meanwhile."""


def _points(config: SearchConfig, known: Sequence[Mapping[str, str]]) -> "list[SearchPoint]":
    from nccli.search.point import SearchPoint

    found = []
    for each in known:
        point = StartPoint.of_text(each["point"])
        found.append(
            SearchPoint.of_other_decay(config.problem, point.means, point.weights, each["found_by"], each["parent"])
        )
    return found

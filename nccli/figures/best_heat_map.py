"""Heat maps of one of many runs: the best, or the nearest to a solution, as the paper shows them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from sqlalchemy import Connection

from nccli.errors import NothingFoundError
from nccli.figures.ends import ends_of, left_out_notes
from nccli.figures.figure import Drawn, Options, Row
from nccli.figures.least_loss import LOSSES, Losses, losses_of, preference, reasons
from nccli.figures.nearest import Solution
from nccli.figures.plots.heat_maps import HeatMaps
from nccli.figures.series import describe, split_series
from nccli.figures.store_figure import Query
from nccli.store import Selection, SettingRuns


@dataclass(frozen=True)
class BestHeatMap(HeatMaps):
    """Of all settings only the run with the least loss over the DNC loss of its problem, or that nearest to a solution.

    Attributes:
        near: the solution; None for the least loss.
    """

    near: Solution | None = None
    columns: ClassVar[tuple[str, ...]] = (*LOSSES, "structure")

    def collect(self, connection: Connection | None, selection: Selection, options: Options) -> Drawn:
        """The first of the runs in order of preference that has matrices."""
        if connection is None:
            raise NothingFoundError(self.nothing)
        query = Query(connection, selection, options)
        settings = self.select(query)
        left_out = left_out_notes(connection, selection)
        members = {key: member for member in settings for key in member.ids}
        losses = {key: found for member in settings for key, found in losses_of(member).items()}
        known = self._named(settings)
        distances = self._distances(connection, settings)

        def order(key: str) -> tuple[Any, ...]:
            return key not in known, distances.get(key, 1.0), *preference(members[key].row, losses[key], key)

        for key in sorted(members, key=order):
            (only,) = split_series([_alone(members[key], key)])
            shown = self.run_rows(query, only, key)
            if shown is not None:
                words = self._reasons(
                    only.row, losses[key], len(members), len(split_series(settings)), distances.get(key)
                )
                words += self.order_words(shown.traits, options.raw)
                ends = ends_of(only.members, only.ids)
                caption = describe([only], 1, ends, "; ".join(words))
                notes = [*self._unlike(key in known, distances.get(key)), *ends.notes(1), *left_out]
                return Drawn(shown.rows, caption, tuple(notes), counts=ends.counts)
        raise NothingFoundError(self.nothing)

    def _named(self, settings: Sequence[SettingRuns]) -> set[str]:
        """Runs whose hidden layers are recognised as the solution."""
        if self.near is None:
            return set()
        found = [(key, name) for each in settings for key, name in zip(each.ids, each.values["structure"], strict=True)]
        return {key for key, name in found if name == self.near.structure}

    def _distances(self, connection: Connection, settings: Sequence[SettingRuns]) -> Mapping[str, float]:
        """Of runs from the solution."""
        if self.near is None:
            return {}
        return {key: far for each in settings for key, far in self.near.distances(connection, each).items()}

    def _reasons(self, row: Row, losses: Losses, runs: int, settings: int, distance: float | None) -> list[str]:
        """Why this run, how near it is, and how good."""
        if self.near is None or distance is None:
            return reasons(row, losses, runs, settings)
        of = f"of {runs} runs" + (f" in {settings} settings" if settings > 1 else "")
        nearest = f"spectra {distance:.2g} from those of {self.near.words}" + f", the nearest {of}" * (runs > 1)
        return [nearest, *reasons(row, losses, 1, 1)]

    def _unlike(self, known: bool, distance: float | None) -> list[str]:
        """That no run is the solution, if so."""
        if self.near is None or known or distance is None:
            return []
        return [f"no run is recognised as {self.near.words}: the nearest is drawn, its spectra {distance:.2g} away"]


def _alone(member: SettingRuns, key: str) -> SettingRuns:
    """One run of a setting."""
    place = member.ids.index(key)
    return SettingRuns(member.row, (key,), {name: each[place : place + 1] for name, each in member.values.items()})

"""Heat maps of the best of many runs, as the paper shows them."""

from dataclasses import dataclass

from sqlalchemy import Connection

from nccli.errors import NothingFoundError
from nccli.figures.ends import ends_of, left_out_notes
from nccli.figures.figure import Drawn, Options
from nccli.figures.least_loss import losses_of, preference, reasons
from nccli.figures.plots.heat_maps import HeatMaps
from nccli.figures.series import describe, split_series
from nccli.figures.store_figure import Query
from nccli.store import Selection, SettingRuns


@dataclass(frozen=True)
class BestHeatMap(HeatMaps):
    """Of all settings only the run with the least loss over the DNC loss of its problem."""

    def collect(self, connection: Connection | None, selection: Selection, options: Options) -> Drawn:
        """The first of the runs in order of preference that has matrices."""
        if connection is None:
            raise NothingFoundError(self.nothing)
        query = Query(connection, selection, options)
        settings = self.select(query)
        left_out = left_out_notes(connection, selection)
        members = {key: member for member in settings for key in member.ids}
        losses = {key: found for member in settings for key, found in losses_of(member).items()}
        for key in sorted(members, key=lambda key: preference(members[key].row, losses[key], key)):
            (only,) = split_series([_alone(members[key], key)])
            shown = self.run_rows(query, only, key)
            if shown is not None:
                words = reasons(only.row, losses[key], len(members), len(split_series(settings)))
                words += self.order_words(shown.traits, options.raw)
                ends = ends_of(only.members, only.ids)
                caption = describe([only], 1, ends, "; ".join(words))
                return Drawn(shown.rows, caption, (*ends.notes(1), *left_out), counts=ends.counts)
        raise NothingFoundError(self.nothing)


def _alone(member: SettingRuns, key: str) -> SettingRuns:
    """One run of a setting."""
    place = member.ids.index(key)
    return SettingRuns(member.row, (key,), {name: each[place : place + 1] for name, each in member.values.items()})

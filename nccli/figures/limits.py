"""How much fits into a figure, and what is said where there is more."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from nccli.errors import InputError
from nccli.figures.largest_groups import largest_groups
from nccli.figures.series import Series
from nccli.store import Selection, mixed_columns

MOST_DOTS = 2000
"""Dots of single runs; taste: more of them are a blot, and an SVG of megabytes."""

MOST_LINES = 100
"""Runs of a setting that have lines of their own; taste: more of them are a blot, and an SVG of megabytes."""

_NAMED = 8
"""Settings that a refusal names; taste: about two lines of a terminal."""


@dataclass(frozen=True)
class Limit:
    """The most series of a figure.

    Attributes:
        most: so many.
        where: what takes them.
        what: what a series is there.
    """

    most: int
    where: str
    what: str

    def require(
        self,
        series: Sequence[Series],
        name: str,
        connection: Connection,
        selection: Selection,
        varied: Sequence[str] = (),
    ) -> None:
        """Refuse more series, and say what the runs differ in but along an axis, and what the largest groups are.

        Raises:
            InputError: there are more.
        """
        if len(series) <= self.most:
            return
        differing = [each for each in mixed_columns(connection, selection, ()) if each not in varied]
        names = [*differing[:_NAMED], *["…"] * (len(differing) > _NAMED)]
        lines = largest_groups(series, self.most, differing, selection)
        such = ", such as" + "".join(f"\n  {line}" for line in lines) if lines else ""
        raise InputError(
            f"{name}: the runs have {len(series)} different settings and {self.where} has at most {self.most} "
            f"{self.what}: narrow them with --where" + (f", they differ in {', '.join(names)}" if names else "") + such
        )


CURVES = Limit(16, "a panel", "curves")
"""Taste: as many as there are looks that an eye tells apart."""

PANELS = Limit(12, "a figure", "panels")
"""Taste: four rows of three fill a page."""

ROWS = Limit(6, "a figure", "rows")
"""Taste: rows of three panels fill a page."""

"""Which columns of a table fit a terminal, and how wide: the less important go first, words are cut before that."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

WIDTH = 100
"""Characters that a table may take where there is no terminal: a taste, between 80 and what laptops show."""

ALWAYS = 100
"""The importance of a column that stays whatever the terminal."""

_LEAST = 9
"""Characters to which words and headers are cut at most: a taste, "lost_cla…" still tells."""


@dataclass(frozen=True)
class Extent:
    """A column that has something to show.

    Attributes:
        place: among all.
        header, width: characters of its title, and of its longest text.
        cuts: whether its texts may be cut, as words may and numbers may not.
        importance: of those that do not fit, the smallest go first.
        same: whether all of several rows show the same, which a line below can say.
    """

    place: int
    header: int
    width: int
    cuts: bool = False
    importance: int = 0
    same: bool = False

    @property
    def whole(self) -> int:
        """Characters that it takes."""
        return max(self.header, self.width)

    @property
    def least(self) -> int:
        """Characters that it can do with."""
        texts = min(self.width, _LEAST) if self.cuts else self.width
        return max(texts, min(self.header, _LEAST))


def terminal_width() -> int | None:
    """Columns of the terminal that stdout is; None where it is none, or does not say."""
    if not sys.stdout.isatty():
        return None
    try:
        return os.get_terminal_size(sys.stdout.fileno()).columns or None
    except (OSError, ValueError):
        return None


def table_width(widths: Sequence[int], gap: int) -> int:
    """Characters that columns take, so far apart."""
    return sum(widths) + gap * max(0, len(widths) - 1)


def fitted(columns: Sequence[Extent], room: int) -> tuple[dict[int, int], int]:
    """The columns that fit.

    Args:
        columns: that have something to show.
        room: characters of the terminal.

    Returns:
        Their widths by place, and the spaces between them: two where the table then fits, else one.
    """
    kept = list(columns)
    droppable = [each for each in columns if each.importance < ALWAYS]
    for each in sorted(droppable, key=lambda each: (not each.same, each.importance, -each.place)):
        if table_width([one.least for one in kept], 1) <= room:
            break
        kept.remove(each)
    widths = {each.place: each.least for each in kept}
    for each in sorted(kept, key=lambda each: -each.importance):
        spare = room - table_width(list(widths.values()), 1)
        widths[each.place] += max(0, min(spare, each.whole - each.least))
    return widths, 2 if table_width(list(widths.values()), 2) <= room else 1

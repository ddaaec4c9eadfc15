"""Tables as text: any number of rows, of which only the texts are in memory."""

import json
import os
import sys
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len

from nccli.printable import printable

_WIDTH = 100
"""Characters that a table may take: a taste, between the 80 of old terminals and what laptops show."""


def text_table(headers: Sequence[str], left: Sequence[bool], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """The lines of a table, with a bold header on a terminal; columns that show nothing are left out.

    Args:
        headers: a title a column.
        left: whether a column is aligned left, as words are.
        rows: a text a column, in the same order.
    """
    widths = [0] * len(headers)
    packed = []  # measured: a row as one text takes a sixth of the memory of a row of texts
    for row in rows:
        texts = [printable(" ".join(text.split("\n"))) for text in row]
        widths = [max(width, cell_len(text)) for width, text in zip(widths, texts, strict=True)]
        packed.append(json.dumps(texts))
    kept = [i for i, width in enumerate(widths) if width]
    wide = {i: max(widths[i], cell_len(headers[i])) for i in kept}
    gap = " " * gap_between(list(wide.values()))

    def line(texts: Sequence[str]) -> str:
        return gap.join(_aligned(texts[i], wide[i], left[i]) for i in kept)

    yield f"\x1b[1m{line(headers)}\x1b[0m\n" if _bold() else line(headers).rstrip() + "\n"
    yield "─" * (sum(wide.values()) + len(gap) * max(0, len(wide) - 1)) + "\n"
    for text in packed:
        yield line(json.loads(text)).rstrip() + "\n"


def gap_between(widths: Sequence[int]) -> int:
    """Spaces between columns: two where the table then fits, else one."""
    return 2 if table_width(widths, 2) <= _WIDTH else 1


def room_beside(widths: Sequence[int], least: int) -> int:
    """Characters that a table which fits has left for one more column, and no fewer than the `least`."""
    rooms = (_WIDTH - table_width(widths, gap) - gap for gap in (2, 1))
    return next((room for room in rooms if room >= least), least)


def table_width(widths: Sequence[int], gap: int) -> int:
    """Characters that columns take, so far apart."""
    return sum(widths) + gap * max(0, len(widths) - 1)


def _aligned(text: str, width: int, left: bool) -> str:
    space = " " * (width - cell_len(text))
    return text + space if left else space + text


def _bold() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")

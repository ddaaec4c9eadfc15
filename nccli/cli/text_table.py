"""Tables as text: any number of rows, of which only the texts are in memory."""

import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

from rich.cells import cell_len

from nccli.cli.table_fit import WIDTH, Extent, fitted, table_width, terminal_width
from nccli.printable import printable

_IDS = ("id", "parent")
"""Headers of columns of run ids."""


def text_table(
    headers: Sequence[str],
    left: Sequence[bool],
    rows: Iterable[Sequence[str]],
    importance: Sequence[int] = (),
    short: Callable[[str, list[str]], int] | None = None,
) -> Iterator[str]:
    """The lines of a table, with a bold header on a terminal; columns that show nothing are left out.

    On a terminal it fits, as `nccli.cli.table_fit` has it, and a line below names what is not shown.

    Args:
        headers: a title a column.
        left: whether a column is aligned left, as words are.
        rows: a text a column, in the same order.
        importance: of the columns on a terminal that is too narrow; all the same if not said.
        short: to how many characters texts of a column, by its header, are cut on a terminal; 0 for whole ones.
    """
    count = len(headers)
    widths, first, same = [0] * count, [""] * count, [False] * count
    packed: list[str] = []  # measured: a row as one text takes a sixth of the memory of a row of texts
    for row in rows:
        texts = [printable(" ".join(text.split("\n"))) for text in row]
        widths = [max(width, cell_len(text)) for width, text in zip(widths, texts, strict=True)]
        same = [alike and text == one for alike, text, one in zip(same, texts, first, strict=True)] if packed else same
        if not packed:
            first, same = texts, [True] * count
        packed.append(json.dumps(texts))
    room = terminal_width()
    cut = [0] * count
    if room is not None and short is not None:
        cut = [short(header, _column(packed, i)) if header in _IDS else 0 for i, header in enumerate(headers)]
        widths = [min(width, most) if most else width for width, most in zip(widths, cut, strict=True)]
    kept = [i for i, width in enumerate(widths) if width]
    wide = {i: max(widths[i], cell_len(headers[i])) for i in kept}
    space = gap_between(list(wide.values()))
    if room is not None:
        weights = importance or [0] * count
        several = len(packed) > 1
        wide, space = fitted(
            [
                Extent(i, cell_len(headers[i]), widths[i], left[i] and not cut[i], weights[i], several and same[i])
                for i in kept
            ],
            room,
        )
    gap = " " * space

    def line(texts: Sequence[str]) -> str:
        return gap.join(_aligned(_shortened(texts[i][: cut[i] or None], wide[i]), wide[i], left[i]) for i in wide)

    yield f"\x1b[1m{line(headers)}\x1b[0m\n" if _bold() else line(headers).rstrip() + "\n"
    yield "─" * table_width(list(wide.values()), space) + "\n"
    for text in packed:
        yield line(json.loads(text)).rstrip() + "\n"
    hidden = [i for i in kept if i not in wide]
    if hidden and room is not None:
        told = [f"{headers[i]} {first[i]}" if same[i] else headers[i] for i in hidden]
        yield _shortened(f"not shown: {', '.join(told)}", room) + "\n"


def _column(packed: Sequence[str], place: int) -> list[str]:
    return [json.loads(text)[place] for text in packed]


def _shortened(text: str, width: int) -> str:
    """A text in so many characters, the last of them an ellipsis where it is longer."""
    if cell_len(text) <= width:
        return text
    while cell_len(text) > width - 1:
        text = text[:-1]
    return f"{text}…"


def gap_between(widths: Sequence[int]) -> int:
    """Spaces between columns: two where the table then fits, else one."""
    return 2 if table_width(widths, 2) <= WIDTH else 1


def room_beside(widths: Sequence[int], least: int) -> int:
    """Characters that a table which fits has left for one more column, and no fewer than the `least`."""
    rooms = ((terminal_width() or WIDTH) - table_width(widths, gap) - gap for gap in (2, 1))
    return next((room for room in rooms if room >= least), least)


def _aligned(text: str, width: int, left: bool) -> str:
    space = " " * (width - cell_len(text))
    return text + space if left else space + text


def _bold() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM") not in ("dumb", "unknown")

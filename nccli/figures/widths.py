"""Widths of figures, as people write them."""

import re

from nccli.catalogue.widths import UNITS, VENUES
from nccli.errors import InputError

_NARROWEST, _WIDEST = 1.5, 60.0
"""Inches; taste: a panel with its labels takes the least, a poster the most."""

_LENGTH = re.compile(r"(?P<number>[-+.\w]*?)\s*(?P<unit>in|cm|mm|pt)?")


def parse_width(text: str) -> float:
    """Width of a figure in inches, from a name in `VENUES` or a length: 5.5, 5.5in, 14cm, 140mm, 397.48pt.

    Raises:
        InputError: neither, or a width that no page has.
    """
    if text.lower() in VENUES:
        return VENUES[text.lower()]
    found = _LENGTH.fullmatch(text.strip())
    try:
        inches = float(found["number"]) * UNITS[found["unit"] or "in"] if found else None
    except ValueError:
        inches = None
    if inches is None:
        raise InputError(f"--width '{text}': must be {', '.join(VENUES)}, a number of inches, or a length such as 8cm")
    if not _NARROWEST <= inches <= _WIDEST:
        least, most = (f"{inch:g} in ({inch * 2.54:.4g} cm)" for inch in (_NARROWEST, _WIDEST))
        raise InputError(f"--width {text}: must be between {least} and {most}")
    return inches

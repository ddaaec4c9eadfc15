"""Widths at which venues print a figure, and units of length."""

VENUES: dict[str, float] = {
    "neurips": 5.5,
    "iclr": 5.5,
    "icml": 3.25,
    "icml-wide": 6.75,
    "aistats": 3.25,
    "aistats-wide": 6.75,
    "uai": 3.25,
    "jmlr": 6.0,
    "tmlr": 6.5,
    "aaai": 3.3125,
    "cvpr": 3.28125,
    "ieee": 3.5,
}
"""Inches, by the venues' style files: the text of those of one column, else one column; `-wide` spans both."""

UNITS: dict[str, float] = {"in": 1.0, "cm": 1 / 2.54, "mm": 1 / 25.4, "pt": 1 / 72.27}
r"""Inches of a unit; points are TeX's, as \the\columnwidth prints them."""

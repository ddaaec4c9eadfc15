"""Names of structures, short enough to stand below a small panel."""

import re

from nccli.figures.text import width_of

_SHORT = (
    (r"\bsrg t\((\d+)\) minus (\d+)", r"T(\1)−\2"),
    (r"\bsrg t\((\d+)\)", r"T(\1)"),
    (r"\bgraph\((\d+) vertices, (\d+) edges\)", r"G(\1,\2)"),
    (r"\bchang graph (\d+)", r"Chang \1"),
    (r"\bbipartite-(\d+)-(\d+)", r"K(\1,\2)"),
    (r"\bdnc\b", "DNC"),
    (r"\betf\b", "ETF"),
    (r"\bframe plus mean\b", "frame+mean"),
    (r"\blost_classes\b", "lost classes"),
    (r"\bweighted ", "w. "),
)

_LARGEST, _SMALLEST = 6.5, 3.5
"""Points; tastes: less than ticks, and the least that a printer resolves."""


def short_name(structure: str | None) -> str:
    """Of a structure; no two have the same."""
    text = structure or ""
    for long, short in _SHORT:
        text = re.sub(long, short, text)
    return text


def below(structure: str | None, inches: float) -> tuple[str, float]:
    """The short name in lines, a summand of a sum each, and the size in points at which it is no wider than a panel."""
    lines = short_name(structure).split(" ⊕ ")
    text = "\n⊕ ".join(lines)
    widest = max(width_of(line, _LARGEST) for line in text.split("\n"))
    return text, max(_SMALLEST, min(_LARGEST, _LARGEST * inches / widest)) if widest else _LARGEST

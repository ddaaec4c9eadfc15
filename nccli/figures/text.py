"""Text in figures: how wide it is, where it breaks, what is set as a formula."""

from functools import lru_cache

from matplotlib.figure import Figure, FigureBase, SubFigure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.textpath import TextToPath

from nccli.figures.style_sheet import FONT


def literal(text: str) -> str:
    """What a user named, to be drawn as it is: `$` begins no formula, and what the font lacks is a code point."""
    if not text.isascii():
        known = _characters()
        text = "".join(each if ord(each) in known else ascii(each)[1:-1] for each in text)
    return text.replace("$", r"\$")


@lru_cache(maxsize=1)
def _characters() -> frozenset[int]:
    """Code points that the font has."""
    return frozenset(get_font(findfont(FontProperties(family=FONT))).get_charmap())


def typeset(text: str) -> str:
    """Words of settings with the subscripts of their symbols set as such: λ_H1 becomes λ with H₁ below it."""
    return text.replace("λ_H1", r"$\lambda_{H_1}$").replace("λ_W", r"$\lambda_W$")


def wrapped(text: str, inches: float, size: float) -> str:
    """Text with line breaks at its spaces, so that it is no wider; a longer word stands out."""
    lines: list[str] = []
    for word in text.split(", "):
        longer = f"{lines[-1]}, {word}" if lines else word
        if lines and width_of(f"{longer},", size) > inches:
            lines[-1] += ","
            lines.append(word)
        else:
            lines[-1:] = [longer]
    return "\n".join(part for line in lines for part in _broken(line, inches, size))


def _broken(line: str, inches: float, size: float) -> list[str]:
    """A line without commas to break at, broken at its spaces."""
    parts: list[str] = []
    for word in line.split(" "):
        if parts and width_of(f"{parts[-1]} {word}", size) <= inches:
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    return parts


@lru_cache(maxsize=4096)
def width_of(text: str, size: float) -> float:
    """Inches that a line of text takes at a size in points."""
    shown = typeset(text)
    measure, font = TextToPath().get_text_width_height_descent, FontProperties(family=FONT, size=size)
    plain = shown.replace(r"\$", "")
    width, _, _ = measure(shown if "$" in plain else shown.replace(r"\$", "$"), font, "$" in plain)
    return float(width) / 72


def lines_of(text: str) -> int:
    """Number of lines of a text."""
    return text.count("\n") + 1


def inches_of(container: FigureBase) -> float:
    """Width of a figure or a part of one."""
    assert isinstance(container, Figure | SubFigure)
    return float(container.bbox.width / container.dpi)

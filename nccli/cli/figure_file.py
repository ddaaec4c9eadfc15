"""Where a figure and its numbers go."""

import os
import sys
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from nccli.cli import options as option
from nccli.cli.notes import note
from nccli.errors import InputError
from nccli.outputs import STDOUT


class FigureFormat(StrEnum):
    """File format of a figure."""

    pdf = "pdf"
    svg = "svg"
    png = "png"


def figure_target(name: str, output: str | None, format: FigureFormat | None) -> tuple[Path | None, str]:
    """Where the figure goes (None: stdout) and in which format.

    Raises:
        InputError: stdout is a terminal, or the suffix does not say which format, or another one.
    """
    if output in STDOUT:
        if sys.stdout.isatty():
            raise InputError("-o -: stdout is a terminal, and a figure is binary: redirect it, or name a file")
        return None, (format or FigureFormat.pdf).value
    if output is None:
        kind = (format or FigureFormat.pdf).value
        return Path(f"{name}.{kind}"), kind
    path = Path(output)
    suffix = path.suffix.removeprefix(".").lower()
    if format is None and suffix not in tuple(FigureFormat):
        raise InputError(f"-o '{output}': the suffix must be .{', .'.join(FigureFormat)}, or give --format")
    kind = suffix if format is None else format.value
    if suffix not in ("", kind):
        way = "drop one of them" if suffix in tuple(FigureFormat) else f"end the name in .{kind}"
        raise InputError(f"-o '{output}' says {suffix} and --format says {kind}: {way}")
    return path, kind


_ON, _OFF = "on", "off"

_CAPTIONED = frozenset({"png"})
"""Formats with the caption in the figure unless the user says otherwise: PDF and SVG go into LaTeX, which has it."""


@dataclass(frozen=True)
class CaptionPlace:
    """Where it goes.

    Attributes:
        drawn: into the figure, below its panels.
        file: where it is written as LaTeX; None for nowhere.
    """

    drawn: bool
    file: Path | None = None


def caption_place(asked: str | None, format: str) -> CaptionPlace:
    """What --caption asks for a figure of a format; None for what is usual for it.

    Raises:
        InputError: neither on nor off, and no file that ends in .tex.
    """
    if asked is None:
        return CaptionPlace(format in _CAPTIONED)
    if asked in (_ON, _OFF):
        return CaptionPlace(asked == _ON)
    if Path(asked).suffix.lower() != ".tex":
        raise InputError(f"--caption '{asked}': must be {_ON}, {_OFF}, or a file that ends in .tex")
    return CaptionPlace(False, Path(asked))


def data_format(data: str) -> option.OutputFormat:
    """The format that the suffix of --data names."""
    suffix = Path(data).suffix.removeprefix(".").lower()
    if suffix not in ("csv", "json", "jsonl"):
        raise InputError(f"--data '{data}': the suffix must be .csv, .json or .jsonl")
    return option.OutputFormat(suffix)


def open_in_viewer(path: Path, quiet: bool) -> None:
    """Open a file as the desktop does; a note where there is none."""
    import shutil
    import subprocess

    opener = {"darwin": "open"}.get(sys.platform, "xdg-open")
    desktop = sys.platform == "darwin" or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    if not desktop or shutil.which(opener) is None:
        note(f"--show: no display here, the figure is in {path}", quiet)
        return
    subprocess.Popen(  # left open when this command ends
        [opener, str(path)], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )

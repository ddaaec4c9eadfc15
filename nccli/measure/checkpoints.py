"""The checkpoints of a training: which files there are, in what order, at which step each was written."""

import glob
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from nccli.errors import InputError

SUFFIXES = (".pt", ".pth", ".ckpt", ".bin", ".safetensors")
"""Of files of weights; others are read where they are named, too."""

_MOST_STEP = 2**31 - 1
"""What the column holds."""

_MOST_NAME = 100
"""Characters of the name of a series; as of a tag."""

_DIGITS = re.compile(r"(\d+)")


@dataclass(frozen=True)
class Checkpoint:
    """A file, and where in the training it stands.

    Attributes:
        path: of the file.
        step: from its name or its place among the files; None for a file that is alone and of no series.
    """

    path: Path
    step: int | None = None


def natural_key(path: Path) -> tuple[tuple[int, int, str], ...]:
    """A key by which ep2 comes before ep10, whatever the folders are called."""
    parts = (part for part in _DIGITS.split(path.as_posix()) if part)
    return tuple((0, int(part), part) if part.isdecimal() else (1, 0, part) for part in parts)


def matching_files(patterns: Sequence[str], option: str) -> list[Path]:
    """Files by name or by pattern (*, ?, [a-z], ** for folders), each once, in the natural order of their names.

    Args:
        patterns: as they were typed; a file whose name looks like a pattern is itself.
        option: where they come from, for errors.

    Raises:
        InputError: a name or a pattern of no file, or a folder.
    """
    found: dict[str, Path] = {}
    for pattern in patterns:
        if Path(pattern).is_file():
            files = [Path(pattern)]
        elif Path(pattern).is_dir():
            raise InputError(f"{option} {pattern}: a folder; write '{Path(pattern) / '*'}' with the end of its files")
        else:
            names = glob.glob(pattern, recursive=True)  # noqa: PTH207  # pathlib takes no pattern that is absolute
            files = [Path(name) for name in names if Path(name).is_file()]
        if not files:
            several = any(sign in pattern for sign in "*?[")
            raise InputError(f"{option} {pattern}: {'no file matches' if several else 'no such file'}")
        found |= {os.path.normpath(file): file for file in files}
    return sorted(found.values(), key=natural_key)


def checkpoints(paths: Sequence[Path], step_from: str | None, series: bool) -> list[Checkpoint]:
    """Files with their steps: what an expression finds in their names, or 1, 2, 3, … in their order.

    Args:
        paths: in their order.
        step_from: regular expression with one group, searched in the file's name, then in the path.
        series: whether a file that is alone needs a step too.

    Returns:
        In the order of the steps.

    Raises:
        InputError: an expression that is malformed, has not one group, or finds no whole number in a name; a file of a
            series that is alone and whose step nothing tells.
    """
    if step_from is None:
        if len(paths) == 1 and series:
            raise InputError("--series with a single file needs --step-from REGEX: its place in the series")
        steps: list[int | None] = [None] if len(paths) == 1 else [*range(1, len(paths) + 1)]
        return [Checkpoint(path, step) for path, step in zip(paths, steps, strict=True)]
    expression = _expression(step_from)
    found = [Checkpoint(path, _step(path, expression)) for path in paths]
    return sorted(found, key=lambda each: (each.step or 0, natural_key(each.path)))


def series_name(patterns: Sequence[str], paths: Sequence[Path]) -> str:
    """The name of a series that nobody named: the pattern, or of files that were named one by one their folder."""
    text = patterns[0] if len(patterns) == 1 else f"{paths[0].parent.as_posix()}/*"
    return " ".join(text.replace(",", " ").split())[-_MOST_NAME:].strip()


def _expression(text: str) -> re.Pattern[str]:
    try:
        found = re.compile(text)
    except re.error as error:
        raise InputError(f"--step-from '{text}': not a regular expression ({error})") from error
    if found.groups != 1:
        raise InputError(f"--step-from '{text}': has {found.groups} groups; write one, such as 'ep(\\d+)'")
    return found


def _step(path: Path, expression: re.Pattern[str]) -> int:
    match = expression.search(path.name) or expression.search(path.as_posix())
    if match is None or match[1] is None:
        raise InputError(f"--step-from '{expression.pattern}' finds nothing in {path}")
    text = match[1]
    if re.fullmatch(r"\d+", text, re.ASCII) is None or int(text) > _MOST_STEP:
        raise InputError(f"--step-from '{expression.pattern}' finds '{text}' in {path}: a step is a whole number")
    return int(text)

"""The commands that make stored runs again, as few as say it exactly."""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from itertools import groupby
from typing import Any

from nccli.catalogue.runs import CONSTRUCTED_KINDS, MEASURED_KINDS, Kind
from nccli.cli.run_command import dufm_command, e2e_command, search_command, solution_command
from nccli.errors import InputError

_LISTS = ("--seed", "--wd", "--wd-h1", "--lr", "--width", "--n", "--K", "--L", "--steps", "--init-scale")
"""Options that take a list of values, of which commands make a grid; seeds first, which most grids have."""


def stored_command(kind: str, config: Mapping[str, Any]) -> str:
    """A line for a shell that makes a stored run again; "" where no line does, as of what somebody else made.

    Args:
        kind: of the run.
        config: its configuration, as stored.
    """
    try:
        if kind == Kind.DUFM:
            return _dufm(config)
        if kind == Kind.E2E:
            return _e2e(config)
        if kind == Kind.SEARCH:
            from nccli.search import SearchConfig

            return search_command(SearchConfig.from_dict(config), {})
        return solution_command(kind, config) if kind in CONSTRUCTED_KINDS else ""
    except (InputError, TypeError, KeyError, ValueError):  # options that today's version does not know, or knows better
        return ""


def _dufm(config: Mapping[str, Any]) -> str:
    from nccli.dufm.config import DufmConfig

    found = DufmConfig.from_dict(config)
    asked: dict[str, Any] = {} if found.start is None else {"from_": found.start}
    return dufm_command(found, asked | ({"targets": "FILE.npy"} if found.targets_print else {}))


def _e2e(config: Mapping[str, Any]) -> str:
    from nccli.e2e.config import E2eConfig

    found = E2eConfig.from_dict(config)
    asked: dict[str, Any] = {"dataset": found.dataset}
    if found.class_counts is None and found.balanced:
        asked["per_class"] = found.n
    elif found.class_counts is not None:
        asked["class_counts"] = ",".join(map(str, found.class_counts))
    return e2e_command(found, asked)


def gathered(lines: Iterable[str]) -> list[str]:
    """Commands that together do what all of the lines do and nothing else, in the order of the first of each."""
    found = [tuple(shlex.split(line)) for line in dict.fromkeys(lines)]
    for option in _LISTS:
        together: dict[tuple[str | None, ...], list[str]] = {}
        for words in found:
            place = words.index(option) + 1 if option in words[:-1] else len(words)
            together.setdefault((*words[:place], None, *words[place + 1 :]), []).extend(words[place : place + 1])
        found = [_with(words, values) for words, values in together.items()]
    return [shlex.join(words) for words in found]


def _with(words: Sequence[str | None], values: Sequence[str]) -> tuple[str, ...]:
    """A command whose open place has these values; one without values has none."""
    given = [listed(values)] if values else []
    place = words.index(None)
    return tuple(str(word) for word in (*words[:place], *given, *words[place + 1 :]))


def listed(values: Sequence[str]) -> str:
    """Values as a list of the command line: runs of integers as a..b."""
    distinct = list(dict.fromkeys(values))
    if len(distinct) == 1 or not all(value.isdecimal() for value in distinct):
        return ",".join(sorted(distinct, key=float) if len(distinct) > 1 else distinct)
    ordered = sorted(map(int, distinct))
    parts: list[str] = []
    for _, run in groupby(enumerate(ordered), lambda each: each[1] - each[0]):
        members = [value for _, value in run]
        parts += [f"{members[0]}..{members[-1]}"] if len(members) > 2 else map(str, members)
    return ",".join(parts)


def remarks(kinds: Iterable[str]) -> list[str]:
    """What is to be said of runs that no command makes."""
    from collections import Counter

    counted = Counter(kinds)
    own = dict.fromkeys(MEASURED_KINDS, "measured of what somebody else made: nccli measure")
    return [
        f"# {count} {kind} {'run' if count == 1 else 'runs'}: {own.get(kind, 'made with options of another version')}"
        for kind, count in counted.items()
    ]

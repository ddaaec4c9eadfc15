"""What the shell offers after Tab, fast: neither SQLAlchemy nor anything that computes is loaded for it."""

import os
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import typer

from nccli.catalogue.columns import QUERIED, SUMMARIES
from nccli.catalogue.figures import FIGURES
from nccli.catalogue.metrics import METRICS
from nccli.catalogue.settings import AXES, SETTINGS

_CONDITION_BEGINS = re.compile(r"(?:^|\band\s+|\bor\s+|\bnot\s+|\()\s*([A-Za-z_.][\w.]*)?$", re.IGNORECASE)
_MOST = 100  # runs offered: more than a screen shows
_PATIENCE = 0.1  # seconds for which Tab may wait for a busy store: a taste
_QUERY = """
SELECT id, kind, status, K, L, wd, seed FROM run WHERE id >= ? AND id < ? ORDER BY created DESC, id LIMIT ?
"""


def complete_figures(incomplete: str) -> list[str]:
    """Figures whose names begin so."""
    return [name for name in FIGURES if name.startswith(incomplete)]


def complete_axes(incomplete: str) -> list[str]:
    """Settings that an axis can be of."""
    return [name for name in AXES if name.startswith(incomplete)]


def complete_where(incomplete: str) -> list[str]:
    """The conditions so far, with the columns that begin as the last word does; nothing where a value is due."""
    match = _CONDITION_BEGINS.search(incomplete)
    if match is None:
        return []
    word = match[1] or ""
    start = incomplete[: len(incomplete) - len(word)]
    prefix, dot, _ = word.partition(".")
    if dot:
        inside = {"config": [each.name for each in SETTINGS]}
        inside |= {summary: [metric.name for metric in METRICS] for summary in SUMMARIES}
        offered = [f"{prefix}.{name}" for name in inside.get(prefix, ())]
    else:
        offered = [*(column.name for column in QUERIED), "config.", *(f"{summary}." for summary in SUMMARIES)]
    return [start + name for name in offered if name.startswith(word)]


def complete_runs(ctx: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Ids of stored runs that begin so, the newest first, with what they are.

    Nothing for a store that is on a server, is busy, or is not there: the shell does not wait and shows no errors.
    """
    location = _location(ctx.params)
    if "://" in location or not Path(location).is_file():
        return []
    uri = f"{Path(location).resolve().as_uri()}?mode=ro"
    try:
        with closing(sqlite3.connect(uri, uri=True, timeout=_PATIENCE)) as connection:
            rows = connection.execute(_QUERY, (incomplete, f"{incomplete}g", _MOST)).fetchall()
    except sqlite3.Error:
        return []
    return [(key, _described(*about)) for key, *about in rows]


def _location(given: Mapping[str, object]) -> str:
    named = given.get("store")
    location = str(named) if named else os.environ.get("NCCLI_STORE") or "nccli.db"
    return location.removeprefix("sqlite:///")


def _described(kind: str, status: str, K: int, L: int, wd: float | None, seed: int | None) -> str:
    parts = [kind, status, f"K {K}", f"L {L}"]
    parts += [] if wd is None else [f"wd {wd:g}"]
    parts += [] if seed is None else [f"seed {seed}"]
    return ", ".join(parts)

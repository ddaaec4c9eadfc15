"""What the shell offers after Tab, fast: neither SQLAlchemy nor anything that computes is loaded for it."""

import os
import re
import sqlite3
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import typer

from nccli.catalogue.figures import FIGURES

COLUMNS = (
    *("K", "L", "n", "width", "wd", "wd_h1", "lr", "seed", "steps"),
    *("loss", "fit", "reg", "loss_dnc", "loss_srg", "grad_norm", "seconds", "collapsed_at", "residual", "kinks"),
    *("mean_hidden_rank", "ranks_agree", "max_dnc1", "epochs", "train_accuracy", "test_accuracy"),
    *("id", "kind", "status", "activation", "optimizer", "structure", "setting", "dataset", "backbone", "reg_kind"),
    *("device", "dtype", "host", "torch_version", "nccli_version", "started", "created"),
)
"""Columns for --where, which `nccli.store` has with all that queries them; a test holds the two together."""

OPTIONS = (
    *("K", "L", "n", "width", "steps", "seed", "samples", "epochs", "batch_size"),
    *("wd", "wd_h1", "lr", "init_scale", "tol", "momentum", "epsilon", "collapse_tol", "clip"),
    *("refine", "augment", "autocast", "balanced"),
    *("dtype", "activation", "optimizer", "schedule", "init", "variant", "graph"),
    *("dataset", "data", "backbone", "reg", "source", "state", "layers", "pool", "pixels"),
    "wd_layers",
)
"""What config. goes with in --where; a test holds it and `nccli.store` together."""

_CONDITION_BEGINS = re.compile(r"(?:^|\band\s+|\bor\s+|\bnot\s+|\()\s*([A-Za-z_.][\w.]*)?$", re.IGNORECASE)
_MOST = 100
_PATIENCE = 0.1
_QUERY = """
SELECT id, kind, status, K, L, wd, seed FROM run WHERE id >= ? AND id < ? ORDER BY created DESC, id LIMIT ?
"""


def complete_figures(incomplete: str) -> list[str]:
    """Figures whose names begin so."""
    return [name for name in FIGURES if name.startswith(incomplete)]


def complete_where(incomplete: str) -> list[str]:
    """The conditions so far, with the columns that begin as the last word does; nothing where a value is due."""
    match = _CONDITION_BEGINS.search(incomplete)
    if match is None:
        return []
    word = match[1] or ""
    start = incomplete[: len(incomplete) - len(word)]
    options = [f"config.{option}" for option in OPTIONS] if word.startswith("config.") else ["config."]
    return [start + column for column in (*COLUMNS, *options) if column.startswith(word)]


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

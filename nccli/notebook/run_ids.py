"""Runs as people have them in Python: ids, or records that have one."""

from collections.abc import Mapping
from typing import Any


def run_ids(runs: Any) -> Any:
    """Ids in place of records, one or several, and a list in place of an array."""
    if isinstance(runs, Mapping) and "id" in runs:
        return runs["id"]
    if callable(convert := getattr(runs, "tolist", None)):
        return convert()
    return [run_ids(each) for each in runs] if isinstance(runs, (list, tuple)) else runs

"""A store as any other program sees it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from nccli.store import Store, select_history, select_ids, select_matrices
from nccli.strict_json import encodable


def query(path: Path, sql: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a query as dicts."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql, values)]


def histories(path: Path) -> dict[str, list[dict[str, Any]]]:
    """Rows of every run's history by id, which only nccli unpacks; nan is "nan", which equals itself."""
    store = Store.open(str(path))
    with store.read() as connection:
        found = select_history(connection, select_ids(connection))
    return {key: encodable(rows) for key, rows in found.items()}


def class_means(path: Path) -> dict[str, dict[tuple[int, str], list[list[float]]]]:
    """Class means of every run by id, layer and stage."""
    store = Store.open(str(path))
    found = {}
    with store.read() as connection:
        for key in select_ids(connection):
            means = select_matrices(connection, key, "class_means")
            found[key] = {tuple(stage): matrix.tolist() for stage, matrix in means.items()}
    return found


def change(path: Path, sql: str) -> None:
    """Change a store behind nccli's back."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql)

"""A store as any other program sees it."""

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any


def query(path: Path, sql: str, *values: Any) -> list[dict[str, Any]]:
    """Rows of a query as dicts."""
    with closing(sqlite3.connect(path)) as connection:
        connection.row_factory = sqlite3.Row
        return [dict(row) for row in connection.execute(sql, values)]


def change(path: Path, sql: str) -> None:
    """Change a store behind nccli's back."""
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(sql)

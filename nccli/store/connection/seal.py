"""Sealing a store: one file that reading leaves alone to the byte, and that is not written.

The seal is a mark in the file's header, so that it survives what carries no permissions: a clone, an archive, a
download.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from nccli.errors import StoreError
from nccli.store.connection.read_only import SEAL, is_sealed

_PATIENCE = 5
"""Seconds to wait for others, a taste."""


def seal_file(path: Path) -> None:
    """Make a store one file without a log beside it and without empty pages, and mark it as sealed.

    Raises:
        StoreError: others use it, or it cannot be written; it is not sealed then.
    """
    if is_sealed(path):
        return
    _carry_out(path, "PRAGMA journal_mode=DELETE", "VACUUM", f"PRAGMA application_id={SEAL}")


def unseal_file(path: Path) -> None:
    """Let a store be written again.

    Raises:
        StoreError: it cannot be written.
    """
    if is_sealed(path):
        _carry_out(path, "PRAGMA application_id=0")


def _carry_out(path: Path, *statements: str) -> None:
    try:
        with closing(sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None)) as connection:
            for statement in statements:
                connection.execute(statement).fetchall()
    except sqlite3.Error as error:
        if "locked" in str(error):
            raise StoreError(f"the store {path} is in use: end what reads or writes it, then try again") from error
        raise StoreError(f"the store {path} cannot be written: {error}") from error

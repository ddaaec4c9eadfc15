"""Creating and upgrading the schema, under one write lock."""

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from nccli.errors import StoreError, StoreVersionError

VERSION_TABLE = "nccli_schema_version"


def migrations_folder() -> Path:
    """Where the Alembic scripts lie: inside an installed package, else beside it in a checkout."""
    package = Path(__file__).resolve().parents[2]
    inside = package / "_migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


REVISIONS = tuple(sorted(file.name[:4] for file in (migrations_folder() / "versions").glob("[0-9]*.py")))
"""Every schema revision there has been, oldest first; the last is what this nccli reads and writes."""


def current_revision(connection: Connection) -> str | None:
    """The schema revision of a store; None for an empty database.

    Raises:
        StoreError: the database holds tables of another program and no schema of nccli.
    """
    tables = set(inspect(connection).get_table_names())
    if VERSION_TABLE in tables:
        revision = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar()
        return None if revision is None else str(revision)
    if "run" in tables:
        raise StoreError("is a database of another program: it has a table 'run' that nccli did not make")
    return None


def require_current(revision: str | None) -> None:
    """Refuse a store that this nccli cannot read as it is.

    Raises:
        StoreVersionError: a revision that this nccli does not know.
    """
    if revision is not None and revision not in REVISIONS:
        raise StoreVersionError(f"has schema {revision}, which this nccli does not know: upgrade nccli to use it")


def upgrade(connection: Connection) -> None:
    """Bring the schema to the newest revision inside the caller's transaction, which holds the write lock."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(migrations_folder()).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")

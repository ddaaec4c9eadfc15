"""Alembic environment: always on the connection, and inside the transaction, that nccli hands over."""

from alembic import context
from sqlmodel import SQLModel

import nccli.store.schema.tables  # noqa: F401  (fills the metadata)
from nccli.store.schema.migrate import VERSION_TABLE

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit("run migrations through nccli, which holds the write lock: any command")
context.configure(
    connection=connection,
    target_metadata=SQLModel.metadata,
    version_table=VERSION_TABLE,
    transactional_ddl=True,
    render_as_batch=connection.dialect.name == "sqlite",
)
with context.begin_transaction():
    context.run_migrations()

"""Alembic's entry: one connection, handed in by `proxy.ledger.schema`."""

from alembic import context
from sqlmodel import SQLModel

from proxy.ledger import models

assert models  # noqa: S101 - imported for its tables

connection = context.config.attributes["connection"]
context.configure(
    connection=connection, target_metadata=SQLModel.metadata, transaction_per_migration=True
)
with context.begin_transaction():
    context.run_migrations()

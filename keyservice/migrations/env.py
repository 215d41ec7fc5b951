"""Runs migrations inside the application, on its own engine."""

from typing import Literal

from alembic import context
from sqlalchemy import Connection
from sqlalchemy.types import TypeDecorator

from keyservice.database import UTCDateTime, db


def render_item(kind: str, item: object, _autogenerate: object) -> str | Literal[False]:
    """Write our own column types as plain ones: a migration must not change when our code does."""
    if kind == "type" and isinstance(item, UTCDateTime):
        return "sa.DateTime(timezone=True)"
    return False if not isinstance(item, TypeDecorator) else repr(item.impl)


def migrate(connection: Connection) -> None:
    """Run the migrations in one transaction, where the database can."""
    context.configure(
        connection=connection,
        target_metadata=db.metadata,
        render_as_batch=True,
        render_item=render_item,
        transaction_per_migration=True,
    )
    with context.begin_transaction():
        context.run_migrations()


with db.engine.connect() as outer:
    if outer.dialect.name == "sqlite":
        # Batch mode rebuilds tables; with foreign keys on, dropping the old one would delete the rows that refer to it.
        outer.exec_driver_sql("ROLLBACK")
        outer.exec_driver_sql("PRAGMA foreign_keys=OFF")
        outer.exec_driver_sql("BEGIN")
    migrate(outer)
    if outer.dialect.name == "sqlite":
        broken = outer.exec_driver_sql("PRAGMA foreign_key_check").fetchall()
        if broken:
            raise RuntimeError(f"rows without the row they refer to: {broken[:5]}")
        outer.commit()
        outer.exec_driver_sql("ROLLBACK")
        outer.exec_driver_sql("PRAGMA foreign_keys=ON")

"""The database: one session, one way to commit, the same on SQLite and PostgreSQL."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, cast
from uuid import UUID

import structlog
from flask import has_request_context, request
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from sqlalchemy import (
    CursorResult,
    DateTime,
    Dialect,
    Engine,
    Enum,
    Executable,
    Integer,
    MetaData,
    String,
    event,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry, scoped_session
from sqlalchemy.types import TypeDecorator

log = structlog.get_logger()
NAMES = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
SQLITE_BUSY_MS = 10_000


class UTCDateTime(TypeDecorator[datetime]):
    """A moment: refuses naive values, stores UTC, returns aware UTC (SQLite itself forgets the zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware moment into UTC. Raises ValueError for a naive one."""
        if value is None:
            return None
        if value.tzinfo is None:
            message = "a moment without a time zone"
            raise ValueError(message)
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, _dialect: Dialect) -> datetime | None:
        """Give the stored moment its zone back."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """The base of every row: named constraints (migrations need them) and moments in UTC."""

    # Rows derive from this class, not from `db.Model`: both share this registry, and this one is typed.
    registry = registry(
        metadata=MetaData(naming_convention=NAMES),
        type_annotation_map={
            datetime: UTCDateTime(),
            StrEnum: Enum(StrEnum, native_enum=False, length=40, values_callable=lambda kind: [m.value for m in kind]),
        },
    )


db = SQLAlchemy(model_class=Base, disable_autonaming=True)


class NumberSeries(Base):
    """The last number given out in a series of a year."""

    __tablename__ = "number_series"

    kind: Mapped[str] = mapped_column(String, primary_key=True)
    year: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    last: Mapped[int] = mapped_column(Integer)


def tune(engine: Engine) -> None:
    """Make SQLite durable, strict and safe for several writers; PostgreSQL is so by itself (`libs.md` 3)."""
    if engine.dialect.name != "sqlite":
        return

    @event.listens_for(engine, "connect")
    def _connect(dbapi: Any, _record: object) -> None:
        dbapi.isolation_level = None  # the driver must not begin transactions by itself
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "recursive_triggers=ON",
            "secure_delete=ON",
            "trusted_schema=OFF",
            f"busy_timeout={SQLITE_BUSY_MS}",
        ):
            dbapi.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        # A reader that starts to write can only fail ("database is locked", whatever the timeout): writers say so
        # at the start. An unsafe request is a writer, also where a library commits by itself.
        mode = connection.get_execution_options().get("sqlite_begin")
        unsafe = has_request_context() and request.method not in {"GET", "HEAD", "OPTIONS"}
        connection.exec_driver_sql(f"BEGIN {mode or ('IMMEDIATE' if unsafe else 'DEFERRED')}")


@contextmanager
def transaction() -> Iterator[scoped_session[Session]]:
    """Open the one transaction of a use case, or join the outer one; commit at the end, roll back on any exception.

    Raises RuntimeError when unsaved changes were made outside a transaction: they would silently join.
    """
    session = db.session
    if session.info.get("in_use_case"):
        yield session
        return
    if session.new or session.dirty or session.deleted:
        message = "changes were made outside transaction()"
        raise RuntimeError(message)
    session.rollback()  # ends a transaction that only read, so that this one can begin as a writer
    session.info["in_use_case"] = True
    try:
        session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop("in_use_case", None)


@contextmanager
def reading() -> Iterator[None]:
    """Read for long without keeping writers waiting: a POST would else begin as the one writer of SQLite.

    Raises RuntimeError inside `transaction()`.
    """
    session = db.session
    if session.info.get("in_use_case"):
        raise RuntimeError("reading() inside transaction()")
    session.rollback()
    session.connection(execution_options={"sqlite_begin": "DEFERRED"})
    try:
        yield
    finally:
        session.rollback()


def one_by_one(ids: Iterable[UUID], act: Callable[[UUID], object]) -> None:
    """Act on rows for a timer; `act` opens its own transaction, so a failure is logged and leaves the others alone."""
    for row_id in ids:
        try:
            act(row_id)
        except Exception as error:  # noqa: BLE001 - one bad row must not stop the others
            log.warning("timer failed", act=act.__qualname__, row=str(row_id), error=type(error).__name__)


def upsert(table: type[DeclarativeBase]) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT of this database's own kind, which knows ON CONFLICT."""
    return postgresql.insert(table) if db.engine.dialect.name == "postgresql" else sqlite.insert(table)


def exclusive(name: str) -> None:
    """Let one transaction at a time go on from here, until it ends; others with the same name wait.

    SQLite has one writer at a time by itself.
    """
    if db.engine.dialect.name == "postgresql":
        db.session.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


def execute_count(statement: Executable) -> int:
    """Execute an UPDATE or DELETE in the current transaction and return how many rows it changed."""
    # The session is flushed first and refreshed after: a compare-and-swap must see what the use case itself did.
    db.session.flush()
    result = cast("CursorResult[Any]", db.session.execute(statement, execution_options={"synchronize_session": False}))
    db.session.expire_all()
    return result.rowcount


def next_number(kind: str, prefix: str, year: int) -> str:
    """Return the next number of a series, e.g. `AA-2026-00042`; gaps appear only when the transaction rolls back."""
    session = db.session
    session.execute(upsert(NumberSeries).values(kind=kind, year=year, last=0).on_conflict_do_nothing())
    where = (NumberSeries.kind == kind, NumberSeries.year == year)
    taken = session.execute(
        update(NumberSeries).where(*where).values(last=NumberSeries.last + 1).returning(NumberSeries.last)
    ).scalar_one()
    return f"{prefix}-{year}-{taken:05d}"

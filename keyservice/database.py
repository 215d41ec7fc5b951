"""The database: one session, one way to commit, the same on SQLite and PostgreSQL."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from enum import StrEnum
from functools import cache
from typing import Any, TypeVar, cast
from uuid import UUID

import structlog
from flask import has_request_context, request
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.session import Session
from sqlalchemy import (
    ColumnElement,
    DateTime,
    Dialect,
    Engine,
    Enum,
    Executable,
    Integer,
    MetaData,
    String,
    Table,
    event,
    inspect,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection
from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, registry, scoped_session
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.sql.dml import ReturningInsert
from sqlalchemy.types import TypeDecorator

from keyservice.kernel.telling import told

log = structlog.get_logger()
Statement = TypeVar("Statement")
NAMES = {
    "ix": "ix_%(column_0_N_label)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}
SQLITE_BUSY_MS = 10_000
# A page says within 5 seconds that the database is away.
CONNECT_SECONDS = 4
AWAY = (OperationalError, InterfaceError, NoConnection)  # gone, busy, or all our connections to it are in use


class UTCDateTime(TypeDecorator[datetime]):
    """A moment: refuses naive values, stores UTC, returns aware UTC (SQLite itself forgets the zone)."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Turn an aware moment into UTC. Raises ValueError for a naive one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a moment without a time zone")
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


def engine_options(url: str) -> dict[str, Any]:
    """Return what the engine is made with: no values in its errors, and no endless wait for a server that is away."""
    limit = {"connect_timeout": CONNECT_SECONDS} if url.startswith("postgresql") else {}
    # An error in a log must not hold what was typed.
    return {"hide_parameters": True, "connect_args": limit}


def tune(engine: Engine) -> None:
    """Make SQLite durable, strict and safe for several writers; PostgreSQL is so by itself (ADR 8)."""
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
    if use_case_numbers() is not None:
        yield session
        return
    if session.new or session.dirty or session.deleted:
        raise RuntimeError("changes were made outside transaction()")
    session.rollback()  # ends a transaction that only read, so that this one can begin as a writer
    session.info["use_case"] = {}
    try:
        session.connection(execution_options={"sqlite_begin": "IMMEDIATE"})
        yield session
        session.commit()
    except BaseException:
        session.rollback()
        raise
    finally:
        session.info.pop("use_case", None)


def use_case_numbers() -> dict[UUID, int] | None:
    """Return the last event number per dossier that the current use case took (`audit.append`); None outside one."""
    numbers: dict[UUID, int] | None = db.session.info.get("use_case")
    return numbers


def per_database(build: Callable[[], Statement]) -> Callable[[], Statement]:
    """Build a statement once for each kind of database, when it is first used."""
    built = cache(lambda _kind: build())
    return lambda: built(db.engine.dialect.name)


@contextmanager
def reading() -> Iterator[None]:
    """Read for long without keeping writers waiting: a POST would else begin as the one writer of SQLite.

    Raises RuntimeError inside `transaction()`.
    """
    session = db.session
    if use_case_numbers() is not None:
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
            log.warning("timer failed", act=act.__qualname__, row=str(row_id), **told(error))


def upsert(model: type[DeclarativeBase]) -> postgresql.Insert | sqlite.Insert:
    """Return an INSERT of this database's own kind, which knows ON CONFLICT."""
    target = table_of(model)
    return postgresql.insert(target) if db.engine.dialect.name == "postgresql" else sqlite.insert(target)


_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))")


def exclusive(name: str) -> None:
    """Let one transaction at a time go on from here, until it ends; others with the same name wait.

    SQLite has one writer at a time by itself.
    """
    if db.engine.dialect.name == "postgresql":
        db.session.execute(_LOCK, {"name": name})


_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")


def claim(name: str) -> bool:
    """Do as `exclusive` but never wait: return False while another transaction with the same name runs.

    On SQLite the transaction itself waited until there was no other.
    """
    return db.engine.dialect.name != "postgresql" or bool(db.session.scalar(_TRY_LOCK, {"name": name}))


def table_of(model: type[DeclarativeBase]) -> Table:
    """Return the table of a model, for the few hot statements that leave the ORM out."""
    return cast("Table", model.__table__)


def execute_count(statement: Executable, values: Mapping[str, object] | None = None) -> int:
    """Execute an UPDATE or DELETE in the current transaction and return how many rows it changed."""
    # The session is flushed first and refreshed after: a compare-and-swap must see what the use case itself did.
    # In between it has nothing to add.
    session = db.session
    session.flush()
    result = session.connection().execute(statement, values)
    session.expire_all()
    return result.rowcount


def swap(row: DeclarativeBase, *seen: ColumnElement[bool], **values: object) -> bool:
    """Write plain values to one row by compare-and-swap, in the current transaction, and into the object in hand.

    Return False when the row in the database is not as `seen` any more.
    """
    session, mapper = db.session, inspect(type(row))
    session.flush()
    this = [column == value for column, value in zip(mapper.primary_key, inspect(row).identity or (), strict=True)]
    if not session.connection().execute(update(table_of(type(row))).where(*this, *seen).values(**values)).rowcount:
        return False
    for name, value in values.items():
        set_committed_value(row, name, value)
    for relation in mapper.relationships:
        if any(column.key in values for column in relation.local_columns):
            session.expire(row, [relation.key])
    return True


@per_database
def _take_number() -> ReturningInsert[tuple[int]]:
    key, one_more = (NumberSeries.kind, NumberSeries.year), {"last": NumberSeries.last + 1}
    statement = upsert(NumberSeries).on_conflict_do_update(index_elements=key, set_=one_more)
    return statement.returning(NumberSeries.last)


def next_number(kind: str, prefix: str, year: int) -> str:
    """Return the next number of a series, e.g. `AA-2026-00042`; gaps appear only when the transaction rolls back."""
    taken = db.session.execute(_take_number(), {"kind": kind, "year": year, "last": 1}).scalar_one()
    return f"{prefix}-{year}-{taken:05d}"

"""The rows of the trail as the verifier reads them: a stream, from one moment, each value as plain as it is stored.

Nothing is turned into Python's own kinds: on SQLite anybody can put anything into a column, and a value that cannot be
turned would hide its row.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Executable, Select, String, Uuid, cast, func, select, type_coerce
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql import ColumnElement
from sqlalchemy.types import NullType

from keyservice.audit.models import AuditCheckpoint, AuditEvent, AuditLeaf, AuditPrivate
from keyservice.database import UTCDateTime, db

BATCH = 1000
Query = Select[*tuple[Any, ...]]


@contextmanager
def snapshot() -> Iterator[Connection]:
    """Give a connection that sees the database as it is at its first question, whatever is written meanwhile."""
    with db.engine.connect() as connection:
        if connection.dialect.name == "postgresql":
            connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        yield connection


def stream(connection: Connection, query: Executable) -> Iterator[Any]:
    """Give the rows of a query without holding them all."""
    for batch in batches(connection, query):
        yield from batch


def batches(connection: Connection, query: Executable) -> Iterator[Sequence[Any]]:
    """Give the rows of a query by the thousand, without holding them all."""
    with connection.execute(query, execution_options={"yield_per": BATCH}) as result:
        yield from result.partitions()


def plain(attribute: InstrumentedAttribute[Any]) -> ColumnElement[Any]:
    """Return a column as plain as it is stored: ids as 32 hex digits, moments as `2026-01-31 12:00:00.123456`, UTC."""
    if db.engine.dialect.name == "postgresql":
        if isinstance(attribute.type, Uuid):
            return func.replace(cast(attribute, String), "-", "")
        if isinstance(attribute.type, UTCDateTime):
            # A moment that Python cannot hold ('infinity') would stop the reading.
            return func.to_char(func.timezone("UTC", attribute), "YYYY-MM-DD HH24:MI:SS.US")
    return type_coerce(attribute, NullType())


def _event_columns() -> list[ColumnElement[Any]]:
    index = (AuditEvent.id, AuditEvent.at, AuditEvent.code, AuditEvent.dossier, AuditEvent.dossier_number)
    rest = (AuditEvent.person, AuditEvent.gemeente, AuditEvent.canonical, AuditEvent.mac)
    return [AuditEvent.row.expression, *(plain(attribute) for attribute in (*index, *rest))]


def sealed() -> Query:
    """Return what gives position, event id and hash of each leaf, and then the event, in the order of the tree."""
    leaf = (AuditLeaf.position, plain(AuditLeaf.event), plain(AuditLeaf.hash))
    query = select(*leaf, *_event_columns()).outerjoin(AuditEvent, AuditEvent.id == AuditLeaf.event)
    return query.order_by(AuditLeaf.position)


def unsealed(after: int) -> Query:
    """Return what gives the events that are not in the tree, of the rows after one."""
    query = select(*_event_columns()).outerjoin(AuditLeaf, AuditLeaf.event == AuditEvent.id)
    return query.where(AuditLeaf.event.is_(None), AuditEvent.row > after).order_by(AuditEvent.row)


def privates(*, of_unsealed_after: int | None = None) -> Query:
    """Return what gives the erasable texts: place of their event (position or row), name, salt, value; by place."""
    place = AuditLeaf.position if of_unsealed_after is None else AuditEvent.row
    columns = (plain(AuditPrivate.name), plain(AuditPrivate.salt), plain(AuditPrivate.value))
    query = select(place, *columns).select_from(AuditPrivate)
    if of_unsealed_after is None:
        return query.join(AuditLeaf, AuditLeaf.event == AuditPrivate.event).order_by(place)
    query = query.join(AuditEvent, AuditEvent.id == AuditPrivate.event)
    query = query.outerjoin(AuditLeaf, AuditLeaf.event == AuditEvent.id)
    return query.where(AuditLeaf.event.is_(None), AuditEvent.row > of_unsealed_after).order_by(place)


def lone_privates() -> Query:
    """Return what gives the erasable texts without an event: its id and the name."""
    query = select(plain(AuditPrivate.event), plain(AuditPrivate.name))
    return query.outerjoin(AuditEvent, AuditEvent.id == AuditPrivate.event).where(AuditEvent.id.is_(None))


def checkpoints() -> Query:
    """Return what gives size, moment, root, frontier, highest row and text of the checkpoints, by size."""
    rest = (AuditCheckpoint.at, AuditCheckpoint.root, AuditCheckpoint.frontier, AuditCheckpoint.through)
    columns = [plain(attribute) for attribute in (*rest, AuditCheckpoint.text)]
    return select(AuditCheckpoint.size, *columns).order_by(AuditCheckpoint.size)


def incomplete_dossiers() -> Query:
    """Return what gives dossier and highest number where the events are not numbered 1..n."""
    number = AuditEvent.dossier_number
    wrong = (func.count() != func.max(number)) | (func.count(number.distinct()) != func.count())
    query = select(plain(AuditEvent.dossier), func.max(number)).where(AuditEvent.dossier.is_not(None))
    return query.group_by(AuditEvent.dossier).having(wrong | (func.min(number) != 1))


def count(connection: Connection, table: type[Any]) -> int:
    """Return how many rows a table has."""
    return int(connection.scalar(select(func.count()).select_from(table)) or 0)

"""The rows of the audit trail. Events are insert-only, by triggers; what may have to be erased stands apart."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import DDL, BigInteger, Index, Integer, LargeBinary, UniqueConstraint, event, text
from sqlalchemy.orm import Mapped, mapped_column

from keyservice.database import Base

# How SQL tells the result of an event, which stands in its content and in no column: the encoding is one, and a quote
# inside a text is escaped there. An index has to be asked in the very words that it was made with.
RESULT_IS: Mapping[str, str] = MappingProxyType(
    {
        "sqlite": """instr(canonical, CAST('"result":"{}"' AS BLOB)) > 0""",
        "postgresql": """position('"result":"{}"'::bytea in canonical) > 0""",
    }
)


class AuditEvent(Base):
    """One event. `canonical` is its content; the other columns are an index on it, and checked against it."""

    __tablename__ = "audit_event"
    __table_args__ = (
        UniqueConstraint("dossier", "dossier_number"),
        Index("ix_audit_event_person_row", "person", "row"),
        Index("ix_audit_event_gemeente_row", "gemeente", "row"),
        Index("ix_audit_event_code_at", "code", "at"),
        Index(
            "ix_audit_event_refused",
            "at",
            sqlite_where=text(RESULT_IS["sqlite"].format("refused")),
            postgresql_where=text(RESULT_IS["postgresql"].format("refused")),
        ),
    )

    row: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    id: Mapped[UUID] = mapped_column(unique=True)
    at: Mapped[datetime] = mapped_column(index=True)
    code: Mapped[str]
    dossier: Mapped[UUID | None]
    dossier_number: Mapped[int | None]
    person: Mapped[UUID | None]
    gemeente: Mapped[str | None]
    canonical: Mapped[bytes] = mapped_column(LargeBinary)
    mac: Mapped[bytes] = mapped_column(LargeBinary)


class AuditPrivate(Base):
    """A personal or free text of an event; the event holds its salted SHA-256, so that it can be erased."""

    __tablename__ = "audit_private"

    event: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(primary_key=True)
    salt: Mapped[bytes] = mapped_column(LargeBinary)
    value: Mapped[str]


class AuditLeaf(Base):
    """A leaf of the tree: which event stands at which place (from 0), and the RFC 6962 hash of its content."""

    __tablename__ = "audit_leaf"

    position: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    event: Mapped[UUID] = mapped_column(unique=True)
    hash: Mapped[bytes] = mapped_column(LargeBinary)


class AuditCheckpoint(Base):
    """A signed size and root of the tree.

    `frontier` are the hashes of its right edge, one after another; `through` is the highest row among its events.
    """

    __tablename__ = "audit_checkpoint"

    size: Mapped[int] = mapped_column(
        BigInteger().with_variant(Integer, "sqlite"), primary_key=True, autoincrement=False
    )
    at: Mapped[datetime]
    root: Mapped[bytes] = mapped_column(LargeBinary)
    frontier: Mapped[bytes] = mapped_column(LargeBinary)
    through: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"))
    text: Mapped[str]


class AnonymousRefusal(Base):
    """How often an unknown party from one source, or a machine by one key, was refused for one reason in one minute."""

    __tablename__ = "anonymous_refusal"

    source: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(primary_key=True)
    minute: Mapped[datetime] = mapped_column(primary_key=True)
    count: Mapped[int]


# Each with the columns that are unique in it.
INSERT_ONLY = {"audit_event": ("id", "row"), "audit_leaf": ("position", "event"), "audit_checkpoint": ("size",)}


def insert_only_ddl(table: str) -> dict[str, list[str]]:
    """Return, per database, the statements that make a table refuse UPDATE, DELETE and TRUNCATE."""
    same = " OR ".join(f"{column} = NEW.{column}" for column in INSERT_ONLY[table])
    sqlite = [
        f"CREATE TRIGGER {table}_no_{act} BEFORE {act.upper()} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
        for act in ("update", "delete")
    ]
    # INSERT OR REPLACE deletes without firing a DELETE trigger, on a connection without `recursive_triggers`.
    sqlite.append(
        f"CREATE TRIGGER {table}_no_replace BEFORE INSERT ON {table} "  # noqa: S608 - our own table names
        f"WHEN EXISTS (SELECT 1 FROM {table} WHERE {same}) "
        f"BEGIN SELECT RAISE(ABORT, '{table} is insert-only'); END"
    )
    postgresql = [
        (
            f"CREATE OR REPLACE FUNCTION {table}_insert_only() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{table} is insert-only'; END $$"
        ),
        (
            f"CREATE TRIGGER {table}_no_change BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {table}_insert_only()"
        ),
    ]
    return {"sqlite": sqlite, "postgresql": postgresql}


for _table in INSERT_ONLY:
    for _dialect, _statements in insert_only_ddl(_table).items():
        for _statement in _statements:
            event.listen(
                Base.metadata.tables[_table],
                "after_create",
                DDL(_statement).execute_if(dialect=_dialect),  # type: ignore[no-untyped-call]  # SQLAlchemy has no type for it
            )

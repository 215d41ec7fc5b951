"""Reading the register of gemeenten."""

from collections.abc import Iterable, Sequence
from datetime import date
from uuid import UUID

from sqlalchemy import or_, select

from keyservice.audit.models import AuditEvent
from keyservice.database import db
from keyservice.gemeenten.events import PHONE_CHANGED
from keyservice.gemeenten.models import Gemeente
from keyservice.gemeenten.register_file import sort_key


def gemeente(code: str) -> Gemeente | None:
    """Return a gemeente by code, ended ones included; None for what cannot be a code."""
    # A code may come from an address; PostgreSQL fails on a NUL in a text.
    return db.session.get(Gemeente, code) if code.isascii() and code.isdigit() else None


def registered_address(code: str) -> str | None:
    """Return the postal address of a gemeente in DUO's register: its lines below the name, or None."""
    found = gemeente(code)
    return found.postal_address if found else None


def phone_set_by(code: str) -> UUID | None:
    """Return who changed the registered number of a gemeente last, as the audit trail tells."""
    query = select(AuditEvent.person).where(AuditEvent.gemeente == code, AuditEvent.code == PHONE_CHANGED.code)
    return db.session.scalar(query.order_by(AuditEvent.row.desc()).limit(1))


def codes() -> frozenset[str]:
    """Return the code of every gemeente, ended ones included."""
    return frozenset(db.session.scalars(select(Gemeente.code)))


def names(codes: Iterable[str]) -> dict[str, str]:
    """Return names by code, sorted by name."""
    query = select(Gemeente.code, Gemeente.name).where(Gemeente.code.in_(set(codes))).order_by(Gemeente.sort_name)
    return dict(db.session.execute(query).all())


def valid_on(day: date) -> Sequence[Gemeente]:
    """Return the gemeenten that exist on a day, sorted by name."""
    query = select(Gemeente).where(
        or_(Gemeente.valid_from.is_(None), Gemeente.valid_from <= day),
        or_(Gemeente.valid_until.is_(None), Gemeente.valid_until >= day),
    )
    return db.session.scalars(query.order_by(Gemeente.sort_name)).all()


def search(text: str = "", limit: int | None = None) -> Sequence[Gemeente]:
    """Return the gemeenten whose code is the text or whose name holds it, ended ones included, sorted by name."""
    query = select(Gemeente).order_by(Gemeente.sort_name).limit(limit)
    if text:
        query = query.where(or_(Gemeente.code == text, Gemeente.sort_name.contains(sort_key(text), autoescape=True)))
    return db.session.scalars(query).all()

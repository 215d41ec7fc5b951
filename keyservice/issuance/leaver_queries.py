"""Keys that still live while somebody around them has left the gemeente: found by query, nothing is stored."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Select, func, null, or_, select

from keyservice.aanvragen.models import Aanvraag
from keyservice.accounts.models import Account, Grant
from keyservice.accounts.queries import holds
from keyservice.audit.models import AuditEvent
from keyservice.contacts.models import Contact
from keyservice.database import db
from keyservice.issuance.models import End, Issuance
from keyservice.kernel import clock
from keyservice.sleutels.events import ACTIVATED
from keyservice.sleutels.models import Sleutel


class Was(StrEnum):
    """What somebody who left was to a key."""

    KEY = "key"
    PASSWORD = "password"  # noqa: S105 - the part of a contact
    ACTIVATOR = "activator"


@dataclass(frozen=True)
class Leaver:
    """A living key and who left; `contact` is the one to replace, None for who activated it."""

    sleutel: UUID
    number: str
    gemeente: str
    aanvraag: UUID
    was: Was
    contact: UUID | None


def keys_of_leavers(
    *, gemeenten: Collection[str] | None = None, aanvraag: UUID | None = None, limit: int | None = None
) -> list[Leaver]:
    """Return the living keys whose contact or activator is no active person of their gemeente any more.

    Somebody left when an account of his had a role at the gemeente, and is closed or has no role there now. Of a
    contact without an account nobody can know it; one in whose place another person came is none. All keys when nothing
    is given; `limit` is per kind.
    """
    where: list[ColumnElement[bool]] = []
    if gemeenten is not None:
        where.append(Sleutel.gemeente.in_(gemeenten))
    if aanvraag is not None:
        where.append(Aanvraag.id == aanvraag)
    found = []
    for was, query in _queries():
        rows = db.session.execute(query.where(*where).order_by(Sleutel.expires_at, Sleutel.number).limit(limit))
        found += [Leaver(row.id, row.number, row.gemeente, row.aanvraag, was, row.contact) for row in _once(rows)]
    return found


def _queries() -> Iterator[tuple[Was, Select[*tuple[Any, ...]]]]:
    for was, column in ((Was.KEY, Aanvraag.key_contact_id), (Was.PASSWORD, Aanvraag.password_contact_id)):
        account = or_(Account.id == Contact.verified_account, Account.email == func.lower(Contact.mailbox))
        query = _living(Contact.id.label("contact")).join(Contact, Contact.id == column).join(Account, account)
        yield was, query.where(Contact.replaced_by_id.is_(None), _left())
    newest = (
        select(AuditEvent.person)
        .where(AuditEvent.dossier == Aanvraag.id, AuditEvent.code == ACTIVATED.code)
        .order_by(AuditEvent.row.desc())
        .limit(1)
        .scalar_subquery()
    )
    yield Was.ACTIVATOR, _living(null().label("contact")).join(Account, Account.id == newest).where(_left())


def _living(*columns: ColumnElement[Any]) -> Select[*tuple[Any, ...]]:
    """Return a query for the newest delivered key of each aanvraag, as far as it lives."""
    other = Issuance.__table__.alias()
    newer = select(other.c.id).where(
        other.c.aanvraag_id == Issuance.aanvraag_id, other.c.number > Issuance.number, other.c.end_reason == End.DONE
    )
    return (
        select(Sleutel.id, Sleutel.number, Sleutel.gemeente, Aanvraag.id.label("aanvraag"), *columns)
        .join(Issuance, Issuance.sleutel_id == Sleutel.id)
        .join(Aanvraag, Aanvraag.id == Issuance.aanvraag_id)
        .where(Issuance.end_reason == End.DONE, Sleutel.revoked_at.is_(None), Sleutel.expires_at > clock.now())
        .where(~newer.exists())
    )


def _left() -> ColumnElement[bool]:
    here = select(Grant.id).where(Grant.account_id == Account.id, Grant.gemeente == Sleutel.gemeente)
    return here.exists() & (Account.active.is_(False) | ~here.where(holds()).exists())


def _once(rows: Any) -> list[Row[*tuple[Any, ...]]]:
    """Return each key once: a contact may have proven himself with another account than that of his address."""
    return list({row.id: row for row in rows}.values())

"""What the front pages and the auditor's search read, across slices; each asks for many things at once."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, exists, func, or_, select
from sqlalchemy.orm import aliased, joinedload

from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import OPEN, Status
from keyservice.accounts.models import Account
from keyservice.database import db
from keyservice.gemeenten.models import Gemeente
from keyservice.gemeenten.register_file import sort_key
from keyservice.issuance.models import End, Issuance
from keyservice.kernel import clock
from keyservice.outbox.models import Letter
from keyservice.sleutels.models import Sleutel

FEW = 10
# So long a gemeente reads that a delivery stopped: then it knows.
STOPPED_LATELY = timedelta(days=30)
# More people or gemeenten than this say that the search was too wide.
CHOICES = 20


def running(gemeente: str, limit: int = FEW) -> Sequence[Aanvraag]:
    """Return what is not finished at a gemeente, newest first.

    That are drafts, open aanvragen, keys on their way, and those whose delivery stopped lately and has no successor.
    """
    on_its_way = exists().where(Issuance.aanvraag_id == Aanvraag.id, Issuance.ended_at.is_(None))
    later, follows = aliased(Issuance), aliased(Aanvraag)
    stopped_lately = exists().where(
        Issuance.aanvraag_id == Aanvraag.id,
        Issuance.end_reason.in_((End.LAPSED, End.CANCELLED)),
        Issuance.ended_at > clock.now() - STOPPED_LATELY,
        ~exists().where(later.aanvraag_id == Issuance.aanvraag_id, later.number > Issuance.number),
        ~exists().where(follows.replaces_id == Issuance.aanvraag_id),
    )
    unfinished = or_(Aanvraag.status.in_(OPEN | {Status.DRAFT}), on_its_way, stopped_lately)
    query = (
        select(Aanvraag)
        .where(Aanvraag.gemeente == gemeente, unfinished)
        .options(joinedload(Aanvraag.key_contact), joinedload(Aanvraag.password_contact))
        .order_by(Aanvraag.created_at.desc())
        .limit(limit)
    )
    return db.session.scalars(query).all()


def newest_issuances(aanvragen: Iterable[UUID]) -> dict[UUID, Issuance]:
    """Return the newest issuance of each aanvraag that has one."""
    query = select(Issuance).where(Issuance.aanvraag_id.in_(set(aanvragen))).order_by(Issuance.number)
    return {issuance.aanvraag_id: issuance for issuance in db.session.scalars(query)}


def sleutels(gemeente: str, limit: int = 50) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the keys of a gemeente, newest first, each with the aanvraag it was issued for."""
    query = (
        select(Sleutel, Aanvraag.id.label("aanvraag_id"), Aanvraag.leverancier, Aanvraag.pakket)
        .join(Issuance, Issuance.sleutel_id == Sleutel.id)
        .join(Aanvraag, Aanvraag.id == Issuance.aanvraag_id)
        .where(Sleutel.gemeente == gemeente)
        .order_by(Sleutel.not_before.desc())
        .limit(limit)
    )
    return db.session.execute(query).all()


def open_counts() -> dict[Status, int]:
    """Return how many open aanvragen stand where."""
    query = select(Aanvraag.status, func.count()).where(Aanvraag.status.in_(OPEN)).group_by(Aanvraag.status)
    return dict(db.session.execute(query).all())


def deliveries(limit: int = FEW) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the issuances underway, the nearest deadline first."""
    query = (
        select(
            Aanvraag.id, Aanvraag.number, Aanvraag.gemeente_name, Issuance.deadline, Issuance.received_at,
            Issuance.released_at, Issuance.password_sent_at, Letter.status.label("letter"),
        )
        .join(Aanvraag, Aanvraag.id == Issuance.aanvraag_id)
        .outerjoin(Letter, Letter.subject == Issuance.id)
        .where(Issuance.ended_at.is_(None))
        .order_by(Issuance.deadline)
        .limit(limit)
    )  # fmt: skip
    return db.session.execute(query).all()


def stopped(limit: int = FEW) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the aanvragen whose newest issuance ended without a working key: a new one can be issued."""
    newest = (
        select(Issuance.aanvraag_id, func.max(Issuance.number).label("number"))
        .group_by(Issuance.aanvraag_id)
        .subquery()
    )
    query = (
        select(Aanvraag.id, Aanvraag.number, Aanvraag.gemeente_name, Issuance.ended_at, Issuance.end_reason)
        .join(Aanvraag, Aanvraag.id == Issuance.aanvraag_id)
        .join(newest, (newest.c.aanvraag_id == Issuance.aanvraag_id) & (newest.c.number == Issuance.number))
        .where(Issuance.end_reason.in_((End.LAPSED, End.CANCELLED)))
        .order_by(Issuance.ended_at.desc())
        .limit(limit)
    )
    return db.session.execute(query).all()


def without_phone() -> int:
    """Return how many gemeenten have no registered number and have not ended."""
    return _count_not_ended(Gemeente.phone.is_(None))


def without_address() -> int:
    """Return how many gemeenten have no registered postal address and have not ended."""
    return _count_not_ended(Gemeente.address_line.is_(None))


def _count_not_ended(lacks: ColumnElement[bool]) -> int:
    today = clock.local_date(clock.now())
    not_ended = or_(Gemeente.valid_until.is_(None), Gemeente.valid_until >= today)
    return db.session.scalar(select(func.count()).select_from(Gemeente).where(lacks, not_ended)) or 0


def numbers(dossiers: Iterable[UUID | None]) -> dict[UUID, str]:
    """Return the numbers of aanvragen by id; a draft and one that was discarded have none."""
    wanted = {dossier for dossier in dossiers if dossier}
    query = select(Aanvraag.id, Aanvraag.number).where(Aanvraag.id.in_(wanted), Aanvraag.number.is_not(None))
    return {row.id: str(row.number) for row in db.session.execute(query)}


def dossier_by_number(number: str) -> UUID | None:
    """Return the aanvraag with a number, whatever its case."""
    return db.session.scalar(select(Aanvraag.id).where(Aanvraag.number == number.upper()))


def people(text: str) -> Mapping[str, UUID]:
    """Return mail address and id of the people whose address is the text, or whose name or address holds it."""
    exact = db.session.execute(select(Account.email, Account.id).where(Account.email == text.lower())).all()
    parts = or_(Account.name.icontains(text, autoescape=True), Account.email.icontains(text, autoescape=True))
    query = select(Account.email, Account.id).where(parts).order_by(Account.name).limit(CHOICES)
    return dict(exact or db.session.execute(query).all())


def gemeenten(text: str) -> Mapping[str, str]:
    """Return code and name of the gemeenten whose code or name is the text, or whose name holds it."""
    rows = select(Gemeente.code, Gemeente.name).order_by(Gemeente.sort_name).limit(CHOICES)
    exact = rows.where(or_(Gemeente.code == text, Gemeente.sort_name == sort_key(text)))
    holding = rows.where(Gemeente.sort_name.contains(sort_key(text), autoescape=True))
    return dict(db.session.execute(exact).all() or db.session.execute(holding).all())

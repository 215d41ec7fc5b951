"""Whether a key may be handed out now, by this person: asked by the page and again inside the act."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.orm import joinedload

from keyservice.aanvragen import queries as aanvragen
from keyservice.aanvragen.content import content_hash
from keyservice.aanvragen.models import Aanvraag, Approval
from keyservice.aanvragen.review import aanvraag_for_step, lacking
from keyservice.aanvragen.workflow import LAPSE_DAYS, Status, Step
from keyservice.contacts.queries import AccountOf, missing
from keyservice.database import db
from keyservice.gemeenten.models import Gemeente
from keyservice.issuance.models import End, Issuance
from keyservice.issuance.queries import of_aanvraag
from keyservice.issuance.recipients import recipients
from keyservice.issuance.words import OBSTACLES
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import Conflict, Refused
from keyservice.sleutels.life import State, state
from keyservice.sleutels.models import Sleutel
from keyservice.sleutels.service import intact

ISSUE_WITHIN = timedelta(days=LAPSE_DAYS[Status.APPROVED])
REISSUE_WITHIN = timedelta(days=730)  # for how long after an approval another key may be issued under it
OUTDATED = frozenset({"content-changed", "contacts-incomplete"})
"""Codes of what sends an approved aanvraag back to review."""


@dataclass(frozen=True)
class Case:
    """All that decides whether the key of an aanvraag can be renewed, whoever does it.

    `newest` is the newest issuance, `delivered` the newest one that ended with a working key; `intact` says that the
    row of that key was not changed from outside. `replaced` is as below, `lacks` are codes of
    `contacts.queries.missing`.
    """

    aanvraag: Aanvraag
    approval: Approval | None
    newest: Issuance | None
    delivered: Issuance | None
    intact: bool
    gemeente_ended: bool
    replaced: bool
    lacks: tuple[str, ...]


@dataclass(frozen=True)
class Renewal:
    """A working key that can be followed by a new one, under an approval that still holds."""

    aanvraag: Aanvraag
    approval: Approval
    sleutel: Sleutel


def issuable(actor: Actor, aanvraag_id: UUID, *, lock: bool = False) -> tuple[Aanvraag, Approval]:
    """Return an approved aanvraag and its approval when this person may issue a key for it now.

    `lock` keeps others from changing the aanvraag. Raises NotFound, Refused (role, four eyes, own aanvraag) or
    Conflict (state, approval too old, content changed since, contacts not complete any more).
    """
    aanvraag = aanvraag_for_step(actor, aanvraag_id, Step.ISSUE, lock=lock)
    return aanvraag, _approval(actor, aanvraag, ISSUE_WITHIN)


def reissuable(actor: Actor, aanvraag_id: UUID, *, lock: bool = False) -> tuple[Aanvraag, Approval]:
    """Return an aanvraag and its approval when a delivery that stopped may be followed by a new one.

    Raises as `issuable`; Conflict also when the newest delivery did not lapse and was not cancelled, or when a
    contact or the whole aanvraag was replaced.
    """
    aanvraag = aanvragen.aanvraag_for(actor, aanvraag_id, lock=lock)
    actor.require(Role.RELATIEBEHEERDER)
    issuances = of_aanvraag(aanvraag_id)
    if not issuances or issuances[-1].end_reason not in {End.LAPSED, End.CANCELLED}:
        raise Conflict("not-reissuable")
    if replaced(aanvraag):
        raise Conflict("being-replaced")
    return aanvraag, _approval(actor, aanvraag, REISSUE_WITHIN)


def replaced(aanvraag: Aanvraag) -> bool:
    """Tell whether somebody came in the place of a contact of this aanvraag, or another aanvraag in its own place."""
    return aanvraag.id in aanvragen.replaced([aanvraag])


def renewable(actor: Actor, aanvraag_id: UUID, *, lock: bool = False) -> Renewal:
    """Return an aanvraag whose working key may be followed by a new one, issued by this person now.

    Raises NotFound, Refused (role, four eyes, own aanvraag), or Conflict "not-renewable" that says why.
    """
    aanvragen.aanvraag_for(actor, aanvraag_id, lock=lock)
    actor.require(Role.RELATIEBEHEERDER)
    found = judge(cases([aanvraag_id])[aanvraag_id], clock.now())
    if isinstance(found, str):
        raise Conflict("not-renewable", why=OBSTACLES[found])
    if code := barred(actor.person, found.aanvraag, found.approval):
        raise Refused(code)
    return found


def may_renew(actor: Actor, aanvraag_id: UUID) -> bool:
    """Tell whether this person can renew the key of an aanvraag now: whether there is a button."""
    try:
        renewable(actor, aanvraag_id)
    except (Conflict, Refused):
        return False
    return True


def judge(case: Case, now: datetime) -> Renewal | str:
    """Return what is renewed, or the code (of `words.OBSTACLES`) of why nobody can renew the key of an aanvraag now.

    Pure. A key that was suspended or does not work any more is not renewed: why that is so, a person must know first.
    """
    if case.gemeente_ended:
        return "gemeente-ended"
    if case.newest is not None and case.newest.ended_at is None:
        return "delivery-underway"
    if case.delivered is None:
        return "no-sleutel"
    if (found := state(case.delivered.sleutel.facts, now) if case.intact else "damaged") is not State.ACTIVE:
        return f"sleutel-{found}"
    if case.approval is None or not _valid_at(case.approval, REISSUE_WITHIN, now):
        return "approval-lapsed"
    lacks = ("being-replaced",) if case.replaced else case.lacks
    code = next(iter(lacks), None) or _outdated(case.aanvraag, case.approval)
    return code or Renewal(case.aanvraag, case.approval, case.delivered.sleutel)


def barred(person: UUID | None, aanvraag: Aanvraag, approval: Approval) -> str | None:
    """Return the code of why one person may not issue the key of an aanvraag (I8), or None. Pure."""
    if person in {aanvraag.created_by, aanvraag.submitted_by}:
        return "own-request-issue"
    return "four-eyes" if approval.four_eyes and person == approval.approved_by else None


def cases(aanvraag_ids: Collection[UUID], account_of: AccountOf | None = None) -> dict[UUID, Case]:
    """Return what decides about renewing, by aanvraag, in the same few queries however many there are.

    `account_of` is that of `contacts.queries.party`: give it for many.
    """
    contacts = (joinedload(Aanvraag.key_contact), joinedload(Aanvraag.password_contact))
    rows = db.session.scalars(select(Aanvraag).where(Aanvraag.id.in_(aanvraag_ids)).options(*contacts)).all()
    approvals, (newest, delivered) = _approvals(aanvraag_ids), _issuances(aanvraag_ids)
    now, gone = clock.now(), aanvragen.replaced(rows)
    codes = {row.gemeente for row in rows}
    today = clock.local_date(now)
    ended = {g.code for g in db.session.scalars(select(Gemeente).where(Gemeente.code.in_(codes))) if g.ended_on(today)}
    return {
        row.id: Case(
            aanvraag=row,
            approval=approvals.get(row.id),
            newest=newest.get(row.id),
            delivered=(last := delivered.get(row.id)),
            intact=last is not None and intact(last.sleutel),
            gemeente_ended=row.gemeente in ended,
            replaced=row.id in gone,
            lacks=missing(row.key_contact, row.password_contact, now, row.requesters, account_of),
        )
        for row in rows
    }


def _approvals(aanvraag_ids: Collection[UUID]) -> dict[UUID, Approval]:
    """Return the newest approval of each aanvraag that was not retracted."""
    query = select(Approval).where(Approval.aanvraag_id.in_(aanvraag_ids), Approval.retracted_at.is_(None))
    return {found.aanvraag_id: found for found in db.session.scalars(query.order_by(Approval.approved_at))}


def _issuances(aanvraag_ids: Collection[UUID]) -> tuple[dict[UUID, Issuance], dict[UUID, Issuance]]:
    """Return the newest issuance of each aanvraag, and the newest that ended with a working key."""
    query = select(Issuance).where(Issuance.aanvraag_id.in_(aanvraag_ids)).options(joinedload(Issuance.sleutel))
    found = db.session.scalars(query.order_by(Issuance.number)).all()
    done = {issuance.aanvraag_id: issuance for issuance in found if issuance.end_reason is End.DONE}
    return {issuance.aanvraag_id: issuance for issuance in found}, done


def _approval(actor: Actor, aanvraag: Aanvraag, age: timedelta) -> Approval:
    approval = aanvragen.valid_approval(aanvraag.id)
    if approval is None or not _valid_at(approval, age, clock.now()):
        raise Conflict("approval-lapsed")
    if code := barred(actor.person, aanvraag, approval):
        raise Refused(code)
    if code := _outdated(aanvraag, approval):
        raise Conflict("contacts-incomplete" if code == "not-independent" else code)
    if lacking(aanvraag):
        raise Conflict("contacts-incomplete")
    return approval


def _outdated(aanvraag: Aanvraag, approval: Approval) -> str | None:
    """Return the code of why an approval no longer fits what stands there; the content has the contacts in it."""
    if content_hash(aanvragen.current_content(aanvraag)) != approval.content_hash:
        return "content-changed"
    return None if recipients(approval.snapshot).independent else "not-independent"


def _valid_at(approval: Approval, age: timedelta, now: datetime) -> bool:
    return now < approval.approved_at + age

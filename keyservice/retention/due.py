"""Of what the term is over: for each kind the ids, and the moment from which the term counted. Nothing is changed here.

Each kind also finds what becomes due because a kind before it is due: so a dry run counts what the run will erase.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Function, Select, and_, case, exists, false, func, or_, select
from sqlalchemy.orm import aliased

from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import DRAFT_DAYS, Status
from keyservice.accounts.models import Account, Grant, Invitation
from keyservice.audit.models import AuditEvent, AuditPrivate
from keyservice.berichtenboek.models import Copy
from keyservice.berichtenboek.workflow import OPEN as OPEN_COPY
from keyservice.contacts.models import Challenge, Contact
from keyservice.database import UTCDateTime, db
from keyservice.issuance.models import Issuance
from keyservice.issuance.wave_models import Wave
from keyservice.issuance.wave_workflow import WaveStatus
from keyservice.kernel import clock
from keyservice.kernel.text import ERASED
from keyservice.outbox.models import Delivery, OutboxMessage
from keyservice.portaal.models import Inburgeraar, ProcessingLog, Registration
from keyservice.retention.columns import TRACES, WHO
from keyservice.settings_retention import Retention
from keyservice.sleutels.models import Sleutel

# Acts that others build on: who did them stays known as long as the event has texts. Also all of the trail itself.
DECISIONS = frozenset(
    {
        *("aanvraag:approve", "aanvraag:reject", "aanvraag:retract", "aanvraag:issue"),
        *("contact:vouch", "contact:vouch-by-call", "contact:confirm-by-call"),
        *("issuance:start", "issuance:renew", "issuance:release", "issuance:cancel", "wave:prepare", "wave:start"),
        *("inburgeraar:register", "inburgeraar:correct", "inburgeraar:withdraw"),
        *("sleutel:activate", "sleutel:revoke", "letter:open", "letter:post"),
        *("grant:give", "grant:end", "grant:review", "invitation:propose", "invitation:confirm"),
        *("factor-reset:propose", "factor-reset:confirm", "berichtenboek:hand-out", "berichtenboek:refuse"),
    }
)
OF_THE_TRAIL = "audit:"
_STOPPED = (Status.REJECTED, Status.WITHDRAWN, Status.LAPSED)
_WAVE_ENDED = (WaveStatus.FINISHED, WaveStatus.STOPPED, WaveStatus.LAPSED)
_UNDERWAY = (Delivery.WAITING, Delivery.SENDING, Delivery.DEAD)
# The ids, and the moment from which the term of each counts.
Found = Select[UUID, datetime]


@dataclass(frozen=True)
class Limits:
    """What happened at or before each of these moments is past that term."""

    draft: datetime
    ended: datetime
    sleutel: datetime
    access: datetime
    inburgeraar: datetime
    audit: datetime


def limits(terms: Retention, now: datetime) -> Limits:
    """Return the limits at a moment."""
    before = {name: period.before(now) for name, period in terms.periods.items()}
    return Limits(draft=now - timedelta(days=DRAFT_DAYS), **before)


def _latest(*moments: Any) -> Function[datetime]:
    greatest = func.max if db.engine.dialect.name == "sqlite" else func.greatest
    return greatest(*moments, type_=UTCDateTime())


def _since(column: Any, otherwise: Any) -> ColumnElement[Any]:
    return func.coalesce(column, otherwise, type_=UTCDateTime())


def _key_ends() -> ColumnElement[Any]:
    """Return when the last key of an aanvraag ended or ends."""
    revoked_first = Sleutel.revoked_at < Sleutel.expires_at
    end = case((revoked_first, Sleutel.revoked_at), else_=Sleutel.expires_at)
    query = select(func.max(end, type_=UTCDateTime())).join(Issuance, Issuance.sleutel_id == Sleutel.id)
    return query.where(Issuance.aanvraag_id == Aanvraag.id).correlate(Aanvraag).scalar_subquery()


def _aanvraag_due(at: Limits) -> ColumnElement[bool]:
    underway = exists().where(Issuance.aanvraag_id == Aanvraag.id, Issuance.ended_at.is_(None)).correlate(Aanvraag)
    stopped = and_(Aanvraag.status.in_(_STOPPED), Aanvraag.status_since <= at.ended)
    delivered = and_(Aanvraag.status == Status.ISSUED, _key_ends() <= at.sleutel, ~underway)
    return and_(Aanvraag.erased_at.is_(None), or_(stopped, delivered))


def _aanvraag_over(at: Limits) -> ColumnElement[bool]:
    """Tell whether nobody in an aanvraag needs to be known any more: erased, or due."""
    return or_(Aanvraag.erased_at.is_not(None), _aanvraag_due(at))


def dossiers(at: Limits) -> Found:
    """Find aanvragen that came to nothing, or whose last key ended."""
    since = case((Aanvraag.status == Status.ISSUED, _key_ends()), else_=Aanvraag.status_since)
    return select(Aanvraag.id, since).where(_aanvraag_due(at))


def _contact_due(at: Limits, contact: Any) -> ColumnElement[bool]:
    names = or_(Aanvraag.key_contact_id == contact.id, Aanvraag.password_contact_id == contact.id)
    named = exists().where(names, ~_aanvraag_over(at)).correlate(contact)
    return and_(contact.erased_at.is_(None), ~named, _contact_since(contact) <= at.ended)


def _contact_since(contact: Any) -> ColumnElement[Any]:
    moments = (contact.verified_at, contact.confirmed_at, contact.vouched_at, contact.retired_at)
    return _latest(contact.created_at, *(_since(moment, contact.created_at) for moment in moments))


def contacts(at: Limits) -> Found:
    """Find contacts that no aanvraag within its term names, also not a draft."""
    return select(Contact.id, _contact_since(Contact)).where(_contact_due(at, Contact))


def accounts(at: Limits) -> Found:
    """Find people who left: no role now or later, nothing done or decided within the term, in no dossier within its."""
    ends = select(func.max(Grant.valid_until, type_=UTCDateTime())).where(Grant.account_id == Account.id)
    last = select(func.max(AuditEvent.at, type_=UTCDateTime())).where(AuditEvent.person == Account.id)
    since = _latest(
        Account.created_at,
        *(_since(one.correlate(Account).scalar_subquery(), Account.created_at) for one in (ends, last)),
    )
    return select(Account.id, since).where(Account.erased_at.is_(None), since <= at.ended, ~_still_needed(at))


def _still_needed(at: Limits) -> ColumnElement[bool]:
    contact = aliased(Contact)
    decides = or_(AuditEvent.code.in_(DECISIONS), AuditEvent.code.startswith(OF_THE_TRAIL))
    mine = AuditEvent.person == Account.id
    conditions = (
        exists().where(Grant.account_id == Account.id, Grant.valid_until.is_(None)),
        exists().where(mine, decides, AuditEvent.at > at.audit),
        exists().where(mine, AuditEvent.dossier == Aanvraag.id, ~_aanvraag_over(at)),
        exists().where(contact.verified_account == Account.id, contact.erased_at.is_(None), ~_contact_due(at, contact)),
    )
    return or_(*(condition.correlate(Account) for condition in conditions))


def invitations(at: Limits) -> Found:
    """Find invitations that ended."""
    end = _since(Invitation.used_at, Invitation.ended_at)
    return select(Invitation.id, end).where(end <= at.ended, Invitation.email != ERASED)


def copies(at: Limits) -> Found:
    """Find copies of the berichtenboek that ended and still say who got or did not get them."""
    told = or_(Copy.mailbox != ERASED, Copy.refusal != ERASED)
    return select(Copy.id, Copy.status_since).where(Copy.status.not_in(OPEN_COPY), Copy.status_since <= at.ended, told)


def _events(*where: ColumnElement[bool]) -> Found:
    joined = select(AuditEvent.id, AuditEvent.at).join(AuditPrivate, AuditPrivate.event == AuditEvent.id)
    return joined.where(*where).distinct()


def traces(at: Limits) -> Found:
    """Find events that still tell network address or browser."""
    return _events(AuditPrivate.name.in_(TRACES), AuditEvent.at <= at.access)


def draft_texts(at: Limits) -> Found:
    """Find events with texts about drafts that are not there any more."""
    there = exists().where(Aanvraag.id == AuditEvent.dossier)
    gone = (AuditEvent.dossier.is_not(None), ~there.correlate(AuditEvent))
    return _events(AuditPrivate.name.not_in(TRACES), *gone, AuditEvent.at <= at.draft)


def outside_dossiers(at: Limits) -> Found:
    """Find events outside a dossier that still say whom they are about."""
    return _events(AuditPrivate.name.in_(WHO), AuditEvent.dossier.is_(None), AuditEvent.at <= at.ended)


def texts(at: Limits) -> Found:
    """Find events of long ago that have other private texts than the kinds before this one find."""
    within = exists().where(Aanvraag.id == AuditEvent.dossier, ~_aanvraag_over(at)).correlate(AuditEvent)
    outside = and_(AuditEvent.dossier.is_(None), AuditPrivate.name.not_in(WHO))
    return _events(AuditPrivate.name.not_in(TRACES), AuditEvent.at <= at.audit, or_(within, outside))


def messages(at: Limits) -> Found:
    """Find messages that went or will not go, and belong to no aanvraag that is there."""
    of_aanvraag = exists().where(Aanvraag.id == OutboxMessage.dossier).correlate(OutboxMessage)
    return select(OutboxMessage.id, OutboxMessage.created_at).where(
        OutboxMessage.created_at <= at.access,
        OutboxMessage.status.not_in(_UNDERWAY),
        OutboxMessage.recipient != ERASED,
        ~of_aanvraag,
    )


def codes(at: Limits) -> Found:
    """Find codes of long ago."""
    return select(Challenge.id, Challenge.created_at).where(Challenge.created_at <= at.access)


def waves(at: Limits) -> Found:
    """Find waves that ended."""
    ended = (Wave.status.in_(_WAVE_ENDED), Wave.status_since <= at.audit)
    return select(Wave.id, Wave.status_since).where(*ended, Wave.name != ERASED)


def inburgeraars(at: Limits) -> Found:
    """Find inburgeraars whose duty is long past, and about whom nothing was registered since."""
    last = select(func.max(Registration.at, type_=UTCDateTime())).where(Registration.inburgeraar_id == Inburgeraar.id)
    # The last day of a duty is a day: a moment late in the evening of it.
    over = Inburgeraar.duty_until < clock.local_date(at.inburgeraar)
    newer = func.coalesce(last.correlate(Inburgeraar).scalar_subquery() > at.inburgeraar, false())
    return select(Inburgeraar.id, Inburgeraar.loaded_at).where(over, ~newer)


def looks(at: Limits) -> Found:
    """Find looks of long ago."""
    return select(ProcessingLog.id, ProcessingLog.start_time).where(ProcessingLog.start_time <= at.inburgeraar)


DUE: Mapping[str, Callable[[Limits], Found]] = MappingProxyType(
    {
        "dossier": dossiers,
        "contact": contacts,
        "account": accounts,
        "invitation": invitations,
        "berichtenboek": copies,
        "event-trace": traces,
        "event-draft": draft_texts,
        "event-person": outside_dossiers,
        "event-text": texts,
        "message": messages,
        "code": codes,
        "wave": waves,
        "inburgeraar": inburgeraars,
        "processing": looks,
    }
)

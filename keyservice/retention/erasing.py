"""Erasing what is due, in the transaction of the caller. Rows stay where others refer to them; their texts go."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, case, delete, func, null, select, update
from sqlalchemy.orm import DeclarativeBase

from keyservice import audit
from keyservice.aanvragen import content
from keyservice.aanvragen.models import Aanvraag, Approval, Note
from keyservice.accounts.models import Account, Invitation, KnownDevice, OidcIdentity, Passkey
from keyservice.accounts.sessions import end_sessions
from keyservice.audit.models import AuditEvent, AuditPrivate
from keyservice.berichtenboek.models import Copy
from keyservice.contacts.models import Challenge, Contact
from keyservice.database import db, execute_count
from keyservice.issuance.wave_models import Wave
from keyservice.kernel import clock
from keyservice.kernel.actor import CLI
from keyservice.kernel.text import ERASED
from keyservice.outbox.models import OutboxMessage
from keyservice.portaal.models import Inburgeraar, ProcessingLog, Registration
from keyservice.retention import events
from keyservice.retention.columns import TRACES, WHO

SOMEBODY = f"iemand ({ERASED})"
"""The name of an account that was erased; it reads well after "door"."""
Ids = Sequence[UUID]


def _blank(model: type[DeclarativeBase], where: ColumnElement[bool], columns: str, **also: Any) -> None:
    """Put the word for erased wherever a text stands in these columns."""
    texts = {name: getattr(model, name) for name in columns.split()}
    values = {name: case((column.is_not(None), ERASED), else_=None) for name, column in texts.items()}
    execute_count(update(model).where(where).values(**values, **also))


def _forget_texts(events_: Any, names: ColumnElement[bool]) -> None:
    """Delete private texts of events, with their salts."""
    execute_count(delete(AuditPrivate).where(AuditPrivate.event.in_(events_), names))


def dossiers(ids: Ids) -> None:
    """Take the people out of aanvragen. Contacts are rows of their own, and go by themselves."""
    for aanvraag_id, gemeente in db.session.execute(select(Aanvraag.id, Aanvraag.gemeente).where(Aanvraag.id.in_(ids))):
        audit.record(events.ERASED, CLI, dossier=aanvraag_id, gemeente=gemeente, kind="dossier", count=1)
    texts = "question rejection leverancier_contact leverancier_mailbox toelichting signer_name signer_function"
    _blank(Aanvraag, Aanvraag.id.in_(ids), texts, erased_at=clock.now())
    _blank(Note, Note.aanvraag_id.in_(ids), "text")
    _blank(Approval, Approval.aanvraag_id.in_(ids), "motivation")
    for approval in db.session.scalars(select(Approval).where(Approval.aanvraag_id.in_(ids))):
        approval.snapshot = content.erased(approval.snapshot)
    _blank(OutboxMessage, OutboxMessage.dossier.in_(ids), "recipient")
    _forget_texts(select(AuditEvent.id).where(AuditEvent.dossier.in_(ids)), AuditPrivate.name.not_in(TRACES))


def contacts(ids: Ids) -> None:
    """Take the person out of contacts; nobody can choose them any more."""
    now = clock.now()
    gone = dict.fromkeys(("mailbox", "phone", "mobile", "verified_address", "vouched_beside"))
    retired = func.coalesce(Contact.retired_at, now)
    _blank(Contact, Contact.id.in_(ids), "name function", retired_at=retired, erased_at=now, **gone)
    _record_each("contact", ids)


def accounts(ids: Ids) -> None:
    """Make accounts nobody's: no name, mailbox, password, factor, browser or session is left."""
    for account_id in ids:
        end_sessions(account_id)
        values = {
            "name": SOMEBODY,
            "email": f"{ERASED}-{account_id}",
            "password": "",
            "active": False,
            "erased_at": clock.now(),
            **dict.fromkeys(("tf_primary_method", "tf_totp_secret", "tf_last_counter"), None),
        }
        execute_count(update(Account).where(Account.id == account_id).values(**values, mf_recovery_codes=null()))
    for model in (Passkey, OidcIdentity, KnownDevice):
        execute_count(delete(model).where(model.account_id.in_(ids)))
    _record_each("account", ids)


def copies(ids: Ids) -> None:
    """Take the person of the supplier, and what was said of a refusal, out of copies of the berichtenboek."""
    _blank(Copy, Copy.id.in_(ids), "leverancier name mailbox refusal")
    _record_each("berichtenboek", ids)


def inburgeraars(ids: Ids) -> None:
    """Delete inburgeraars and all versions about them. Of the events their random number stays."""
    versions = Registration.inburgeraar_id.in_(ids)
    _forget_texts(select(Registration.event).where(versions), AuditPrivate.name.not_in(TRACES))
    execute_count(delete(Registration).where(versions))
    execute_count(delete(Inburgeraar).where(Inburgeraar.id.in_(ids)))
    _record_each("inburgeraar", ids)


def _record_each(kind: str, ids: Ids) -> None:
    for row_id in ids:
        audit.record(events.ERASED, CLI, subject=row_id, kind=kind, count=1)


def _recorded_together(kind: str, erase: Callable[[Ids], object]) -> Callable[[Ids], None]:
    """Return how a kind is erased of which nobody asks row by row what became of it."""

    def together(ids: Ids) -> None:
        erase(ids)
        audit.record(events.ERASED, CLI, kind=kind, count=len(ids))

    return together


_BY_COUNT: Mapping[str, Callable[[Ids], object]] = {
    "invitation": lambda ids: _blank(Invitation, Invitation.id.in_(ids), "name email"),
    "event-trace": lambda ids: _forget_texts(ids, AuditPrivate.name.in_(TRACES)),
    "event-draft": lambda ids: _forget_texts(ids, AuditPrivate.name.not_in(TRACES)),
    "event-person": lambda ids: _forget_texts(ids, AuditPrivate.name.in_(WHO)),
    "event-text": lambda ids: _forget_texts(ids, AuditPrivate.name.not_in(TRACES)),
    "message": lambda ids: _blank(OutboxMessage, OutboxMessage.id.in_(ids), "recipient"),
    "code": lambda ids: execute_count(delete(Challenge).where(Challenge.id.in_(ids))),
    "processing": lambda ids: execute_count(delete(ProcessingLog).where(ProcessingLog.id.in_(ids))),
    "wave": lambda ids: _blank(Wave, Wave.id.in_(ids), "name reason halt_reason"),
}
ERASE: Mapping[str, Callable[[Ids], None]] = MappingProxyType(
    {
        "dossier": dossiers,
        "contact": contacts,
        "account": accounts,
        "berichtenboek": copies,
        "inburgeraar": inburgeraars,
        **{kind: _recorded_together(kind, erase) for kind, erase in _BY_COUNT.items()},
    }
)
# Rows that an act of somebody may give new life: locked before they are looked at for the last time.
LOCKED: Mapping[str, type[DeclarativeBase]] = MappingProxyType(
    {"dossier": Aanvraag, "contact": Contact, "account": Account, "inburgeraar": Inburgeraar}
)

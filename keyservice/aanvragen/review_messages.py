"""The mails of the review, as values. A gemeente reads "uw relatiebeheerder", never a name of somebody at DUO."""

from uuid import UUID

from keyservice.aanvragen.messages import mail
from keyservice.aanvragen.models import Aanvraag
from keyservice.accounts.models import Account
from keyservice.accounts.queries import account
from keyservice.outbox.message import Message


def question(aanvraag: Aanvraag, event_id: UUID) -> Message:
    """Ask the submitter for more, in the words of the relatiebeheerder."""
    return _to_submitter("aanvraag-question", aanvraag, event_id, text=aanvraag.question or "")


def approved(aanvraag: Aanvraag, event_id: UUID) -> Message:
    """Tell the submitter that the aanvraag is approved."""
    return _to_submitter("aanvraag-approved", aanvraag, event_id)


def rejected(aanvraag: Aanvraag, event_id: UUID) -> Message:
    """Tell the submitter that the aanvraag is rejected, and why."""
    return _to_submitter("aanvraag-rejected", aanvraag, event_id, text=aanvraag.rejection or "")


def returned(aanvraag: Aanvraag, event_id: UUID) -> Message:
    """Tell the submitter that an approved aanvraag is looked at again."""
    return _to_submitter("aanvraag-returned", aanvraag, event_id)


def lapsed(aanvraag: Aanvraag, event_id: UUID) -> Message:
    """Tell the submitter that the aanvraag ended because nothing happened for too long."""
    return _to_submitter("aanvraag-lapsed", aanvraag, event_id)


def to_reviewer(kind: str, key: str, aanvraag: Aanvraag, reader: Account) -> Message:
    """Tell one relatiebeheerder that an aanvraag waits; `kind` says for what."""
    return mail(kind, f"{key}:{reader.id}", aanvraag, reader, gemeente=aanvraag.gemeente_name)


def _to_submitter(kind: str, aanvraag: Aanvraag, event_id: UUID, **values: str) -> Message:
    # The event is one act, so its id makes the message unique: a second question is a second mail.
    reader = account(aanvraag.submitted_by) if aanvraag.submitted_by else None
    if reader is None:
        raise LookupError(f"aanvraag {aanvraag.id} has no submitter")
    return mail(kind, f"{kind}:{event_id}", aanvraag, reader, **values)

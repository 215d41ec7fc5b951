"""Mails about an aanvraag: here those to a gemeente about its own acts, in `review_messages` those of the review."""

from keyservice import settings
from keyservice.aanvragen.models import Aanvraag
from keyservice.accounts.models import Account, Audience
from keyservice.outbox.message import Message
from keyservice.outbox.models import Channel, OutboxMessage

UNDELIVERED = "bericht-mislukt"
UNDELIVERED_DUO = "bericht-mislukt-duo"


def received(aanvraag: Aanvraag, submitter: Account) -> Message:
    """Return the mail that tells who submitted that the aanvraag has arrived, and its number."""
    return _of_gemeente("aanvraag-received", aanvraag, submitter)


def withdrawn(aanvraag: Aanvraag, submitter: Account) -> Message:
    """Return the mail that tells who submitted that the gemeente has withdrawn the aanvraag."""
    return _of_gemeente("aanvraag-withdrawn", aanvraag, submitter)


def _of_gemeente(kind: str, aanvraag: Aanvraag, submitter: Account) -> Message:
    wanted = {"pakket": aanvraag.pakket or "", "omgeving": aanvraag.omgeving or ""}
    return mail(kind, f"{kind}:{aanvraag.id}", aanvraag, submitter, **wanted)


def undelivered(aanvraag: Aanvraag, reader: Account, message: OutboxMessage) -> Message:
    """Return the mail that a message about an aanvraag did not arrive; it shows the address masked, as pages do."""
    kind = UNDELIVERED if reader.audience is Audience.GEMEENTE else UNDELIVERED_DUO
    key = f"{kind}:{message.id}:{reader.id}"
    return mail(kind, key, aanvraag, reader, recipient=message.recipient, gemeente=aanvraag.gemeente_name)


def mail(kind: str, key: str, aanvraag: Aanvraag, reader: Account, **values: str) -> Message:
    """Return a mail about an aanvraag, with the page on which this reader finds it; `key` makes the message unique."""
    for_duo = reader.audience is Audience.DUO
    page = "dossiers" if for_duo else "aanvragen"
    return Message(
        kind=kind,
        channel=Channel.MAIL,
        key=key,
        to=reader.email,
        values={
            "name": reader.name,
            "number": aanvraag.number or "",
            "url": f"{settings.current().base_url}/{page}/{aanvraag.id}",
            **values,
        },
        dossier=aanvraag.id,
        for_duo=for_duo,
    )

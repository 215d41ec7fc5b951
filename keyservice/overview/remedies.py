"""What somebody can do about a message that did not arrive: which way out fits which message. Pure.

A secret goes only to the approved snapshot (I13), so another address is never one of the ways: it takes a new aanvraag.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from keyservice.issuance.handout import DELIVERY
from keyservice.issuance.messages import KEY_MAIL, KEY_READY, PASSWORD_READY, PASSWORD_SMS, Reminder
from keyservice.issuance.models import Issuance
from keyservice.issuance.service import MOST_COPIES
from keyservice.outbox.models import FAILED, OutboxMessage

# What did not arrive longer ago than a delivery lasts is no news any more.
RECENT = DELIVERY
_ZIP = frozenset({KEY_MAIL, KEY_READY})
_PASSWORD = frozenset({PASSWORD_SMS, PASSWORD_READY})
_PROOF = frozenset({"practice-zip", "sms-code", "contact-log-in"})
_OF_ISSUANCE = _ZIP | _PASSWORD | {Reminder.RECEIPT}
_OTHER_CONTACT = (
    "Klopt het adres van de contactpersoon niet meer? Annuleer dan de levering. "
    "De gemeente geeft daarna in een nieuwe aanvraag een andere contactpersoon of een andere manier op."
)


class Way(StrEnum):
    """A way out that is an act on the issuance."""

    RESEND = "resend"
    RELEASE = "release"
    CANCEL = "cancel"


@dataclass(frozen=True)
class Remedy:
    """What to do, in a few sentences, and the buttons for it."""

    text: str
    ways: tuple[Way, ...] = ()


def undelivered(messages: Iterable[OutboxMessage], now: datetime) -> list[OutboxMessage]:
    """Return which messages of a gemeente lately did not arrive, oldest first.

    A newer one of the same kind to the same recipient takes the place of an older one: it was sent again.
    """
    newest: dict[tuple[str, str], OutboxMessage] = {}
    for message in sorted(messages, key=lambda m: m.created_at):
        newest.pop((message.kind, message.recipient), None)
        newest[message.kind, message.recipient] = message
    return [m for m in newest.values() if m.status in FAILED and not m.for_duo and now - m.created_at < RECENT]


def for_duo(message: OutboxMessage, issuance: Issuance | None, person: UUID) -> Remedy:
    """Return what a relatiebeheerder can do; `issuance` is the newest of the aanvraag that the message is about."""
    if message.for_duo:
        return Remedy(
            "Dit bericht was voor een collega. Klopt het adres niet? "
            "Vraag een functioneel beheerder om het te veranderen."
        )
    if message.kind in _OF_ISSUANCE:
        return _of_issuance(message.kind, issuance, person)
    if message.kind in _PROOF:
        return Remedy(
            "De gemeente kan het adres van de contactpersoon zelf veranderen. Daarna gaat er een nieuwe code naartoe."
        )
    if message.dossier is None:
        return Remedy(
            "Dit bericht gaat over een account. Klopt het adres niet? "
            "Wie deze persoon heeft uitgenodigd, kan een nieuwe uitnodiging sturen."
        )
    return Remedy("Bel de gemeente als zij dit moet weten. Op de pagina van de aanvraag staat het ook.")


def _of_issuance(kind: str, issuance: Issuance | None, person: UUID) -> Remedy:
    if issuance is None or issuance.ended_at is not None:
        return Remedy("De levering is al afgelopen. U hoeft niets te doen.")
    if kind == Reminder.RECEIPT:
        return _receipt(issuance, person)
    if kind == PASSWORD_READY:
        text = "Bel de gemeente: de contactpersoon kan ook zonder deze e-mail inloggen en het wachtwoord bekijken. "
        return Remedy(text + _OTHER_CONTACT, (Way.CANCEL,))
    if kind in _ZIP and issuance.password_sent_at is None and issuance.copies < MOST_COPIES:
        text = "Hetzelfde zipbestand mag opnieuw naar dezelfde contactpersoon, op het adres dat is goedgekeurd. "
        return Remedy(text + _OTHER_CONTACT, (Way.RESEND, Way.CANCEL))
    return Remedy(f"Dit mag alleen naar het adres dat is goedgekeurd. {_OTHER_CONTACT}", (Way.CANCEL,))


def _receipt(issuance: Issuance, person: UUID) -> Remedy:
    if issuance.handed_over:
        return Remedy("Het wachtwoord is al onderweg. U hoeft niets te doen.")
    text = "Bel de gemeente op het nummer uit het register. Is het zipbestand er? "
    if issuance.issued_by == person:
        return Remedy(f"{text}Vraag dan een collega om het wachtwoord vrij te geven: u gaf de sleutel zelf uit.")
    return Remedy(f"{text}Dan kunt u het wachtwoord vrijgeven. {_OTHER_CONTACT}", (Way.RELEASE, Way.CANCEL))


def for_gemeente(message: OutboxMessage, issuance: Issuance | None) -> str:
    """Return what somebody of the gemeente can do."""
    if message.kind in _PROOF:
        return "Controleer het adres van de contactpersoon. U kunt het nog veranderen, of een nieuwe code laten sturen."
    if message.kind not in _OF_ISSUANCE or issuance is None:
        return "Controleer of het adres klopt. Wat u moet weten, staat ook op deze pagina."
    if issuance.ended_at is not None:
        return "De levering is al afgelopen. U hoeft niets te doen."
    return (
        "Vraag uw collega of het adres klopt. Klopt het? Vraag uw relatiebeheerder dan om het opnieuw te sturen. Klopt "
        "het niet? Stop dan de levering en vraag de sleutel opnieuw aan met een andere contactpersoon."
    )

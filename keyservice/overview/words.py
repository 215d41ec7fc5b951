"""What states, roles and values are called on a page, and the tone of their badges."""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from uuid import UUID

from keyservice.aanvragen.words import KEY_VIA, PASSWORD_VIA
from keyservice.aanvragen.workflow import OPEN
from keyservice.accounts.words import ROLES
from keyservice.audit.queries import EventView
from keyservice.contacts.models import Via
from keyservice.issuance import words as issuance_words
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from keyservice.outbox.models import Channel, Delivery, OutboxMessage
from keyservice.overview.event_fields import FIELDS
from keyservice.overview.keyset import Cells

Badge = tuple[str, str]
ISSUANCE, LEFT, delivery_stage, sleutel_badge = (
    issuance_words.ISSUANCE,
    issuance_words.LEFT,
    issuance_words.delivery_stage,
    issuance_words.sleutel_badge,
)
DELIVERY: Mapping[Delivery, Badge] = MappingProxyType(
    {
        Delivery.WAITING: ("Wacht op verzending", "neutral"),
        Delivery.SENDING: ("Wordt verstuurd", "neutral"),
        Delivery.SENT: ("Verstuurd", "success"),
        Delivery.BOUNCED: ("Niet aangekomen", "error"),
        Delivery.DEAD: ("Mislukt", "error"),
        Delivery.CANCELLED: ("Niet meer nodig", "inactive"),
    }
)
CHANNEL: Mapping[Channel, str] = MappingProxyType({Channel.MAIL: "E-mail", Channel.SMS: "Sms", Channel.LETTER: "Brief"})
WAYS: Mapping[Via, str] = MappingProxyType({**KEY_VIA, **PASSWORD_VIA})
RESULT: Mapping[str, Badge] = MappingProxyType(
    {
        "ok": ("Gelukt", "success"),
        "refused": ("Geweigerd", "error"),
        "failed": ("Klopt niet", "error"),
        "damaged": ("Beschadigd", "error"),
    }
)
ORIGIN: Mapping[str, str] = MappingProxyType(
    {"worker": "Het systeem", "cli": "Het systeem (opdracht)", "api": "Een koppeling"}
)
VISITOR = "Iemand zonder account"
# Names of messages; what is not listed shows as it is written in the catalogue.
MESSAGES: Mapping[str, str] = MappingProxyType(
    {
        "aanvraag-approved": "Aanvraag goedgekeurd",
        "aanvraag-lapsed": "Aanvraag vervallen",
        "aanvraag-new": "Nieuwe aanvraag",
        "aanvraag-question": "Vraag om aanvulling",
        "aanvraag-received": "Aanvraag ontvangen",
        "aanvraag-rejected": "Aanvraag afgewezen",
        "aanvraag-reminder": "Herinnering aan een aanvraag",
        "aanvraag-returned": "Aanvraag wordt opnieuw bekeken",
        "aanvraag-unissued": "Herinnering: sleutel nog niet uitgegeven",
        "aanvraag-withdrawn": "Aanvraag ingetrokken",
        "account-factor": "Inlogmiddel veranderd",
        "account-factors-gone": "Inlogmiddelen weggehaald",
        "account-grant": "Nieuwe rol van een collega",
        "account-invitation": "Uitnodiging",
        "account-review": "Herinnering: rollen controleren",
        "account-many-failures": "Vaak verkeerd ingelogd",
        "account-new-device": "Nieuw apparaat",
        "account-password-changed": "Wachtwoord veranderd",
        "berichtenboek-beeindigd": "Berichtenboek gestopt of vervallen",
        "berichtenboek-gevraagd": "Aanvraag van het berichtenboek",
        "berichtenboek-geweigerd": "Berichtenboek niet goedgekeurd",
        "berichtenboek-klaar": "Berichtenboek goedgekeurd",
        "berichtenboek-link": "Link naar het berichtenboek",
        "berichtenboek-nieuw": "Nieuwe versie van het berichtenboek",
        "berichtenboek-nieuw-link": "Link naar een nieuwe versie van het berichtenboek",
        "berichtenboek-wacht": "Herinnering: aanvraag van het berichtenboek",
        "brief-gepost": "Brief is gepost",
        "brief-mislukt": "Brief mislukt of retour",
        "brief-wacht": "Herinnering: brief printen of posten",
        "bericht-mislukt": "Melding dat een bericht niet is aangekomen",
        "bericht-mislukt-duo": "Melding dat een gemeente berichten niet krijgt",
        "contact-log-in": "Vraag om in te loggen en te bevestigen",
        "opvolging-afgewezen": "Gebruik van sleutels afgewezen",
        "opvolging-gevraagd": "Vraag om sleutels van een opgeheven gemeente",
        "opvolging-goedgekeurd": "Gebruik van sleutels goedgekeurd",
        "practice-zip": "Oefenbestand",
        "sleutel-active": "Sleutel geactiveerd",
        "sleutel-ander-netwerk": "Sleutel gebruikt vanaf een ander netwerk",
        "sleutel-gebruikt": "Sleutel voor het eerst gebruikt",
        "sleutel-gelekt": "Melding: sleutel gevonden en ingetrokken",
        "sleutel-gelekt-duo": "Melding: sleutel gevonden en ingetrokken",
        "sleutel-klaar": "Bericht: zipbestand staat klaar",
        "sleutel-zip": "Zipbestand met de sleutel",
        "sleutel-deblokkeren": "Vraag om een sleutel te deblokkeren",
        "sleutel-geblokkeerd": "Sleutel geblokkeerd",
        "sleutel-gedeblokkeerd": "Sleutel gedeblokkeerd",
        "sleutel-ingetrokken": "Sleutel ingetrokken",
        "sleutel-oud-gebruikt": "Oude sleutel nog gebruikt",
        "sleutel-oud-geprobeerd": "Oude sleutel nog geprobeerd",
        "sleutel-oud-gestopt": "Oude sleutel gestopt",
        "sleutel-slaapt": "Sleutel geprobeerd die nog niet is geactiveerd",
        "sleutel-verloopt": "Waarschuwing: sleutel verloopt",
        "sleutel-verlopen": "Sleutel verlopen",
        "sleutel-vervangen": "Nieuwe sleutel wordt gebruikt",
        "sms-code": "Code om te bevestigen",
        "uitgifte-cancelled": "Levering geannuleerd",
        "uitgifte-lapsed": "Levering vervallen",
        "uitgifte-released": "Wachtwoord vrijgegeven",
        "uitgifte-ontvanger": "Bericht aan de contactpersoon voor het wachtwoord",
        "uitgifte-remind-activation": "Herinnering: sleutel activeren",
        "uitgifte-remind-password": "Herinnering: wachtwoord bekijken",
        "uitgifte-remind-receipt": "Herinnering: zipbestand melden",
        "wachtwoord": "Wachtwoord",
        "wachtwoordbrief": "Wachtwoord",
        "wachtwoord-klaar": "Bericht: wachtwoord staat klaar",
        "wave-finished": "Vernieuwingsronde klaar",
        "wave-prepared": "Vernieuwingsronde wacht op een collega",
    }
)


PARTS: Mapping[str, str] = MappingProxyType({"key": "sleutel", "password": "wachtwoord"})
# Fields of events whose values have a Dutch name.
VALUES: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "channel": {str(channel): name for channel, name in CHANNEL.items()},
        "kind": MESSAGES,
        "part": PARTS,
        "readers": {str(role): f"{name}s" for role, name in ROLES.items()},
        "via": {str(via): name for via, name in WAYS.items()},
        "role": {str(role): name for role, name in ROLES.items()},
    }
)


def who(event: EventView, names: Mapping[UUID, str]) -> str:
    """Return who did something, with the roles of that moment."""
    if event.person is None:
        return ORIGIN.get(event.origin, VISITOR)
    name = names.get(event.person, "Onbekend")
    roles = ", ".join(ROLES[role] for role in Role if role in event.roles)
    return f"{name} ({roles})" if roles else name


def facts(event: EventView) -> list[tuple[str, str, bool]]:
    """Return the name, value, and whether it is a code of the program, of all that an event holds and is not empty."""
    codes = [(name, *_in_dutch(name, value)) for name, value in sorted(event.fields.items())]
    texts = [(name, value, False) for name, value in sorted(event.private.items())]
    return [(FIELDS.get(n, n), _shown(v), is_code) for n, v, is_code in codes + texts if v is not None and v != ""]


def _in_dutch(field: str, value: object) -> tuple[object, bool]:
    """Return what a page calls the value of a field, and whether it is still a code of the program."""
    named = VALUES.get(field, {}).get(str(value))
    return (named, False) if named else (value, True)


def _shown(value: object) -> str:
    if isinstance(value, bool):
        return "ja" if value else "nee"
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def message_name(kind: str) -> str:
    """Return what a message is called."""
    return MESSAGES.get(kind, kind)


def delivery(message: OutboxMessage) -> Badge:
    """Return where a message stands; a letter that is "sent" has yet to be printed."""
    if message.channel is Channel.LETTER and message.status is Delivery.SENT:
        return "Klaargezet om te printen", "success"
    return DELIVERY[message.status]


def age(row: Cells, now: datetime) -> str:
    """Return how many working days an open aanvraag waits for its end."""
    if row.status not in OPEN:
        return "Klaar"
    days = clock.working_days_between(row.submitted_at, now)
    return "Vandaag verstuurd" if days == 0 else "1 werkdag" if days == 1 else f"{days} werkdagen"

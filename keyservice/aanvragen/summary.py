"""An aanvraag as rows of a page: what was filled in, per section of the form."""

from datetime import datetime

from keyservice.aanvragen import words
from keyservice.aanvragen.content import WET, Section
from keyservice.aanvragen.models import Aanvraag
from keyservice.contacts.models import Contact, Via
from keyservice.gemeenten.phones import show_phone
from keyservice.kernel import clock
from keyservice.web.dates import datum

Rows = list[tuple[str, str]]
# Shown, never asked.
FIXED = frozenset({"Soort aanvraag", "Gemeente", "Wet"})


def sections(aanvraag: Aanvraag) -> dict[Section, Rows]:
    """Return per section the labels and answers; an answer that is not there is an empty text."""
    return {
        Section.GEMEENTE: [
            ("Soort aanvraag", kind(aanvraag)),
            ("Gemeente", f"{aanvraag.gemeente_name} ({aanvraag.gemeente})"),
            ("OIN", aanvraag.oin or ""),
            ("KvK-nummer", aanvraag.kvk or ""),
        ],
        Section.CONTACTPERSONEN: _contacts(*aanvraag.contacts),
        Section.SOFTWARE: [
            ("Softwareleverancier", aanvraag.leverancier or ""),
            ("Pakket", aanvraag.pakket or ""),
            ("Versie", aanvraag.pakket_versie or ""),
            ("Contactpersoon leverancier", aanvraag.leverancier_contact or ""),
            ("E-mailadres leverancier", aanvraag.leverancier_mailbox or ""),
            ("Omgeving", (aanvraag.omgeving or "").capitalize()),
            ("Wet", WET),
            ("Toelichting", aanvraag.toelichting or ""),
        ],
        Section.ONDERTEKENING: [
            ("Naam ondertekenaar", aanvraag.signer_name or ""),
            ("Functie ondertekenaar", aanvraag.signer_function or ""),
            ("Verklaringen", _declared(aanvraag)),
        ],
    }


def good_until(end: datetime | None) -> str:
    """Return until when something that was proven is good, or that it ran out, or was never there."""
    if end is None:
        return "Nog niet"
    return f"Ja, tot {datum(end)}" if clock.now() < end else f"Verlopen op {datum(end)}"


def kind(aanvraag: Aanvraag) -> str:
    """Return whether it is a first aanvraag or which one it replaces."""
    earlier = f" van {aanvraag.replaces.number}" if aanvraag.replaces else ""
    return words.KIND[aanvraag.kind] + earlier


def _contacts(key: Contact | None, password: Contact | None) -> Rows:
    return [
        ("Zipbestand", words.KEY_VIA[key.via] if key else ""),
        ("Contactpersoon voor de sleutel", key.name if key else ""),
        ("Functie", key.function if key else ""),
        ("E-mailadres", key.mailbox or "" if key else ""),
        ("Telefoonnummer", show_phone(key.phone) if key and key.phone else ""),
        ("Wachtwoord", words.PASSWORD_VIA[password.via] if password else ""),
        ("Ontvanger van het wachtwoord", password.name if password else ""),
        ("Functie van de ontvanger", password.function if password else ""),
        _password_address(password),
    ]


def _password_address(password: Contact | None) -> tuple[str, str]:
    if password is None or password.via is Via.SMS:
        return "Mobiel nummer", show_phone(password.mobile) if password and password.mobile else ""
    return "E-mailadres van de ontvanger", password.mailbox or ""


def _declared(aanvraag: Aanvraag) -> str:
    if aanvraag.declared_at is None:
        return ""
    return f"Beide aangevinkt op {datum(aanvraag.declared_at)}"

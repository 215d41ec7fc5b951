"""The content of an aanvraag: its four sections, whether they are complete, and the exact bytes that are approved."""

import hashlib
import json
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from keyservice.aanvragen.workflow import CONTACTS_EDITABLE, EDITABLE, Status
from keyservice.gemeenten.oin import InvalidNumber, parse_oin
from keyservice.kernel.text import ERASED, fold
from keyservice.sleutels.format import Omgeving

WET = "Wi2013"  # the machinekoppeling is there for the Wet inburgering 2013 only
# The version of the two declarations on the form; a changed text gets a new one.
DECLARATION_VERSION = "2026-1"


class Section(StrEnum):
    """The four steps of the form; the values stand in the address of a page."""

    GEMEENTE = "gemeente"
    CONTACTPERSONEN = "contactpersonen"
    SOFTWARE = "software"
    ONDERTEKENING = "ondertekening"


class Held(StrEnum):
    """What is left of an approved content: all of it, all but the people, or something else than was approved."""

    WHOLE = "whole"
    ERASED = "erased"
    CHANGED = "changed"


# What is approved, beside the contacts. `wet` is fixed and stands in the content all the same.
FIELDS = (
    "number",
    "kind",
    "replaces_id",
    "gemeente",
    "gemeente_name",
    "oin",
    "kvk",
    "leverancier",
    "pakket",
    "pakket_versie",
    "leverancier_contact",
    "leverancier_mailbox",
    "omgeving",
    "toelichting",
    "signer_name",
    "signer_function",
    "declaration_version",
    "declared_by",
    "declared_at",
)
CONTACT_FIELDS = (
    *("id", "via", "name", "function", "mailbox", "phone", "mobile"),
    *("z_number", "verified_address", "verified_account"),
)
# What of both is about people: replaced after the term. Numbers are left out, they would not be numbers any more.
_PERSONAL = ("leverancier_contact", "leverancier_mailbox", "toelichting", "signer_name", "signer_function")
_PERSONAL_OF_CONTACT = ("name", "function", "mailbox", "verified_address")
_NUMBERS_OF_CONTACT = ("phone", "mobile")
_REQUIRED: Mapping[Section, tuple[str, ...]] = MappingProxyType(
    {
        Section.GEMEENTE: ("oin",),
        Section.SOFTWARE: ("leverancier", "pakket", "pakket_versie", "omgeving"),
        Section.ONDERTEKENING: ("signer_name", "signer_function", "declared_at"),
    }
)
_KEY_CONTACT_REQUIRED = ("name", "function", "mailbox", "phone")
# By the way in which the password comes.
_PASSWORD_CONTACT_REQUIRED: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sms": ("name", "function", "mobile"),
        "page": ("name", "function", "mailbox"),
        "letter": ("name", "function", "mailbox"),  # the letter goes elsewhere, notices without a secret go there
    }
)

Values = Mapping[str, object]


def content(aanvraag: Values, key_contact: Values | None, password_contact: Values | None) -> dict[str, object]:
    """Return what an approval is about: the fields of `FIELDS`, and per contact those of `CONTACT_FIELDS`.

    `verified_address` of a contact is the proven address, or None while the present address is not proven;
    `verified_account` is who proved it by logging in. Moments must be aware UTC. Raises KeyError when a value is not
    given.
    """
    return {
        **{name: aanvraag[name] for name in FIELDS},
        "wet": WET,
        "key_contact": key_contact and {name: key_contact[name] for name in CONTACT_FIELDS},
        "password_contact": password_contact and {name: password_contact[name] for name in CONTACT_FIELDS},
    }


def canonical(value: Mapping[str, object]) -> str:
    """Return the one text of a content: JSON, keys sorted, without spaces; ids and moments as text."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, default=str)


def content_hash(text: str) -> bytes:
    """Return the SHA-256 of a canonical content."""
    return hashlib.sha256(text.encode()).digest()


def erased(text: str) -> str:
    """Return a canonical content without people: what a term leaves of it. A second time changes nothing."""
    value = json.loads(text)
    value |= {name: ERASED for name in _PERSONAL if value[name]}
    for part in ("key_contact", "password_contact"):
        if contact := value[part]:
            contact |= {name: ERASED for name in _PERSONAL_OF_CONTACT if contact[name]}
            contact |= dict.fromkeys(_NUMBERS_OF_CONTACT)
    return canonical(value)


def held(text: str, digest: bytes) -> Held:
    """Tell what is left of an approved content whose SHA-256 was `digest`."""
    if content_hash(text) == digest:
        return Held.WHOLE
    try:
        return Held.ERASED if erased(text) == text else Held.CHANGED
    except (ValueError, KeyError, TypeError):
        return Held.CHANGED


def pakket_key(leverancier: str, pakket: str) -> str:
    """Return what makes two packages one for the rule of one open aanvraag: no case, accents, dots or spaces."""
    return f"{fold(leverancier)}/{fold(pakket)}"


def editable(status: Status) -> tuple[Section, ...]:
    """Return the sections that a gemeente may change now: all, only the contacts, or none."""
    if status in EDITABLE:
        return tuple(Section)
    return (Section.CONTACTPERSONEN,) if status in CONTACTS_EDITABLE else ()


def incomplete(value: Mapping[str, object]) -> tuple[Section, ...]:
    """Return the sections of a content that still lack something, in the order of the form."""
    missing = {section for section, names in _REQUIRED.items() if not all(value[name] for name in names)}
    if not _has(value["key_contact"], _KEY_CONTACT_REQUIRED):
        missing.add(Section.CONTACTPERSONEN)
    password = value["password_contact"]
    if not isinstance(password, Mapping) or not _has(password, _PASSWORD_CONTACT_REQUIRED[str(password["via"])]):
        missing.add(Section.CONTACTPERSONEN)
    if value["oin"] and not oin_fits(str(value["oin"]), value["omgeving"]):
        missing.add(Section.GEMEENTE)
    return tuple(section for section in Section if section in missing)


def oin_fits(oin: str, omgeving: object) -> bool:
    """Tell whether an OIN may be used in an omgeving: a test OIN is for acceptatie only."""
    try:
        parse_oin(oin, omgeving_is_acceptatie=omgeving != Omgeving.PRODUCTIE)
    except InvalidNumber:
        return False
    return True


def _has(contact: object, names: tuple[str, ...]) -> bool:
    return isinstance(contact, Mapping) and all(contact[name] for name in names)

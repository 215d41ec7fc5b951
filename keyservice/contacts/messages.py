"""The mail with the practice zip and the sms with the code."""

from urllib.parse import urlsplit

from keyservice import settings
from keyservice.contacts.models import Challenge, Contact
from keyservice.kernel.secret import Secret
from keyservice.outbox.message import Attachment, Message
from keyservice.outbox.models import Channel
from keyservice.web import opener

CONFIRM_PATH = "/bevestigen"
LOG_IN_PATH = "/aanvragen/{dossier}/contactpersonen/{contact}/dit-ben-ik"
PRACTICE_PATH = "/aanvragen/{dossier}/contactpersonen/{contact}/oefenzip-code"


def prefix(contact: Contact) -> str:
    """Return how the keys of all messages with a code for a contact start."""
    return f"contact-code:{contact.id}:"


def practice_zip(contact: Contact, challenge: Challenge, data: bytes) -> Message:
    """Return the mail that carries a practice zip; it names no colleague and holds no password."""
    path = PRACTICE_PATH.format(dossier=challenge.dossier, contact=contact.id)
    return Message(
        kind="practice-zip",
        channel=Channel.MAIL,
        key=f"{prefix(contact)}{challenge.id}",
        to=challenge.address,
        values={"name": contact.name, "url": settings.current().base_url + path, "opener": opener.address()},
        dossier=challenge.dossier,
        attachment=Attachment("oefenbestand.zip", "application/zip", data),
    )


def log_in(contact: Contact, challenge: Challenge) -> Message:
    """Return the mail that asks a contact to log in and confirm; it names no colleague."""
    path = LOG_IN_PATH.format(dossier=challenge.dossier, contact=contact.id)
    return Message(
        kind="contact-log-in",
        channel=Channel.MAIL,
        key=f"{prefix(contact)}{challenge.id}",
        to=challenge.address,
        values={"name": contact.name, "part": contact.part, "url": settings.current().base_url + path},
        dossier=challenge.dossier,
    )


def sms_code(contact: Contact, challenge: Challenge, code: Secret) -> Message:
    """Return the sms with the code and the place to type it; a bare address, for an sms has room for 160 characters."""
    return Message(
        kind="sms-code",
        channel=Channel.SMS,
        key=f"{prefix(contact)}{challenge.id}",
        to=challenge.address,
        values={
            "z_number": contact.z_number,
            "code": code,
            "page": urlsplit(settings.current().base_url).netloc + CONFIRM_PATH,
        },
        dossier=challenge.dossier,
    )

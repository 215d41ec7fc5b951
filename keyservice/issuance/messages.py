"""The messages of an issuance, as values. Those with the zip or the password go to the approved snapshot only (I13).

The mail with the zip names neither the colleague nor any number that stands in the sms.
"""

from enum import StrEnum

from keyservice import settings
from keyservice.issuance.models import Issuance
from keyservice.issuance.recipients import Recipients, recipients
from keyservice.kernel.secret import Secret
from keyservice.outbox.message import Attachment, Message
from keyservice.outbox.models import Channel
from keyservice.web.dates import datum

KEY_MAIL = "sleutel-zip"
PASSWORD_SMS = "wachtwoord"  # noqa: S105 - the name of a message
ZIP_NAME = "applicatiesleutel.zip"


class Told(StrEnum):
    """What both contacts are told, without any secret."""

    RELEASED = "uitgifte-released"
    CANCELLED = "uitgifte-cancelled"
    LAPSED = "uitgifte-lapsed"
    ACTIVE = "sleutel-active"


class Reminder(StrEnum):
    """What the key contact is reminded of."""

    RECEIPT = "uitgifte-remind-receipt"
    ACTIVATION = "uitgifte-remind-activation"


def prefixes(issuance: Issuance) -> tuple[str, ...]:
    """Return how the keys of the messages begin that must not go out any more once the issuance has ended."""
    return zip_prefix(issuance), f"password:{issuance.id}:", f"remind:{issuance.id}:"


def zip_prefix(issuance: Issuance) -> str:
    """Return how the keys of the mails with the zip begin."""
    return f"zip:{issuance.id}:"


def key_mail(issuance: Issuance, zip_data: bytes, token: Secret) -> Message:
    """Return the mail with the zip to the key contact; `token` is the one place where the receipt link stands."""
    to = _to(issuance)
    return Message(
        kind=KEY_MAIL,
        channel=Channel.MAIL,
        key=f"{zip_prefix(issuance)}{issuance.copies}",
        to=to.key_mailbox,
        values={
            "name": to.key.name,
            "number": issuance.aanvraag.number or "",
            "omgeving": issuance.aanvraag.omgeving or "",
            "url": Secret(f"{settings.current().base_url}/ontvangst/{token.reveal()}"),
        },
        dossier=issuance.aanvraag_id,
        attachment=Attachment(ZIP_NAME, "application/zip", zip_data),
    )


def password_sms(issuance: Issuance, password: Secret) -> Message:
    """Return the sms with the password to the password contact."""
    return Message(
        kind=PASSWORD_SMS,
        channel=Channel.SMS,
        key=f"password:{issuance.id}:1",
        to=_to(issuance).password_mobile,
        values={"z_number": issuance.z_number, "password": password},
        dossier=issuance.aanvraag_id,
    )


def told(kind: Told, issuance: Issuance) -> tuple[Message, Message]:
    """Return the mail to the key contact and the sms to the password contact about what happened."""
    mail = _mail(kind, f"{kind}:{issuance.id}:mail", issuance)
    sms = Message(
        kind=kind,
        channel=Channel.SMS,
        key=f"{kind}:{issuance.id}:sms",
        to=_to(issuance).password_mobile,
        values={"z_number": issuance.z_number},
        dossier=issuance.aanvraag_id,
    )
    return mail, sms


def reminder(kind: Reminder, issuance: Issuance, day: int) -> Message:
    """Return the mail that reminds the key contact; `day` counts from the issue."""
    return _mail(kind, f"remind:{issuance.id}:{day}", issuance)


def _mail(kind: Told | Reminder, key: str, issuance: Issuance) -> Message:
    to = _to(issuance)
    return Message(
        kind=kind,
        channel=Channel.MAIL,
        key=key,
        to=to.key_mailbox,
        values={
            "name": to.key.name,
            "number": issuance.aanvraag.number or "",
            "omgeving": issuance.aanvraag.omgeving or "",
            "sleutel": issuance.sleutel.number,
            "deadline": datum(issuance.deadline),
            "expires": datum(issuance.sleutel.expires_at),
            "url": f"{settings.current().base_url}/aanvragen/{issuance.aanvraag_id}",
        },
        dossier=issuance.aanvraag_id,
    )


def _to(issuance: Issuance) -> Recipients:
    return recipients(issuance.approval.snapshot)

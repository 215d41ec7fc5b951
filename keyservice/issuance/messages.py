"""The messages of an issuance, as values. Those with the zip or the password go to the approved snapshot only (I13).

The mail with the zip names neither the colleague nor any number that stands in the sms.
"""

from enum import StrEnum

from keyservice import settings
from keyservice.aanvragen.messages import mail as mail_about
from keyservice.accounts.models import Account, Audience
from keyservice.contacts.models import Via
from keyservice.issuance.models import Issuance
from keyservice.issuance.recipients import Recipient, Recipients, recipients
from keyservice.kernel import clock
from keyservice.kernel.secret import Secret
from keyservice.outbox.message import Attachment, Message
from keyservice.outbox.models import Channel, Letter, LetterStatus
from keyservice.sleutels.life import State, state
from keyservice.web import opener
from keyservice.web.dates import datum

KEY_MAIL = "sleutel-zip"
KEY_READY = "sleutel-klaar"
PASSWORD_SMS = "wachtwoord"  # noqa: S105 - the name of a message
PASSWORD_LETTER = "wachtwoordbrief"  # noqa: S105 - the name of a message
PASSWORD_READY = "wachtwoord-klaar"  # noqa: S105 - the name of a message
TOLD_RECEIVER = "uitgifte-ontvanger"
LETTER_WAITS = "brief-wacht"
LEAKED_DUO = "sleutel-gelekt-duo"
ZIP_NAME = "applicatiesleutel.zip"


class Told(StrEnum):
    """What both contacts are told, without any secret."""

    RELEASED = "uitgifte-released"
    POSTED = "brief-gepost"
    LETTER_FAILED = "brief-mislukt"
    CANCELLED = "uitgifte-cancelled"
    LAPSED = "uitgifte-lapsed"
    ACTIVE = "sleutel-active"
    LEAKED = "sleutel-gelekt"


class Reminder(StrEnum):
    """What somebody is reminded of: the key contact, or who has yet to look at the password."""

    RECEIPT = "uitgifte-remind-receipt"
    ACTIVATION = "uitgifte-remind-activation"
    PASSWORD = "uitgifte-remind-password"  # noqa: S105 - the name of a message


def prefixes(issuance: Issuance) -> tuple[str, ...]:
    """Return how the keys of the messages begin that must not go out any more once the issuance has ended."""
    return zip_prefix(issuance), f"password:{issuance.id}:", f"remind:{issuance.id}:"


def zip_prefix(issuance: Issuance) -> str:
    """Return how the keys of the mails with the zip begin."""
    return f"zip:{issuance.id}:"


def key_mail(issuance: Issuance, zip_data: bytes, token: Secret) -> Message:
    """Return the mail to the key contact: with the zip, or where to download it.

    `token` is the one place where the receipt link stands; who downloads logs in for that.
    """
    to = recipients_of(issuance).key
    by_mail = to.via is Via.MAIL
    base = settings.current().base_url
    return Message(
        kind=KEY_MAIL if by_mail else KEY_READY,
        channel=Channel.MAIL,
        key=f"{zip_prefix(issuance)}{issuance.copies}",
        to=to.address,
        values={
            "name": to.name,
            "number": issuance.aanvraag.number or "",
            "omgeving": issuance.aanvraag.omgeving or "",
            "old_until": _old_until(issuance),
            "url": Secret(f"{base}/ontvangst/{token.reveal()}") if by_mail else base + fetch_path(issuance),
            "opener": opener.address(),
        },
        dossier=issuance.aanvraag_id,
        attachment=Attachment(ZIP_NAME, "application/zip", zip_data) if by_mail else None,
    )


def fetch_path(issuance: Issuance) -> str:
    """Return the page where the key contact downloads the zip."""
    return f"/uitgiften/{issuance.id}/zipbestand"


def password_path(issuance: Issuance) -> str:
    """Return the page where the password contact looks at the password."""
    return f"/uitgiften/{issuance.id}/wachtwoord"


def password_sms(issuance: Issuance, password: Secret) -> Message:
    """Return the sms with the password to the password contact."""
    return Message(
        kind=PASSWORD_SMS,
        channel=Channel.SMS,
        key=f"password:{issuance.id}:1",
        to=recipients_of(issuance).password.address,
        values={"z_number": issuance.z_number, "password": password},
        dossier=issuance.aanvraag_id,
    )


def password_letter(issuance: Issuance, password: Secret) -> Message:
    """Return the letter with the password; beside the address nothing on it leads to the zip or its gemeente."""
    to = recipients_of(issuance).password
    return Message(
        kind=PASSWORD_LETTER,
        channel=Channel.LETTER,
        key=f"password:{issuance.id}:1",
        to=to.address,
        values={
            "organisation": f"Gemeente {issuance.aanvraag.gemeente_name}",
            "name": to.name,
            "number": issuance.z_number,
            "password": password,
            "subject": str(issuance.id),
            "maker": str(issuance.issued_by),
        },
        dossier=issuance.aanvraag_id,
    )


def password_ready(issuance: Issuance) -> Message:
    """Return the mail that the password waits on a page for the password contact; it holds no secret."""
    to = recipients_of(issuance).password
    return _mail(PASSWORD_READY, f"password:{issuance.id}:1", issuance, to, password_path(issuance))


def told(kind: Told, issuance: Issuance) -> tuple[Message, Message]:
    """Return the mail to the key contact, and the sms or mail to the password contact, about what happened."""
    to = recipients_of(issuance)
    mail = _mail(kind, f"{kind}:{issuance.id}:mail", issuance, to.key, _status_path(issuance))
    if to.password.via is not Via.SMS:
        key = f"{kind}:{issuance.id}:ontvanger"
        # Who gets a letter has no account, so no page.
        path = password_path(issuance) if to.password.via is Via.PAGE else ""
        other = _mail(TOLD_RECEIVER, key, issuance, to.password, path, what=kind)
        return mail, other
    sms = Message(
        kind=kind,
        channel=Channel.SMS,
        key=f"{kind}:{issuance.id}:sms",
        to=to.password.address,
        values={"z_number": issuance.z_number},
        dossier=issuance.aanvraag_id,
    )
    return mail, sms


def reminder(kind: Reminder, issuance: Issuance, day: int) -> Message:
    """Return the mail that reminds somebody; `day` counts from the issue."""
    to, key = recipients_of(issuance), f"remind:{issuance.id}:{day}"
    if kind is Reminder.PASSWORD:
        return _mail(kind, key, issuance, to.password, password_path(issuance))
    path = fetch_path(issuance) if to.key.via is Via.DOWNLOAD and kind is Reminder.RECEIPT else _status_path(issuance)
    return _mail(kind, key, issuance, to.key, path, via=to.key.via)


def letter_waits(letter: Letter, issuance: Issuance, reader: Account, reminder: int) -> Message:
    """Return the mail that tells a relatiebeheerder that a letter waits to be printed or posted."""
    return mail_about(
        LETTER_WAITS,
        f"letter-remind:{letter.id}:{letter.status}:{reminder}:{reader.id}",
        issuance.aanvraag,
        reader,
        gemeente=issuance.aanvraag.gemeente_name,
        number=letter.number,
        printed="ja" if letter.status is LetterStatus.OPENED else "",
        url=f"{settings.current().base_url}/brieven/{letter.id}",
    )


def leaked(issuance: Issuance, reader: Account) -> Message:
    """Return the mail about a leaked key to somebody who is no contact: a gemeentebeheerder or a relatiebeheerder."""
    kind = LEAKED_DUO if reader.audience is Audience.DUO else Told.LEAKED
    return mail_about(
        kind,
        f"{kind}:{issuance.id}:{reader.id}",
        issuance.aanvraag,
        reader,
        gemeente=issuance.aanvraag.gemeente_name,
        omgeving=issuance.aanvraag.omgeving or "",
        sleutel=issuance.sleutel.number,
    )


def _status_path(issuance: Issuance) -> str:
    return f"/aanvragen/{issuance.aanvraag_id}"


def recipients_of(issuance: Issuance) -> Recipients:
    """Return to whom zip and password of an issuance go."""
    return recipients(issuance.approval.snapshot)


def by_letter(issuance: Issuance) -> bool:
    """Tell whether the password of an issuance goes by letter, which takes days."""
    return recipients_of(issuance).password.via is Via.LETTER


def _old_until(issuance: Issuance) -> str:
    """Return until when the key works that this one is to follow, or nothing."""
    old = issuance.renews
    return datum(old.expires_at) if old and state(old.facts, clock.now()) is State.ACTIVE else ""


def _mail(kind: str, key: str, issuance: Issuance, to: Recipient, path: str, **more: str) -> Message:
    return Message(
        kind=kind,
        channel=Channel.MAIL,
        key=key,
        to=to.mailbox,
        values={
            "name": to.name,
            "number": issuance.aanvraag.number or "",
            "omgeving": issuance.aanvraag.omgeving or "",
            "password_via": recipients_of(issuance).password.via,
            "sleutel": issuance.sleutel.number,
            "deadline": datum(issuance.deadline),
            "expires": datum(issuance.sleutel.expires_at),
            "old_until": _old_until(issuance),
            "url": settings.current().base_url + path if path else "",
            **more,
        },
        dossier=issuance.aanvraag_id,
    )

"""Messages about a key that was handed over, without any secret: to its two contacts and the gemeentebeheerders.

The two contacts are those of the approved snapshot, as for every message of an issuance; nobody hears twice.
"""

from collections.abc import Iterator
from enum import StrEnum

from keyservice import settings
from keyservice.aanvragen.messages import mail as mail_about
from keyservice.accounts.queries import holders
from keyservice.contacts.models import Via
from keyservice.issuance.messages import recipients_of
from keyservice.issuance.models import Issuance
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.mailbox import canonical_mailbox
from keyservice.outbox.message import Message
from keyservice.outbox.models import Channel
from keyservice.web.dates import datum

TO_CONFIRM = "sleutel-deblokkeren"


class Notice(StrEnum):
    """What a gemeente hears about its key."""

    BLOCKED = "sleutel-geblokkeerd"
    UNBLOCKED = "sleutel-gedeblokkeerd"
    REVOKED = "sleutel-ingetrokken"
    WARNING = "sleutel-verloopt"
    EXPIRED = "sleutel-verlopen"
    FIRST_USED = "sleutel-vervangen"
    OLD_USED = "sleutel-oud-gebruikt"
    OLD_ENDED = "sleutel-oud-gestopt"


# These concern the password contact too: somebody may have used what he passed on.
_BOTH = frozenset({Notice.BLOCKED, Notice.UNBLOCKED, Notice.REVOKED, Notice.OLD_USED})


def told(notice: Notice, issuance: Issuance, once: str | None = None, **values: str) -> Iterator[Message]:
    """Yield the messages about a key; `once` makes them unique (default: the moment)."""
    key = f"{notice}:{issuance.id}:{once or clock.now().isoformat()}"
    to = recipients_of(issuance)
    mailboxes = {to.key.mailbox: to.key.name}
    if notice in _BOTH and to.password.via is not Via.SMS:
        mailboxes[to.password.mailbox] = to.password.name
    for reader in holders(Role.GEMEENTEBEHEERDER, issuance.sleutel.gemeente):
        mailboxes.setdefault(reader.email, reader.name)
    seen = set()
    for mailbox, name in mailboxes.items():
        if mailbox and (who := canonical_mailbox(mailbox)) not in seen:
            seen.add(who)
            yield _mail(notice, f"{key}:{mailbox}", issuance, to=mailbox, name=name, values=values)
    if notice in _BOTH and to.password.via is Via.SMS:
        sms = {"z_number": issuance.z_number}
        yield Message(notice, Channel.SMS, f"{key}:sms", to.password.address, sms, issuance.aanvraag_id)


def to_confirm(issuance: Issuance, asker: Actor) -> Iterator[Message]:
    """Yield the mails that ask the other relatiebeheerders to let a key work again."""
    for reader in holders(Role.RELATIEBEHEERDER):
        if reader.id != asker.person:
            key = f"{TO_CONFIRM}:{issuance.id}:{clock.now().isoformat()}:{reader.id}"
            gemeente = issuance.aanvraag.gemeente_name
            yield mail_about(
                TO_CONFIRM, key, issuance.aanvraag, reader, gemeente=gemeente, sleutel=issuance.sleutel.number
            )


def _mail(kind: str, key: str, issuance: Issuance, *, to: str, name: str, values: dict[str, str]) -> Message:
    old = issuance.renews
    known = {
        "name": name,
        "number": issuance.aanvraag.number or "",
        "omgeving": issuance.aanvraag.omgeving or "",
        "pakket": issuance.aanvraag.pakket or "",
        "sleutel": issuance.sleutel.number,
        "expires": datum(issuance.sleutel.expires_at),
        "old": old.number if old else "",
        "url": f"{settings.current().base_url}/aanvragen/{issuance.aanvraag_id}",
    }
    return Message(
        kind=kind, channel=Channel.MAIL, key=key, to=to, values={**known, **values}, dossier=issuance.aanvraag_id
    )

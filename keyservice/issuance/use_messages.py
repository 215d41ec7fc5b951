"""What people of a gemeente are told about the use of its key: both contacts, and every gemeentebeheerder."""

from collections.abc import Iterator, Sequence
from enum import StrEnum

from keyservice import settings
from keyservice.accounts.models import Account
from keyservice.contacts.models import Via
from keyservice.issuance.messages import recipients_of
from keyservice.issuance.models import Issuance
from keyservice.kernel import clock
from keyservice.outbox.message import Message
from keyservice.outbox.models import Channel
from keyservice.sleutels.models import SleutelUse
from keyservice.web.dates import datumtijd


class UseTold(StrEnum):
    """What they are told."""

    FIRST = "sleutel-gebruikt"
    ELSEWHERE = "sleutel-ander-netwerk"
    ASLEEP = "sleutel-slaapt"
    REPLACED = "sleutel-oud-geprobeerd"


def use_told(
    what: UseTold, issuance: Issuance, uses: Sequence[SleutelUse], beheerders: Sequence[Account]
) -> Iterator[Message]:
    """Give the messages about uses of a key, oldest first: per person at most one of a kind each day."""
    key = f"{what}:{issuance.sleutel_id}:{clock.local_date(clock.now())}"
    to = recipients_of(issuance)
    readers = {to.key.mailbox.lower(): to.key.name}
    if to.password.via is Via.SMS:
        yield Message(
            kind=what,
            channel=Channel.SMS,
            key=f"{key}:sms",
            to=to.password.address,
            values={"z_number": issuance.z_number},
            dossier=issuance.aanvraag_id,
        )
    else:
        readers.setdefault(to.password.mailbox.lower(), to.password.name)
    for reader in beheerders:
        readers.setdefault(reader.email.lower(), reader.name)
    values = {
        "number": issuance.aanvraag.number or "",
        "omgeving": issuance.aanvraag.omgeving or "",
        "sleutel": issuance.sleutel.number,
        "moment": datumtijd(uses[0].first_at),
        "networks": ", ".join(dict.fromkeys(use.network for use in uses)),
        "url": f"{settings.current().base_url}/aanvragen/{issuance.aanvraag_id}",
    }
    for place, (mailbox, name) in enumerate(readers.items()):
        yield Message(
            kind=what,
            channel=Channel.MAIL,
            key=f"{key}:{place}",
            to=mailbox,
            values={"name": name, **values},
            dossier=issuance.aanvraag_id,
        )

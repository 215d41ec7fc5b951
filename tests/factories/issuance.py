"""Approved and issued aanvragen, and what their messages hold: what the tests of the handing over start from."""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import select

from keyservice import settings
from keyservice.aanvragen import review
from keyservice.aanvragen.workflow import Step
from keyservice.database import db
from keyservice.issuance import service
from keyservice.issuance.messages import KEY_MAIL, PASSWORD_SMS
from keyservice.issuance.models import Issuance
from keyservice.kernel.seal import Place
from keyservice.kernel.secret import Secret
from keyservice.kernel.zips import read_zip
from keyservice.outbox.delivery import provider
from keyservice.outbox.message import Content, decode
from keyservice.outbox.models import Channel, OutboxMessage
from keyservice.outbox.service import RING, TABLE
from tests.factories.aanvragen import actor, ready
from tests.factories.post import LINE


def approved(omgeving: str = "productie", pakket: str = "Volgpakket") -> UUID:
    """Return an aanvraag of Anna that Rik has approved."""
    aanvraag_id = ready(omgeving, pakket)
    review.take_step(actor("rik"), aanvraag_id, Step.TAKE_UP)
    review.approve(actor("rik"), aanvraag_id, "Alles klopt.")
    return aanvraag_id


def issued(omgeving: str = "productie") -> UUID:
    """Return an issuance by Rosa of an aanvraag that Rik has approved."""
    return service.issue(actor("rosa"), approved(omgeving))


def issuance(issuance_id: UUID) -> Issuance:
    """Return an issuance as it stands now."""
    db.session.expire_all()
    return db.session.get_one(Issuance, issuance_id)


def messages(aanvraag_id: UUID, kind: str) -> list[Content]:
    """Return what the messages of a kind hold that were not wiped, oldest first."""
    query = select(OutboxMessage).where(OutboxMessage.dossier == aanvraag_id, OutboxMessage.kind == kind)
    rows = db.session.scalars(query.order_by(OutboxMessage.created_at))
    return [
        decode(settings.rings().unseal(RING, row.content, Place(TABLE, "content", row.id)))
        for row in rows
        if row.content
    ]


@dataclass(frozen=True)
class Held:
    """What the two contacts hold together."""

    token: Secret
    zip: bytes
    password: Secret
    key: Secret
    code: str


def token_of(aanvraag_id: UUID) -> Secret:
    """Return the receipt token of the newest mail with the zip."""
    return Secret(messages(aanvraag_id, KEY_MAIL)[-1].values["url"].rpartition("/")[2])


def held(issuance_id: UUID, received: Callable[[Secret], object] | None = None) -> Held:
    """Return what mail and sms carried; the receipt is confirmed on the way (by `received`, default the use case)."""
    aanvraag_id = issuance(issuance_id).aanvraag_id
    mail, token = messages(aanvraag_id, KEY_MAIL)[-1], token_of(aanvraag_id)
    assert mail.attachment is not None
    (received or (lambda t: service.confirm_receipt(actor("anna"), t)))(token)
    password = Secret(messages(aanvraag_id, PASSWORD_SMS)[-1].values["password"])
    (text,) = read_zip(mail.attachment.data, password).values()
    lines = [line for line in text.decode().split("\r\n") if line]
    key = next(line for line in lines if line.startswith("asl_"))
    code = lines[lines.index("Uw activatiecode:") + 1]
    return Held(token, mail.attachment.data, password, Secret(key), code)


def contents_of(aanvraag_id: UUID) -> dict[tuple[str, Channel], bytes]:
    """Return the final bytes of each message that was not wiped, as the worker would write them."""
    rows = db.session.scalars(select(OutboxMessage).where(OutboxMessage.dossier == aanvraag_id))
    return {
        (row.kind, row.channel): provider(row.channel).render(
            row, decode(settings.rings().unseal(RING, row.content, Place(TABLE, "content", row.id))), LINE
        )
        for row in rows
        if row.content
    }

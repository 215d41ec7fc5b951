"""Letters with a password: queued, stored for printing, opened."""

from uuid import UUID

from sqlalchemy import select

from keyservice import settings
from keyservice.aanvragen import review
from keyservice.aanvragen.workflow import Step
from keyservice.database import db, transaction
from keyservice.issuance import service
from keyservice.kernel import clock
from keyservice.kernel.seal import Place
from keyservice.outbox.channels.letter import LetterProvider
from keyservice.outbox.message import Content, decode
from keyservice.outbox.models import Delivery, Letter, LetterStatus, OutboxMessage
from keyservice.outbox.service import RING, TABLE
from tests.factories.aanvragen import actor, ready
from tests.factories.contacts import letter_contact
from tests.factories.issuance import issuance, token_of
from tests.factories.post import LINE


def issued(omgeving: str = "productie") -> UUID:
    """Return an issuance by Rosa whose password will go by letter to Wim."""
    aanvraag_id = ready(omgeving)
    letter_contact(aanvraag_id)
    review.take_step(actor("rik"), aanvraag_id, Step.TAKE_UP)
    review.approve(actor("rik"), aanvraag_id, "Alles klopt.")
    return service.issue(actor("rosa"), aanvraag_id)


def received(omgeving: str = "productie") -> UUID:
    """Return an issuance whose zip is received: its password waits in the queue, as a letter."""
    issuance_id = issued(omgeving)
    service.confirm_receipt(actor("anna"), token_of(issuance(issuance_id).aanvraag_id))
    return issuance_id


def queued(issuance_id: UUID) -> tuple[OutboxMessage, Content]:
    """Return the message of the letter of an issuance and what it holds."""
    db.session.expire_all()
    row = db.session.scalars(select(OutboxMessage).where(OutboxMessage.dedup_key == f"password:{issuance_id}:1")).one()
    return row, decode(settings.rings().unseal(RING, row.content or b"", Place(TABLE, "content", row.id)))


def letter_of(issuance_id: UUID) -> UUID:
    """Let the queue do its work on the letter of an issuance, without the mails; return the id of the letter."""
    row, content = queued(issuance_id)
    with transaction():
        row.status = Delivery.SENDING
    way = LetterProvider()
    way.send(row, content, way.render(row, content, LINE))
    with transaction():
        row = db.session.get_one(OutboxMessage, row.id)
        row.status, row.content, row.final = Delivery.SENT, None, None
    return row.id


def opened_letter(issuance_id: UUID, by: UUID) -> UUID:
    """Return the letter of an issuance that somebody opened."""
    letter_id = letter_of(issuance_id)
    with transaction() as session:
        row = session.get_one(Letter, letter_id)
        row.status, row.pdf, row.opened_at, row.opened_by = LetterStatus.OPENED, None, clock.now(), by
    return letter_id


def letter(letter_id: UUID) -> Letter:
    """Return a letter as it stands in the database now."""
    db.session.rollback()
    return db.session.get_one(Letter, letter_id)

"""Issued aanvragen as rows, without zip or mail: what the tests of the overview pages start from."""

import hashlib
from datetime import timedelta
from uuid import UUID

from sqlalchemy import update

from keyservice import audit, settings
from keyservice.aanvragen.content import content_hash
from keyservice.aanvragen.events import APPROVED
from keyservice.aanvragen.models import Aanvraag, Approval
from keyservice.aanvragen.queries import aanvraag_for, current_content
from keyservice.aanvragen.workflow import Status
from keyservice.database import next_number, transaction
from keyservice.demo.people import person_id
from keyservice.issuance.models import Issuance
from keyservice.kernel import clock
from keyservice.kernel.ids import link_token, new_id, z_number
from keyservice.kernel.seal import Place
from keyservice.outbox.models import Channel, Delivery, OutboxMessage
from keyservice.outbox.service import RING, TABLE
from keyservice.sleutels.models import Sleutel
from tests.factories.aanvragen import actor


def approve(aanvraag_id: UUID, by: str = "rik") -> UUID:
    """Store a valid approval with four eyes, move the aanvraag to APPROVED, and return the id of the approval."""
    snapshot, approval_id = current_content(aanvraag_for(actor(by), aanvraag_id)), new_id()
    with transaction() as session:
        session.add(
            Approval(
                id=approval_id,
                aanvraag_id=aanvraag_id,
                requested_by=person_id("anna"),
                created_by=person_id("anna"),
                approved_by=person_id(by),
                approved_at=clock.now(),
                four_eyes=True,
                motivation="Gebeld en alles klopt.",
                content_hash=content_hash(snapshot),
                snapshot=snapshot,
            )
        )
        session.execute(update(Aanvraag).where(Aanvraag.id == aanvraag_id).values(status=Status.APPROVED))
        audit.record(
            APPROVED,
            actor(by),
            dossier=aanvraag_id,
            approval=approval_id,
            content_hash=content_hash(snapshot),
            four_eyes=True,
            motivation="Gebeld en alles klopt.",
        )
    return approval_id


def issue(aanvraag_id: UUID, **facts: object) -> UUID:
    """Store an issuance by Rosa with a sleeping key, the facts of the row as given, and return its id."""
    approval_id, now = approve(aanvraag_id), clock.now()
    with transaction() as session:
        sleutel = Sleutel(
            id=new_id(),
            number=next_number("sleutel", "SL", 2026),
            gemeente="9998",
            omgeving="productie",
            digest=hashlib.sha256(new_id().bytes).digest(),
            mac=b"",
            not_before=now,
            expires_at=now + timedelta(days=365),
        )
        session.add(sleutel)
        session.flush()
        issuance = Issuance(
            id=new_id(),
            aanvraag_id=aanvraag_id,
            number=1,
            approval_id=approval_id,
            approved_by=person_id("rik"),
            four_eyes=True,
            issued_by=person_id("rosa"),
            issued_at=now,
            deadline=now + timedelta(days=30),
            sleutel_id=sleutel.id,
            z_number=z_number(),
            receipt_digest=hashlib.sha256(link_token().encode()).digest(),
            **facts,
        )
        session.add(issuance)
        session.execute(update(Aanvraag).where(Aanvraag.id == aanvraag_id).values(status=Status.ISSUED))
        return issuance.id


def dead_message(aanvraag_id: UUID, kind: str = "aanvraag-received", **facts: object) -> UUID:
    """Store a mail that was given up, the facts of the row as given, and return its id."""
    message_id, now = new_id(), clock.now()
    sealed = settings.rings().seal(RING, b"{}", Place(TABLE, "content", message_id))
    values: dict[str, object] = {
        "kind": kind,
        "channel": Channel.MAIL,
        "recipient": "a…@voorbeeldstad.example",
        "dossier": aanvraag_id,
        "status": Delivery.DEAD,
        "created_at": now,
        "due_at": now,
        "attempts": 12,
        "last_error": "SMTP 550: recipient refused",
        "content": sealed,
    }
    with transaction() as session:
        session.add(OutboxMessage(id=message_id, dedup_key=f"test:{message_id}", **values | facts))
    return message_id

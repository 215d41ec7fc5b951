"""Dossiers full of people, and clocks that stand years later: what the tests of forgetting start from."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import time_machine
from sqlalchemy import func, select, update

from keyservice.aanvragen import review, service
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Step
from keyservice.accounts.models import Grant
from keyservice.contacts.models import Contact
from keyservice.database import Base, db, transaction
from keyservice.demo.people import person_id
from keyservice.issuance import service as issuing
from keyservice.issuance.models import Issuance
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.retention.due import DUE, limits
from keyservice.settings import current
from keyservice.sleutels.models import Sleutel
from tests.factories.aanvragen import actor, ready
from tests.factories.issuance import held

CANARY = "Kanarie"
DAY = timedelta(days=1)


def at(moment: datetime) -> time_machine.travel:
    """Stop the clock at a moment."""
    return time_machine.travel(moment, tick=False)


def traced(login: str) -> Actor:
    """Return a fictive person with a network address and a browser."""
    return replace(actor(login), source="203.0.113.7", agent="Kanarievogel/1.0")


def in_review(pakket: str = "Volgpakket") -> UUID:
    """Return an aanvraag that Rik reviews, in which every text about a person holds the word CANARY."""
    aanvraag_id = ready(pakket=pakket)
    aanvraag = db.session.get_one(Aanvraag, aanvraag_id)
    key, password = aanvraag.key_contact_id, aanvraag.password_contact_id
    texts = ("leverancier_contact", "leverancier_mailbox", "toelichting", "signer_name", "signer_function")
    with transaction() as session:
        session.execute(update(Aanvraag).where(Aanvraag.id == aanvraag_id).values(dict.fromkeys(texts, CANARY)))
        for contact_id, mailbox in ((key, "kanarie@voorbeeldstad.example"), (password, None)):
            names = {"name": f"{CANARY} {contact_id}", "function": f"{CANARY}meester", "mailbox": mailbox}
            proof = {"verified_address": mailbox} if mailbox else {}
            session.execute(update(Contact).where(Contact.id == contact_id).values(**names, **proof))
    _tell_apart(key, password)
    rik = traced("rik")
    review.take_step(rik, aanvraag_id, Step.TAKE_UP)
    review.take_step(rik, aanvraag_id, Step.ASK, f"{CANARY}: wie is dit?")
    service.resubmit(traced("anna"), aanvraag_id)
    review.add_note(rik, aanvraag_id, f"{CANARY} gebeld.")
    return aanvraag_id


def _tell_apart(key: UUID | None, password: UUID | None) -> None:
    with transaction() as session:
        session.get_one(Contact, password).vouched_beside = session.get_one(Contact, key).fingerprint


def rejected() -> UUID:
    """Return an aanvraag that Rik rejected."""
    aanvraag_id = in_review()
    review.take_step(traced("rik"), aanvraag_id, Step.REJECT, f"{CANARY} bestaat niet.")
    return aanvraag_id


def delivered(pakket: str = "Volgpakket") -> UUID:
    """Return an aanvraag of which Anna activated the key."""
    aanvraag_id = in_review(pakket)
    review.approve(traced("rik"), aanvraag_id, f"{CANARY} klopt.")
    issuance_id = issuing.issue(traced("rosa"), aanvraag_id)
    issuing.activate(traced("anna"), issuance_id, held(issuance_id).code)
    return aanvraag_id


def key_of(aanvraag_id: UUID) -> Sleutel:
    """Return the key of an aanvraag."""
    query = select(Sleutel).join(Issuance, Issuance.sleutel_id == Sleutel.id).where(Issuance.aanvraag_id == aanvraag_id)
    return db.session.scalars(query).one()


def leave(*logins: str) -> None:
    """End every role of people now."""
    ids = [person_id(login) for login in logins]
    with transaction() as session:
        session.execute(update(Grant).where(Grant.account_id.in_(ids)).values(valid_until=clock.now()))


def due(kind: str, moment: datetime) -> set[UUID]:
    """Return what is due of a kind at a moment."""
    rows = db.session.execute(DUE[kind](limits(current().retention, moment))).all()
    db.session.rollback()
    return {row[0] for row in rows}


def whole_database() -> str:
    """Return every value in every table as one text."""
    found: list[Any] = []
    for table in Base.metadata.sorted_tables:
        found += [value for row in db.session.execute(select(table)) for value in row]
    db.session.rollback()
    return "\n".join(value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value) for value in found)


def count(model: type[Base]) -> int:
    """Return how many rows there are."""
    return db.session.scalar(select(func.count()).select_from(model)) or 0

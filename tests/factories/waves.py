"""Keys that work, made by the use cases themselves, and waves that renew them."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, event, select, update

from keyservice.aanvragen import review
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Step
from keyservice.accounts.models import Audience, Grant
from keyservice.accounts.service import create_account, give_role
from keyservice.contacts.models import Contact
from keyservice.database import db, transaction
from keyservice.demo.people import PASSWORD, person_id
from keyservice.issuance import service, steps, waves
from keyservice.issuance.models import End, Issuance
from keyservice.issuance.wave_models import Wave, WaveItem
from keyservice.issuance.wave_queries import Wanted
from keyservice.issuance.wave_timers import run_waves
from keyservice.kernel import clock
from keyservice.kernel.actor import CLI, Actor, Role
from keyservice.kernel.secret import Secret
from keyservice.outbox.models import Delivery, OutboxMessage
from keyservice.sleutels import service as sleutels
from tests.factories.aanvragen import actor, ready

REASON = "De sleutels verlopen dit jaar."
HALT = "Even wachten op de helpdesk."
ALL = timedelta(days=400)


def working(
    pakket: str = "Volgpakket", omgeving: str = "productie", gemeente: str = "9998", by: str | UUID = "rik"
) -> UUID:
    """Return an aanvraag with a key that works; `by` approved it, and another relatiebeheerder issued it."""
    approver = by if isinstance(by, UUID) else person_id(by)
    aanvraag_id = _of(gemeente, omgeving, pakket)
    review.take_step(relatiebeheerder(approver), aanvraag_id, Step.TAKE_UP)
    review.approve(relatiebeheerder(approver), aanvraag_id, "Alles klopt.")
    issuer = "rosa" if approver != person_id("rosa") else "rik"
    deliver(service.issue(actor(issuer), aanvraag_id))
    return aanvraag_id


def _of(gemeente: str, omgeving: str, pakket: str) -> UUID:
    aanvraag_id = ready(omgeving, pakket)
    if gemeente != "9998":
        name = db.session.scalar(select(Aanvraag.gemeente_name).where(Aanvraag.id == aanvraag_id))
        with transaction() as session:
            row = session.get_one(Aanvraag, aanvraag_id)
            row.gemeente, row.gemeente_name = gemeente, f"{name} {gemeente}"
            both = Contact.id.in_((row.key_contact_id, row.password_contact_id))
            session.execute(update(Contact).where(both).values(gemeente=gemeente))
    return aanvraag_id


def deliver(issuance_id: UUID) -> None:
    """End a delivery as if the gemeente activated the key; the road to there has its own tests."""
    with transaction() as session:
        issuance = session.get_one(Issuance, issuance_id)
        aanvraag_id = issuance.aanvraag_id
        anna = Actor(person_id("anna"), frozenset({Role.AANVRAGER}), issuance.aanvraag.gemeente, "web")
        sleutels.activate(anna, issuance.sleutel_id, dossier=aanvraag_id)
        steps.end(anna, issuance, End.DONE)
        empty_queue(OutboxMessage.dossier == aanvraag_id)


def relatiebeheerder(person: UUID) -> Actor:
    """Return a relatiebeheerder who just logged in."""
    return Actor(person, frozenset({Role.RELATIEBEHEERDER}), None, "web", factor_at=clock.now())


def third() -> UUID:
    """Return another relatiebeheerder beside Rik and Rosa."""
    email = "roel@duo.example"
    made = create_account(CLI, audience=Audience.DUO, name="Roel Derde", email=email, password=Secret(PASSWORD))
    give_role(CLI, made, Role.RELATIEBEHEERDER)
    return made


def no_longer(person: UUID) -> None:
    """End the roles of somebody."""
    with transaction() as session:
        ended = clock.now() - timedelta(seconds=1)
        session.execute(update(Grant).where(Grant.account_id == person).values(valid_until=ended))


def everything(**wanted: object) -> Wanted:
    """Return a wish for all keys there are, or for less."""
    return Wanted(clock.now() + ALL, **wanted)  # type: ignore[arg-type]  # the fields of Wanted


def prepared(by: str = "rik", **wanted: object) -> UUID:
    """Return a wave that somebody prepared."""
    return waves.prepare(actor(by), "Vernieuwing productie", REASON, everything(**wanted))


def started(by: str = "rik", starter: str = "rosa", **wanted: object) -> UUID:
    """Return a wave that runs, and of which nothing is done yet."""
    wave_id = prepared(by, **wanted)
    waves.start(actor(starter), wave_id)
    return wave_id


def empty_queue(*where: ColumnElement[bool]) -> None:
    """Take back messages."""
    with transaction() as session:
        gone = {"status": Delivery.CANCELLED, "content": None, "final": None}
        session.execute(update(OutboxMessage).where(*where).values(**gone))


def run() -> None:
    """Let the timer of the worker come round once, on an empty queue."""
    empty_queue()
    run_waves()
    db.session.rollback()  # else SQLite goes on showing what stood there before


def wave(wave_id: UUID) -> Wave:
    """Return a wave as it stands now."""
    db.session.rollback()  # else SQLite goes on showing what stood there before
    return db.session.get_one(Wave, wave_id)


def items(wave_id: UUID) -> list[WaveItem]:
    """Return the list of a wave as it stands now."""
    db.session.rollback()  # else SQLite goes on showing what stood there before
    query = select(WaveItem).where(WaveItem.wave_id == wave_id).order_by(WaveItem.position)
    return list(db.session.scalars(query))


@contextmanager
def asked() -> Iterator[list[str]]:
    """Collect the statements that the database is asked."""
    statements: list[str] = []

    def listener(*args: Any) -> None:
        statements.append(args[2])

    event.listen(db.engine, "before_cursor_execute", listener)
    try:
        yield statements
    finally:
        event.remove(db.engine, "before_cursor_execute", listener)

"""A message that a gemeente did not get is told, first to its gemeentebeheerders, then to DUO, and then no further."""

from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask, render_template
from sqlalchemy import select, update

from keyservice import settings
from keyservice.aanvragen.escalation import tell_undelivered
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.timers import remind
from keyservice.aanvragen.workflow import Status
from keyservice.accounts.models import Grant
from keyservice.audit.queries import of_dossier
from keyservice.database import db, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from keyservice.kernel.seal import Place
from keyservice.outbox.message import Content, decode
from keyservice.outbox.models import Channel, Delivery, OutboxMessage
from keyservice.outbox.service import RING, TABLE
from tests.factories.aanvragen import ready
from tests.factories.issued_rows import dead_message
from tests.factories.people import race

GERT, RIK, ROSA = "gert@voorbeeldstad.example", "rik@duo.example", "rosa@duo.example"


@pytest.fixture
def aanvraag(context: Flask) -> UUID:
    return ready()


def bounced(aanvraag_id: UUID, kind: str = "sleutel-zip", **facts: object) -> UUID:
    """Store a mail that came back."""
    facts = {"status": Delivery.BOUNCED, "bounced_at": clock.now(), "bounce_status": "5.1.1", "content": None, **facts}
    return dead_message(aanvraag_id, kind, **facts)


def told() -> dict[str, Content]:
    """Return the mails that tell of something undelivered, by kind and recipient."""
    db.session.rollback()
    rows = db.session.scalars(select(OutboxMessage).where(OutboxMessage.kind.startswith("bericht-mislukt"))).all()
    opened = [
        (row.kind, decode(settings.rings().unseal(RING, row.content, Place(TABLE, "content", row.id))))
        for row in rows
        if row.content
    ]
    return {f"{kind} {content.to}": content for kind, content in opened}


def come_back(kind: str) -> None:
    """Let the mails of a kind come back."""
    with transaction() as session:
        values = {"status": Delivery.BOUNCED, "bounced_at": clock.now(), "content": None}
        session.execute(update(OutboxMessage).where(OutboxMessage.kind == kind).values(**values))


def without_gemeentebeheerder() -> None:
    with transaction() as session:
        where = (Grant.role == Role.GEMEENTEBEHEERDER, Grant.gemeente == "9998")
        session.execute(update(Grant).where(*where).values(valid_until=clock.now()))


@pytest.mark.parametrize("failed", [bounced, dead_message])
def test_a_mail_that_did_not_arrive_is_told_to_the_gemeentebeheerders_once(
    aanvraag: UUID, failed: Callable[[UUID], UUID]
) -> None:
    failed(aanvraag)
    tell_undelivered()
    tell_undelivered()
    assert list(told()) == [f"bericht-mislukt {GERT}"]
    (event,) = [event for event in of_dossier(aanvraag) if event.code == "message:escalate"]
    assert event.fields["readers"] == "gemeentebeheerder"


def test_a_dead_sms_is_told_too(aanvraag: UUID) -> None:
    dead_message(aanvraag, "wachtwoord", channel=Channel.SMS, recipient="+316…78")
    tell_undelivered()
    assert told()[f"bericht-mislukt {GERT}"].values["recipient"] == "+316…78"


def test_when_that_mail_comes_back_too_the_relatiebeheerder_of_the_portfolio_hears_it(aanvraag: UUID) -> None:
    bounced(aanvraag)
    tell_undelivered()
    come_back("bericht-mislukt")
    tell_undelivered()
    tell_undelivered()
    assert list(told()) == [f"bericht-mislukt-duo {RIK}"]


def test_without_a_gemeentebeheerder_duo_hears_it_at_once(aanvraag: UUID) -> None:
    without_gemeentebeheerder()
    bounced(aanvraag)
    tell_undelivered()
    assert list(told()) == [f"bericht-mislukt-duo {RIK}"]


def test_without_a_portfolio_every_relatiebeheerder_hears_it(aanvraag: UUID) -> None:
    without_gemeentebeheerder()
    with transaction() as session:
        session.execute(update(Aanvraag).values(gemeente="9999"))
        session.execute(update(Grant).where(Grant.gemeente == "9999").values(valid_until=clock.now()))
    bounced(aanvraag)
    tell_undelivered()
    assert sorted(told()) == [f"bericht-mislukt-duo {RIK}", f"bericht-mislukt-duo {ROSA}"]


def test_the_last_mail_that_comes_back_is_told_to_nobody(aanvraag: UUID) -> None:
    without_gemeentebeheerder()
    bounced(aanvraag)
    for _ in range(5):
        tell_undelivered()
        come_back("bericht-mislukt-duo")
    assert told() == {}
    count = select(OutboxMessage.id).where(OutboxMessage.kind.startswith("bericht-mislukt"))
    assert len(db.session.scalars(count).all()) == 1


@pytest.mark.parametrize("kind", ["aanvraag-new", "aanvraag-reminder"])
def test_a_mail_to_duo_is_told_to_nobody(aanvraag: UUID, kind: str) -> None:
    bounced(aanvraag, kind, for_duo=True)
    tell_undelivered()
    assert told() == {}


def test_nobody_hears_of_a_draft_or_of_a_mail_about_an_account(aanvraag: UUID) -> None:
    bounced(aanvraag, "practice-zip")
    bounced(aanvraag, "account-password-changed", dossier=None)
    with transaction() as session:
        session.execute(update(Aanvraag).values(status=Status.DRAFT, number=None))
    tell_undelivered()
    assert told() == {}


def test_four_workers_at_once_tell_it_once(app: Flask) -> None:
    with app.app_context():
        aanvraag_id = ready()
        for _ in range(5):
            bounced(aanvraag_id)
    race(app, *[tell_undelivered] * 4)
    with app.app_context():
        told_of = db.session.scalars(select(OutboxMessage).where(OutboxMessage.kind == "bericht-mislukt")).all()
        events = [event for event in of_dossier(aanvraag_id) if event.code == "message:escalate"]
        assert (len(told_of), len(events)) == (5, 5)


@pytest.mark.parametrize(("to", "page"), [(GERT, "aanvragen"), (RIK, "dossiers")])
def test_the_mail_names_aanvraag_and_page_and_neither_the_whole_address_nor_a_secret(
    aanvraag: UUID, to: str, page: str
) -> None:
    if to == RIK:
        without_gemeentebeheerder()
    bounced(aanvraag)
    tell_undelivered()
    (name,) = told()
    kind, content = name.split(" ")[0], told()[name]
    values = {**content.values, "control_line": "1-x"}
    parts = [render_template(f"post/{kind}/{part}", **values) for part in ("subject.txt", "body.txt", "body.html")]
    assert "AA-2026-00001" in parts[0]
    for body in parts[1:]:
        assert "a…@voorbeeldstad.example" in body
        assert f"http://localhost/{page}/{aanvraag}" in body
        assert "anna@" not in body


def test_every_mail_of_the_review_to_duo_says_that_it_is_for_duo(context: Flask) -> None:
    ready()
    remind()
    rows = db.session.scalars(select(OutboxMessage)).all()
    assert {(row.kind, row.for_duo) for row in rows} == {("aanvraag-new", True)}

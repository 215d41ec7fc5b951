"""Sending an aanvraag, sending it twice, withdrawing it, and who may do so."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from sqlalchemy.exc import IntegrityError

from keyservice.aanvragen import queries, service
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Status
from keyservice.audit.models import AuditEvent
from keyservice.database import db, transaction
from keyservice.demo.people import person_id
from keyservice.gemeenten.models import Gemeente
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import Conflict, NotFound, Refused
from keyservice.outbox.models import OutboxMessage
from tests.conftest import post
from tests.factories.form import filled, row, save, started, text_of

Browser = Callable[[str], FlaskClient]


def events(app: Flask, url: str) -> list[str]:
    dossier = row(app, url).id
    with app.app_context():
        query = select(AuditEvent.code).where(AuditEvent.dossier == dossier).order_by(AuditEvent.dossier_number)
        return list(db.session.scalars(query))


def mails(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(OutboxMessage.kind).order_by(OutboxMessage.created_at)))


def put(app: Flask, url: str, **values: object) -> None:
    """Bring an aanvraag into a state that only DUO can bring it into."""
    aanvraag_id = row(app, url).id
    with app.app_context(), transaction() as session:
        session.execute(update(Aanvraag).where(Aanvraag.id == aanvraag_id).values(**values))


def sent(client: FlaskClient, **changes: str) -> str:
    url = filled(client, **changes)
    assert post(client, f"{url}/versturen").location == f"{url}/verstuurd"
    return url


def test_sending_gives_a_number_a_mail_and_a_confirmation(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = sent(anna)
    stored = row(app, url)
    assert stored.status is Status.SUBMITTED
    assert stored.number == f"AA-{clock.local(clock.now()).year}-00001"
    assert stored.submitted_at
    page = text_of(anna.get(f"{url}/verstuurd").text)
    assert f"Uw kenmerk is {stored.number}" in page
    assert "binnen 5 werkdagen" in page
    assert mails(app) == ["aanvraag-received"]


def test_i3_every_act_of_the_form_has_its_event(app: Flask, browser_of: Browser) -> None:
    url = sent(browser_of("anna"))
    proposed = ["contact:propose", "contact:propose", "aanvraag:save"]
    assert events(app, url) == [
        "aanvraag:start",
        "aanvraag:save",
        *proposed,
        "aanvraag:save",
        "aanvraag:save",
        "aanvraag:submit",
    ]


def test_a_second_click_leads_to_the_same_confirmation_and_sends_nothing_twice(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = sent(anna)
    again = post(anna, f"{url}/versturen")
    assert (again.status_code, again.location) == (303, f"{url}/verstuurd")
    assert events(app, url).count("aanvraag:submit") == 1
    assert mails(app) == ["aanvraag-received"]


def test_an_incomplete_draft_is_not_sent_and_the_check_page_says_what_is_missing(
    app: Flask, browser_of: Browser
) -> None:
    anna = browser_of("anna")
    url = started(anna)
    save(anna, url, "gemeente")
    assert post(anna, f"{url}/versturen").location == f"{url}/controleren"
    page = anna.get(f"{url}/controleren").text
    assert "Uw aanvraag is nog niet compleet" in page
    assert "Aanvraag versturen" not in page
    assert row(app, url).status is Status.DRAFT


def test_back_after_sending_leads_to_the_status_page_and_saves_nothing(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = sent(anna)
    for page in ("stap/gemeente", "stap/software", "stap/ondertekening", "controleren", "verwijderen"):
        assert anna.get(f"{url}/{page}").location == url, page
    answer = post(anna, f"{url}/stap/gemeente", {"oin": "00000003876543210000", "revision": "4"})
    assert answer.status_code == 409
    assert "De aanvraag is al verstuurd" in answer.text
    assert row(app, url).oin == "00000003123456780000"


def test_contacts_can_still_be_changed_after_sending(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = sent(anna)
    assert "Later verdergaan" not in anna.get(f"{url}/stap/contactpersonen").text
    assert save(anna, url, "contactpersonen", ontvanger_mobiel="06 87654321").location == url
    put(app, url, status=Status.APPROVED)
    assert anna.get(f"{url}/stap/contactpersonen").location == url


@pytest.mark.parametrize("pakket", ["Volgmij", "VOLG-MIJ", " volgmij "])
def test_one_open_aanvraag_per_gemeente_omgeving_and_pakket(app: Flask, browser_of: Browser, pakket: str) -> None:
    anna = browser_of("anna")
    first = row(app, sent(anna))
    url = filled(anna, pakket=pakket)
    answer = post(anna, f"{url}/versturen")
    assert answer.status_code == 409
    assert "Er loopt al een aanvraag voor dit pakket" in answer.text
    assert first.number
    assert first.number in answer.text
    assert row(app, url).status is Status.DRAFT
    assert row(app, url).number is None


def test_another_omgeving_or_a_withdrawn_one_is_no_obstacle(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    first = sent(anna)
    sent(anna, omgeving="productie")
    assert post(anna, f"{first}/intrekken", {"reden": ""}).status_code == 303
    assert row(app, sent(anna)).status is Status.SUBMITTED


def test_of_two_who_send_at_the_same_moment_one_wins(app: Flask, browser_of: Browser) -> None:
    anna, bea = browser_of("anna"), browser_of("bea")
    urls = {anna: filled(anna), bea: filled(bea)}
    ready = Barrier(2)

    def send(client: FlaskClient) -> int:
        ready.wait()
        return int(post(client, f"{urls[client]}/versturen").status_code)

    with ThreadPoolExecutor(2) as pool:
        assert sorted(pool.map(send, urls)) == [303, 409]
    assert sorted(row(app, url).status for url in urls.values()) == [Status.DRAFT, Status.SUBMITTED]


def test_the_database_itself_refuses_a_second_open_aanvraag(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    first, draft = row(app, sent(anna)), filled(anna)
    with pytest.raises(IntegrityError):
        put(app, draft, status=Status.SUBMITTED, number="AA-2026-99999", submitted_by=first.submitted_by)


def test_a_colleague_goes_on_with_a_draft_and_the_events_say_who(app: Flask, browser_of: Browser) -> None:
    anna, bea = browser_of("anna"), browser_of("bea")
    url = filled(anna)
    assert "Concept" in bea.get("/aanvragen").text
    assert save(bea, url, "software", pakket="Ander pakket").status_code == 303
    assert post(bea, f"{url}/versturen").status_code == 303
    dossier = row(app, url).id
    with app.app_context():
        people = list(
            db.session.scalars(
                select(AuditEvent.person).where(AuditEvent.dossier == dossier).order_by(AuditEvent.dossier_number)
            )
        )
        assert people == [person_id("anna")] * 7 + [person_id("bea")] * 2
    assert row(app, url).submitted_by == people[-1]


def test_an_asked_addition_is_filled_in_and_sent_back(app: Flask, browser_of: Browser) -> None:
    anna, bea = browser_of("anna"), browser_of("bea")
    url = sent(anna)
    put(app, url, status=Status.INFO_REQUESTED, question="Welke versie?\nEn sinds wanneer?")
    assert "Welke versie?" in bea.get(f"{url}/controleren").text
    assert save(bea, url, "software", pakket_versie="5").location == f"{url}/controleren"
    assert post(bea, f"{url}/opnieuw-versturen").location == f"{url}/verstuurd"
    assert post(bea, f"{url}/opnieuw-versturen").status_code == 303
    assert row(app, url).status is Status.IN_REVIEW
    assert row(app, url).number
    assert events(app, url)[-2:] == ["aanvraag:save", "aanvraag:resubmit"]


def test_a_draft_is_not_resubmitted(browser_of: Browser) -> None:
    anna = browser_of("anna")
    assert post(anna, f"{filled(anna)}/opnieuw-versturen").status_code == 409


@pytest.mark.parametrize("status", [Status.SUBMITTED, Status.IN_REVIEW, Status.INFO_REQUESTED, Status.APPROVED])
def test_a_gemeentebeheerder_withdraws_with_a_private_reason(app: Flask, browser_of: Browser, status: Status) -> None:
    url = sent(browser_of("anna"))
    put(app, url, status=status)
    gert = browser_of("gert")
    assert "Aanvraag intrekken?" in gert.get(f"{url}/intrekken").text
    assert post(gert, f"{url}/intrekken", {"reden": "Toch niet nodig"}).location == url
    assert row(app, url).status is Status.WITHDRAWN
    assert mails(app) == ["aanvraag-received", "aanvraag-withdrawn"]
    with app.app_context():
        last = db.session.scalars(select(AuditEvent).order_by(AuditEvent.row.desc())).first()
        assert last
        assert last.code == "aanvraag:withdraw"
        assert b"Toch niet nodig" not in last.canonical
    assert post(gert, f"{url}/intrekken", {"reden": ""}).status_code == 409


def test_who_may_not_edit_cannot(app: Flask, browser_of: Browser) -> None:
    url = filled(browser_of("anna"))
    for login in ("gert", "rik", "ada", "ben"):
        browser = browser_of(login)
        assert browser.get(f"{url}/stap/software").status_code == 403, login
        assert post(browser, f"{url}/versturen").status_code == 403, login
        assert post(browser, "/aanvragen/nieuw").status_code == 403, login
    assert row(app, url).status is Status.DRAFT


def test_i9_another_gemeente_finds_nothing(app: Flask, browser_of: Browser) -> None:
    url = filled(browser_of("anna"))
    tom = browser_of("tom")
    for page in ("stap/software", "controleren", "verstuurd", "intrekken", "verwijderen"):
        assert tom.get(f"{url}/{page}").status_code == 404, page
    for act in ("versturen", "opnieuw-versturen", "intrekken", "verwijderen", "stap/gemeente"):
        assert post(tom, f"{url}/{act}", {"reden": ""}).status_code == 404, act
    assert "Er zijn nog geen aanvragen." in tom.get("/aanvragen").text
    assert row(app, url).status is Status.DRAFT


def test_i9_a_relatiebeheerder_sees_no_draft_and_a_use_case_asks_the_role_itself(
    app: Flask, browser_of: Browser
) -> None:
    url = filled(browser_of("anna"))
    aanvraag_id = row(app, url).id
    with app.app_context():
        rik = Actor(person_id("rik"), frozenset({Role.RELATIEBEHEERDER}), None, "web")
        gert = Actor(person_id("gert"), frozenset({Role.GEMEENTEBEHEERDER}), "9998", "web")
        nobody = Actor(person_id("anna"), frozenset({Role.RAADPLEGEN_MUTEREN_2013}), "9998", "web")
        for who, error in ((rik, NotFound), (gert, Refused), (nobody, NotFound)):
            with pytest.raises(error):
                service.submit(who, aanvraag_id)


def test_an_ended_gemeente_is_refused_with_its_successor(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = filled(anna)
    with app.app_context(), transaction() as session:
        ended = session.get_one(Gemeente, "9998")
        ended.valid_until = clock.local_date(clock.now()) - timedelta(days=1)
        ended.successor_code = "9999"
    for answer in (
        anna.get("/aanvragen/nieuw"),
        post(anna, "/aanvragen/nieuw"),
        save(anna, url, "gemeente", kvk=""),
        post(anna, f"{url}/versturen"),
    ):
        assert answer.status_code == 409
        assert "Testdorp" in answer.text
    assert row(app, url).status is Status.DRAFT


def test_i10_looking_changes_nothing(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    url = filled(anna)
    before = len(events(app, url))
    for page in ("stap/gemeente", "stap/contactpersonen", "controleren", "verstuurd", "intrekken", "verwijderen"):
        anna.get(f"{url}/{page}")
    anna.get("/aanvragen")
    anna.get("/aanvragen/nieuw")
    assert len(events(app, url)) == before
    with app.app_context():
        assert db.session.scalar(select(func.count()).select_from(Aanvraag)) == 1


def test_the_list_goes_on_where_the_page_before_ended(
    app: Flask, browser_of: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "PAGE", 2)
    anna = browser_of("anna")
    made = [started(anna) for _ in range(3)]
    first = anna.get("/aanvragen").text
    assert [url for url in made if url in first] == made[1:]
    following = first.split("/aanvragen?voor=", 1)[1].split('"', 1)[0]
    second = anna.get(f"/aanvragen?voor={following}").text
    assert [url for url in made if url in second] == made[:1]
    assert anna.get("/aanvragen?voor=onzin").status_code == 200


def test_a_draft_that_nobody_finished_is_deleted_and_one_that_was_sent_is_not(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    draft, gone = row(app, filled(anna)).id, sent(anna, pakket="Ander")
    with app.app_context():
        service.discard_stale(draft)
        service.discard_stale(draft)
        service.discard_stale(row(app, gone).id)
        assert db.session.scalar(select(func.count()).select_from(Aanvraag)) == 1


def test_only_an_approved_aanvraag_becomes_issued(app: Flask, browser_of: Browser) -> None:
    url = sent(browser_of("anna"))
    aanvraag_id = row(app, url).id
    with app.app_context():
        rik = Actor(person_id("rik"), frozenset({Role.RELATIEBEHEERDER}), None, "web")
        with pytest.raises(Conflict):
            service.mark_issued(rik, db.session.get_one(Aanvraag, aanvraag_id))
    put(app, url, status=Status.APPROVED)
    with app.app_context():
        service.mark_issued(rik, db.session.get_one(Aanvraag, aanvraag_id))
    assert row(app, url).status is Status.ISSUED
    assert events(app, url)[-1] == "aanvraag:issue"

"""Front pages, status page, dossier, messages: who sees what, and which buttons."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from keyservice.aanvragen import review
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Status, Step
from keyservice.audit.queries import search
from keyservice.contacts.models import Contact
from keyservice.database import db, transaction
from keyservice.gemeenten.models import Gemeente
from keyservice.issuance import receiving, service
from keyservice.issuance.models import End, Issuance
from keyservice.kernel import clock
from tests.conftest import post
from tests.factories.aanvragen import actor, ready
from tests.factories.contacts import logins_only
from tests.factories.issued_rows import approve, dead_message, issue

Browser = Callable[[str], FlaskClient]


@pytest.fixture
def aanvraag(app: Flask) -> UUID:
    """Return an aanvraag that nobody took up yet."""
    with app.app_context():
        return ready()


def number(app: Flask, aanvraag_id: UUID) -> str:
    with app.app_context():
        return str(db.session.get_one(Aanvraag, aanvraag_id).number)


def test_a_visitor_reads_what_this_is_and_can_log_in(client: FlaskClient) -> None:
    page = client.get("/").text
    assert "<h1" in page
    assert "Applicatiesleutel aanvragen" in page
    assert "/inloggen" in page
    assert "Hoofdmenu" not in page


@pytest.mark.parametrize("login", ["anna", "gert", "sam", "rik", "rosa", "ada", "ben"])
def test_everybody_has_a_front_page_with_a_menu_that_works(browser_of: Browser, login: str) -> None:
    browser = browser_of(login)
    page = browser.get("/")
    assert page.status_code == 200
    assert page.text.count('aria-current="page"') == 1
    menu = page.text.split('aria-label="Hoofdmenu"', 1)[1].split("</nav>", 1)[0]
    for link in menu.split('href="')[1:]:
        answer = browser.get(link.split('"', 1)[0])
        assert answer.status_code == 200
        assert answer.text.count('aria-current="page"') >= 1


def test_the_header_names_person_and_gemeente_on_an_error_page_too(browser_of: Browser) -> None:
    page = browser_of("sam").get("/bestaat-niet")
    assert page.status_code == 404
    assert "Sam Samen" in page.text
    assert "namens gemeente Voorbeeldstad" in page.text
    assert "Andere gemeente" in page.text


def test_the_front_page_of_a_gemeente_says_what_waits_and_shows_its_keys(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        issue(ready(), received_at=clock.now(), password_sent_at=clock.now())
    page = browser_of("anna").get("/").text
    assert "Activeer de sleutel" in page
    assert "SL-2026-00001" in page
    assert "Nog niet actief" in page
    assert "SL-2026-00001" not in browser_of("tom").get("/").text


def test_a_delivery_that_stopped_stays_on_the_front_page_for_a_month(app: Flask, browser_of: Browser) -> None:
    text = "De levering van de sleutel is gestopt"
    with app.app_context():
        issue(ready(), ended_at=clock.now() - timedelta(days=29), end_reason=End.LAPSED)
    assert text in browser_of("anna").get("/").text
    with app.app_context(), transaction() as session:
        session.execute(update(Issuance).values(ended_at=clock.now() - timedelta(days=31)))
    assert text not in browser_of("anna").get("/").text


def test_drafts_wait_together_and_only_for_who_can_finish_them(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    for _ in range(3):
        post(anna, "/aanvragen/nieuw")
    page = anna.get("/").text
    assert page.count("Maak uw aanvraag af") == 1
    assert "3 concepten" in page
    gert = browser_of("gert").get("/").text
    assert "Maak uw aanvraag af" not in gert
    assert "Er wacht nu niets op u" in gert


def test_who_must_log_in_for_zip_or_password_finds_it_without_the_mail(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        aanvraag_id = ready(status=Status.SUBMITTED)
        logins_only(aanvraag_id, "anna", "pim")
        approve(aanvraag_id)
        issuance_id = service.issue(actor("rosa"), aanvraag_id)
    link, secret = f"/uitgiften/{issuance_id}/zipbestand", f"/uitgiften/{issuance_id}/wachtwoord"
    anna, pim = browser_of("anna"), browser_of("pim")
    for page in ("/", f"/aanvragen/{aanvraag_id}"):
        assert f'href="{link}"' in anna.get(page).text
    assert "Haal het zipbestand op" not in anna.get("/").text, "once is enough"
    assert "Haal het zipbestand op" in browser_of("bea").get("/").text, "she can remind Anna"
    assert secret not in pim.get("/").text, "it is not his turn"
    with app.app_context():
        receiving.fetch_zip(actor("anna"), issuance_id)
        receiving.report_receipt(actor("anna"), issuance_id)
    assert f'href="{secret}"' in pim.get("/").text
    assert link not in anna.get("/").text
    assert secret not in browser_of("bea").get("/").text, "it is for one person"
    with app.app_context():
        receiving.show_password(actor("pim"), issuance_id)
    assert secret not in pim.get("/").text


def test_the_front_page_of_a_relatiebeheerder_shows_the_own_portfolio_and_what_failed(
    app: Flask, browser_of: Browser, aanvraag: UUID
) -> None:
    with app.app_context():
        dead_message(aanvraag)
        approve(ready(pakket="Ander pakket"))
    rik, rosa = browser_of("rik").get("/").text, browser_of("rosa").get("/").text
    assert "1 bericht wacht" in rik
    waiting = "Te beoordelen in uw portefeuille"
    assert waiting in rik
    assert waiting not in rosa
    assert "Goedgekeurde aanvragen zonder sleutel" in rosa


@pytest.mark.parametrize(("days", "counts"), [(None, True), (1, True), (0, True), (-1, False)])
def test_a_beheerder_reads_of_each_gemeente_that_has_not_ended_whether_it_can_be_called_and_written_to(
    app: Flask, browser_of: Browser, days: int | None, *, counts: bool
) -> None:
    with app.app_context(), transaction() as session:
        last_day = None if days is None else clock.local_date(clock.now()) + timedelta(days=days)
        reached = {"phone": "+31201234567", "address_line": "Plein 1", "postcode": "1234 AB", "town": "Voorbeeldstad"}
        session.execute(update(Gemeente).values(**reached))
        session.execute(
            update(Gemeente).where(Gemeente.code == "9998").values(**dict.fromkeys(reached), valid_until=last_day)
        )
    page = browser_of("ben").get("/").text
    assert ("Van 1 gemeente staat geen telefoonnummer" in page) is counts
    assert ("Van 1 gemeente staat geen postadres" in page) is counts


def test_the_status_page_shows_the_road(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    page = browser_of("anna").get(f"/aanvragen/{aanvraag}")
    assert page.status_code == 200
    assert number(app, aanvraag) in page.text
    assert "U hoeft nu niets te doen" in page.text
    assert "U activeert de sleutel met de code" in page.text
    assert "Aanvraag intrekken" in page.text


def test_i9_another_gemeente_gets_404(browser_of: Browser, aanvraag: UUID) -> None:
    assert browser_of("tom").get(f"/aanvragen/{aanvraag}").status_code == 404
    assert browser_of("tom").get(f"/dossiers/{aanvraag}").status_code == 403
    assert browser_of("anna").get(f"/aanvragen/{uuid4()}").status_code == 404


def test_a_gemeente_reads_the_question_but_never_a_name_of_duo(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    with app.app_context():
        review.take_step(actor("rik"), aanvraag, Step.TAKE_UP)
        review.add_note(actor("rik"), aanvraag, "Rik belt morgen terug.")
        review.take_step(actor("rik"), aanvraag, Step.ASK, "Welke versie van het pakket gebruikt u?")
    anna, gert = (
        browser_of("anna").get(f"/aanvragen/{aanvraag}").text,
        browser_of("gert").get(f"/aanvragen/{aanvraag}").text,
    )
    assert "Welke versie van het pakket gebruikt u?" in anna
    assert "Aanvulling versturen" in anna
    assert "Aanvulling versturen" not in gert
    assert "Rik" not in anna


def test_the_delivery_is_followed_step_by_step(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    with app.app_context():
        issue(aanvraag)
    page = browser_of("anna").get(f"/aanvragen/{aanvraag}").text
    assert "Meld dat u het zipbestand hebt" in page
    assert "Nog niet gemeld" in page
    assert "Sleutel activeren" not in page


def test_the_dossier_shows_everything_and_what_can_be_done(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    with app.app_context():
        review.take_step(actor("rik"), aanvraag, Step.TAKE_UP)
    rik, rosa = (
        browser_of("rik").get(f"/dossiers/{aanvraag}").text,
        browser_of("rosa").get(f"/dossiers/{aanvraag}").text,
    )
    assert "00000003123456780000" in rik
    assert "wim" in rik.lower()
    assert "Aanvraag goedkeuren" in rik
    assert "Aanvraag goedkeuren" not in rosa
    assert "Aanvraag overnemen" in rosa
    assert "Rik Fictief" in rosa


def test_i8_who_approved_reads_that_a_colleague_issues(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    with app.app_context():
        approve(aanvraag)
    rik, rosa = (
        browser_of("rik").get(f"/dossiers/{aanvraag}").text,
        browser_of("rosa").get(f"/dossiers/{aanvraag}").text,
    )
    assert "U hebt deze aanvraag zelf goedgekeurd. Een collega moet de sleutel uitgeven." in rik
    assert "Sleutel uitgeven" not in rik
    assert "Sleutel uitgeven" in rosa


def test_i13_changed_content_shows_and_cannot_be_issued(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    with app.app_context():
        approve(aanvraag)
        with transaction() as session:
            session.execute(update(Contact).where(Contact.mobile.is_not(None)).values(mobile="+31687654321"))
    page = browser_of("rosa").get(f"/dossiers/{aanvraag}").text
    assert "De inhoud is veranderd na de goedkeuring" in page
    assert "Sleutel uitgeven" not in page


def test_the_auditor_sees_no_button_but_that_to_download(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    with app.app_context():
        issue(aanvraag)
    main = browser_of("ada").get(f"/dossiers/{aanvraag}").text.split("<main", 1)[1].split("</main", 1)[0]
    assert "Uitgifte 1" in main
    assert main.count("<form") == main.count("<button") == main.count("Dossier downloaden") == 1


@pytest.mark.parametrize(
    ("login", "facts", "buttons"),
    [
        ("rik", {}, {"Zipbestand opnieuw versturen", "Wachtwoord vrijgeven", "Uitgifte annuleren"}),
        ("rosa", {}, {"Zipbestand opnieuw versturen", "Uitgifte annuleren"}),
        ("rik", {"received_at": True, "password_sent_at": True}, {"Uitgifte annuleren"}),
        ("rosa", {"ended_at": True, "end_reason": End.LAPSED}, {"Opnieuw uitgeven"}),
        ("rosa", {"ended_at": True, "end_reason": End.DONE}, set()),
    ],
)
def test_each_state_of_an_issuance_has_its_ways_out(
    app: Flask, browser_of: Browser, *, aanvraag: UUID, login: str, facts: dict[str, Any], buttons: set[str]
) -> None:
    with app.app_context():
        issue(aanvraag, **{name: clock.now() if value is True else value for name, value in facts.items()})
    page = browser_of(login).get(f"/dossiers/{aanvraag}").text
    ways = {"Zipbestand opnieuw versturen", "Wachtwoord vrijgeven", "Uitgifte annuleren", "Opnieuw uitgeven"}
    assert {way for way in ways if way in page} == buttons


def test_failed_messages_stand_on_a_page_with_cause_and_button(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    assert "Er zijn geen mislukte berichten" in browser_of("rik").get("/berichten").text
    with app.app_context():
        message = dead_message(aanvraag)
    page = browser_of("rik").get("/berichten").text
    assert "De mailserver weigerde het adres van de ontvanger (550)" in page
    assert f"/berichten/{message}/opnieuw" in page
    assert browser_of("anna").get("/berichten").status_code == 403


def test_i10_looking_writes_no_event(app: Flask, browser_of: Browser, aanvraag: UUID) -> None:
    rik = browser_of("rik")
    with app.app_context():
        before = len(search(limit=1000))
    for path in ("/", "/werkvoorraad", "/berichten", "/gemeenten", f"/dossiers/{aanvraag}"):
        assert rik.get(path).status_code == 200
    with app.app_context():
        assert len(search(limit=1000)) == before


@pytest.mark.parametrize("status", [status for status in Status if status not in {Status.DRAFT, Status.ISSUED}])
def test_both_pages_of_an_aanvraag_stand_in_every_state(
    app: Flask, browser_of: Browser, aanvraag: UUID, status: Status
) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Aanvraag).values(status=status))
    assert browser_of("anna").get(f"/aanvragen/{aanvraag}").status_code == 200
    assert browser_of("ada").get(f"/dossiers/{aanvraag}").status_code == 200

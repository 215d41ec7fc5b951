"""The pages about contacts: of the gemeente, of DUO, and the public one behind the sms."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, text, update

from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Status
from keyservice.audit.models import AuditEvent
from keyservice.contacts import service
from keyservice.contacts.models import MOST_TRIES
from keyservice.contacts.queries import missing, practice_password
from keyservice.contacts.views import WRONG
from keyservice.database import db, transaction
from keyservice.gemeenten.models import Gemeente
from keyservice.kernel import clock
from tests.conftest import post, without_csrf
from tests.factories.aanvragen import actor
from tests.factories.contacts import Case, contact, practice_code, sms_code, unproven

Browser = Callable[[str], FlaskClient]
# Bookkeeping of a visit, no fact about anything.
NO_FACTS = {"login_session"}


@pytest.fixture
def case(app: Flask) -> Case:
    with app.app_context():
        return unproven()


def lacks(app: Flask, case: Case) -> tuple[str, ...]:
    with app.app_context():
        return missing(contact(case.key), contact(case.password), clock.now())


def facts(app: Flask) -> dict[str, list[Any]]:
    """Return every row of every table, but for the bookkeeping of visits."""
    with app.app_context():
        tables = [table.name for table in db.metadata.sorted_tables if table.name not in NO_FACTS]
        return {name: sorted(map(repr, db.session.execute(text(f'SELECT * FROM "{name}"')).all())) for name in tables}


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}"[^>]* value="([^"]*)"', page)
    assert found
    return found[1]


def sent_sms(app: Flask, case: Case) -> dict[str, str]:
    """Have the sms sent, and return number and code as its reader types them."""
    with app.app_context():
        service.send_sms_code(actor("anna"), case.password, case.aanvraag)
        return {"nummer": contact(case.password).z_number, "code": sms_code(case)}


def test_the_page_says_what_lacks_and_offers_what_anna_can_do(browser_of: Browser, case: Case) -> None:
    page = browser_of("anna").get(case.pages)
    assert page.status_code == 200
    assert "<h1" in page.text
    assert "Oefenbestand sturen" in page.text
    assert "Sms sturen" in page.text
    assert "Uw relatiebeheerder belt nog met uw gemeente" in page.text
    assert "/instaan" not in page.text


def test_gert_is_offered_to_vouch(browser_of: Browser, case: Case) -> None:
    page = browser_of("gert").get(case.pages).text
    assert "Instaan voor Anna Voorbeeld" in page
    assert "Instaan voor Wim Voorbeeld" not in page


def test_two_contacts_that_are_one_are_alarmed(app: Flask, browser_of: Browser, case: Case) -> None:
    with app.app_context(), transaction() as session:
        contact(case.key).phone = contact(case.password).mobile
        session.flush()
    assert "Geef twee verschillende personen op" in browser_of("anna").get(case.pages).text


def test_without_a_registered_number_both_sides_read_so(app: Flask, browser_of: Browser, case: Case) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Gemeente).where(Gemeente.code == "9998").values(phone=None))
    assert "DUO heeft nog geen telefoonnummer" in browser_of("anna").get(case.pages).text
    rik, url = browser_of("rik"), f"/dossiers/{case.aanvraag}/contactpersonen/{case.password}/instaan"
    page = rik.get(url).text
    assert "Er staat geen telefoonnummer in het register" in page
    assert 'name="gebeld"' not in page
    assert post(rik, url, {"gebeld": "y", "nummer": "+31102000000"}, step_up=True).status_code == 409


def test_the_practice_zip_is_sent_its_password_shown_and_its_code_taken(
    app: Flask, browser_of: Browser, case: Case
) -> None:
    anna, url = browser_of("anna"), f"{case.pages}/{case.key}/oefenzip-code"
    assert anna.get(url).location == case.pages  # nothing was sent yet
    answer = post(anna, f"{case.pages}/{case.key}/oefenzip")
    assert (answer.status_code, answer.location) == (303, url)
    with app.app_context():
        password, code = practice_password(case.key), practice_code(case)
    assert password
    page = anna.get(url).text
    assert all(f">{group}" in page for group in password.reveal().split("-"))
    assert code not in page
    assert 'href="/openen"' in page.split("onze openpagina", 1)[0].rsplit("<a ", 1)[1]
    answer = post(anna, url, {"code": code})
    assert (answer.status_code, answer.location) == (303, case.pages)
    assert "key-address" not in lacks(app, case)


def test_a_wrong_code_says_how_often_one_may_try_and_the_last_one_leads_back(browser_of: Browser, case: Case) -> None:
    anna, url = browser_of("anna"), f"{case.pages}/{case.key}/oefenzip-code"
    post(anna, f"{case.pages}/{case.key}/oefenzip")
    for left in (4, 3, 2, 1):
        answer = post(anna, url, {"code": "2222-2222"})
        assert answer.status_code == 422
        assert f"U kunt het nog {left} keer proberen" in answer.text
        assert "<title>Fout: " in answer.text.replace("\n", "")
    answer = post(anna, url, {"code": "2222-2222"})
    assert (answer.status_code, answer.location) == (303, case.pages)
    assert "Stuur een nieuw oefenbestand" in anna.get(case.pages).text


def test_the_sixth_code_in_an_hour_is_refused(browser_of: Browser, case: Case) -> None:
    anna = browser_of("anna")
    answers = [post(anna, f"{case.pages}/{case.password}/sms").status_code for _ in range(6)]
    assert answers == [303] * 5 + [409]


def test_gert_vouches_with_a_tick_and_his_password(app: Flask, browser_of: Browser, case: Case) -> None:
    gert, url = browser_of("gert"), f"{case.pages}/{case.key}/instaan"
    page = gert.get(url).text
    seen = hidden(page, "seen")
    assert post(gert, url, {"seen": seen}, step_up=True).status_code == 422
    assert "key-vouched" in lacks(app, case)
    answer = post(gert, url, {"seen": seen, "bekend": "y"}, step_up=True)
    assert (answer.status_code, answer.location) == (303, case.pages)
    assert "key-vouched" not in lacks(app, case)


def test_an_aanvrager_cannot_open_the_page_to_vouch(browser_of: Browser, case: Case) -> None:
    assert browser_of("bea").get(f"{case.pages}/{case.key}/instaan").status_code == 403


def test_rik_calls_and_vouches(app: Flask, browser_of: Browser, case: Case) -> None:
    rik, url = browser_of("rik"), f"/dossiers/{case.aanvraag}/contactpersonen/{case.password}/instaan"
    page = rik.get(url).text
    assert "010 200 0000" in page
    typed = {name: hidden(page, name) for name in ("seen", "naast", "nummer")} | {"gebeld": "y"}
    answer = post(rik, url, typed, step_up=True)
    assert (answer.status_code, answer.location) == (303, f"/dossiers/{case.aanvraag}")
    assert "password-vouched" not in lacks(app, case)


@pytest.mark.parametrize("status", [Status.DRAFT, Status.REJECTED, Status.WITHDRAWN])
def test_before_it_is_sent_and_after_it_came_to_nothing_nothing_can_be_proven(
    app: Flask, browser_of: Browser, case: Case, status: Status
) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Aanvraag).values(status=status))
    anna = browser_of("anna")
    page = anna.get(case.pages)
    assert page.status_code == 200
    assert "sturen</span>" not in page.text
    for path in (f"{case.key}/oefenzip", f"{case.key}/oefenzip-code", f"{case.password}/sms"):
        assert post(anna, f"{case.pages}/{path}", {"code": "x"}).status_code == 409


def test_i9_contacts_of_another_gemeente_or_another_aanvraag_are_not_there(
    app: Flask, browser_of: Browser, case: Case
) -> None:
    tom, anna = browser_of("tom"), browser_of("anna")
    with app.app_context(), transaction() as session:
        session.execute(update(Aanvraag).values(pakket_key="anders/anders"))
    with app.app_context():
        other = unproven()
    assert tom.get(case.pages).status_code == 404
    for path in (f"{case.key}/oefenzip", f"{case.key}/oefenzip-code", f"{case.password}/sms"):
        assert post(tom, f"{case.pages}/{path}", {"code": "x"}).status_code == 404
        assert post(anna, f"{other.pages}/{path}", {"code": "x"}).status_code == 404


def test_a_name_with_markup_is_text(app: Flask, browser_of: Browser, case: Case) -> None:
    with app.app_context(), transaction():
        contact(case.key).name = "<b>Eva</b>\u00e9"
    page = browser_of("gert").get(f"{case.pages}/{case.key}/instaan").text
    assert "<b>Eva" not in page
    assert "&lt;b&gt;Eva&lt;/b&gt;é" in page


class TestConfirm:
    def test_number_and_code_confirm_without_an_account(self, app: Flask, client: FlaskClient, case: Case) -> None:
        typed = sent_sms(app, case)
        answer = post(client, "/bevestigen", {k: f" {v.lower()} " for k, v in typed.items()})
        assert (answer.status_code, answer.location) == (303, "/bevestigen/gelukt")
        assert client.get("/bevestigen/gelukt").status_code == 200
        assert {"password-address", "password-confirmed"}.isdisjoint(lacks(app, case))

    def test_i10_looking_changes_nothing(self, app: Flask, client: FlaskClient, case: Case) -> None:
        typed = sent_sms(app, case)
        before = facts(app)
        for method in ("GET", "HEAD", "OPTIONS"):
            for path in ("/bevestigen", "/bevestigen/gelukt"):
                assert client.open(path, method=method, query_string=typed).status_code == 200
        assert facts(app) == before

    def test_an_unknown_number_and_a_wrong_code_get_the_same_page(
        self, app: Flask, client: FlaskClient, case: Case
    ) -> None:
        typed = sent_sms(app, case)
        wrong = "00000000" if typed["code"] != "00000000" else "11111111"
        known = post(client, "/bevestigen", {"nummer": typed["nummer"], "code": wrong})
        unknown = post(client, "/bevestigen", {"nummer": "Z-ZZZZZZ", "code": wrong})
        assert (known.status_code, unknown.status_code) == (422, 422)
        assert WRONG in known.text
        assert without_csrf(known.text).replace(typed["nummer"], "#") == without_csrf(unknown.text).replace(
            "Z-ZZZZZZ", "#"
        )

    def test_five_wrong_codes_and_the_right_one_is_dead(self, app: Flask, client: FlaskClient, case: Case) -> None:
        typed = sent_sms(app, case)
        wrong = "00000000" if typed["code"] != "00000000" else "11111111"
        for _ in range(MOST_TRIES):
            assert post(client, "/bevestigen", {**typed, "code": wrong}).status_code == 422
        assert post(client, "/bevestigen", typed).status_code == 422
        assert "password-confirmed" in lacks(app, case)

    def test_what_cannot_be_a_code_costs_no_try(self, app: Flask, client: FlaskClient, case: Case) -> None:
        typed = sent_sms(app, case)
        for code in ("", "1234", "x" * 41, "123456789", "1234567\r\n"):
            answer = post(client, "/bevestigen", {**typed, "code": code})
            assert answer.status_code == 422
            assert typed["nummer"] in answer.text  # what was typed is kept
        assert post(client, "/bevestigen", typed).status_code == 303

    def test_a_new_code_is_answered_the_same_for_everybody(self, app: Flask, client: FlaskClient, case: Case) -> None:
        typed = sent_sms(app, case)
        answers = []
        for number in (typed["nummer"], "Z-ZZZZZZ"):
            answer = post(client, "/bevestigen", {"nummer": number, "actie": "nieuwe-code", "code": ""})
            answers.append((answer.status_code, answer.location, without_csrf(client.get("/bevestigen").text)))
        assert answers[0] == answers[1]
        assert answers[0][:2] == (303, "/bevestigen")
        with app.app_context():
            new = sms_code(case)
        assert post(client, "/bevestigen", {**typed, "code": new}).status_code == 303

    def test_asking_a_new_code_without_a_number_says_what_to_type(self, client: FlaskClient) -> None:
        answer = post(client, "/bevestigen", {"nummer": "", "actie": "nieuwe-code"})
        assert answer.status_code == 422
        assert "Vul het Z-nummer uit de sms in" in answer.text
        assert "Vul de code van 8 cijfers" not in answer.text

    def test_i11_anonymous_guesses_are_one_event_a_minute(self, app: Flask, client: FlaskClient) -> None:
        for _ in range(4):
            post(client, "/bevestigen", {"nummer": "Z-ZZZZZZ", "code": "12345678"})
        with app.app_context():
            events = select(func.count()).where(AuditEvent.code == "access:refuse-anonymous")
            assert db.session.scalar(events) in {1, 2}  # a minute may end in between

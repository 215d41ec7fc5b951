"""Logging in and out, sessions, and the fresh proof of who one is."""

from collections.abc import Callable
from time import monotonic
from uuid import uuid4

import pytest
from flask import Flask, session
from flask.testing import FlaskClient
from sqlalchemy import delete, select

from keyservice.accounts import factors
from keyservice.accounts.models import Session
from keyservice.audit.models import AuditEvent
from keyservice.database import db
from keyservice.demo.people import PASSWORD
from tests.conftest import csrf, post, without_csrf
from tests.factories.logins import code_of, give_code, give_password, log_in
from tests.factories.no_events import refuse_events
from tests.pages import check


def codes(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(AuditEvent.code).order_by(AuditEvent.row)))


def test_a_person_logs_in_and_out(app: Flask, client: FlaskClient) -> None:
    anna = client
    assert log_in(app, anna, "anna").status_code == 303
    assert "Anna Voorbeeld" in anna.get("/contact").text
    assert post(anna, "/uitloggen").status_code == 302
    assert "Anna Voorbeeld" not in anna.get("/contact").text
    assert [code for code in codes(app) if code in {"account:login", "account:logout"}] == [
        "account:login",
        "account:logout",
    ]


def test_i3_nobody_is_logged_in_when_the_event_of_it_cannot_be_written(app: Flask, client: FlaskClient) -> None:
    assert give_password(client, "anna").location == "/inloggen/code"
    refuse_events(app)
    failed = give_code(client, code_of(app, "anna"))
    assert failed.status_code >= 400
    assert "Anna Voorbeeld" not in failed.text
    assert "Anna Voorbeeld" not in client.get("/contact").text


def test_the_database_holds_no_session_token(app: Flask, browser_of: Callable[[str], FlaskClient]) -> None:
    anna = browser_of("anna")
    cookie = anna.get_cookie("sessie")
    assert cookie is not None
    with app.app_context():
        rows = db.session.scalars(select(Session)).all()
        assert rows
        assert all(cookie.value not in row.data and cookie.value.encode() not in row.digest for row in rows)


def test_logging_in_changes_the_token(app: Flask, client: FlaskClient) -> None:
    page = client.get("/inloggen")
    before = client.get_cookie("sessie")
    assert page.status_code == 200
    assert log_in(app, client, "anna").status_code == 303
    after = client.get_cookie("sessie")
    assert before is not None
    assert after is not None
    assert before.value != after.value


def test_known_and_unknown_people_get_the_same_answer(app: Flask, client: FlaskClient) -> None:
    texts = []
    for email in ("anna@voorbeeldstad.example", "niemand@voorbeeldstad.example"):
        answer = post(client, "/inloggen", {"email": email, "password": "fout"})
        texts.append(without_csrf(answer.text).replace(email, ""))
    assert texts[0] == texts[1]
    assert "klopt niet" in texts[0]
    assert codes(app)[-2:] == ["account:refuse-login", "access:refuse-anonymous"]


@pytest.mark.parametrize("body", [{"email": 5, "password": ["x"]}, {"email": "a@b.example", "next": 5}, "x", []])
def test_logging_in_takes_a_form_and_nothing_else(client: FlaskClient, body: object) -> None:
    token = csrf(client.get("/inloggen").text)
    answer = client.post("/inloggen", json=body, headers={"X-CSRFToken": token, "Accept": "application/json"})
    assert answer.status_code == 415
    check(answer.text)
    check(client.get("/inloggen", headers={"Accept": "application/json"}).text)


@pytest.mark.parametrize("odd", ["//[", "http://[evil]/", "//\u2100evil.example"])
def test_t18_an_address_to_go_to_that_is_none_breaks_nothing(app: Flask, client: FlaskClient, odd: str) -> None:
    token = csrf(client.get("/inloggen").text)
    known = {"csrf_token": token, "email": "anna@voorbeeldstad.example", "password": PASSWORD}
    for query, form in ((odd, {}), ("", {"next": odd})):
        answer = client.post("/inloggen", query_string={"next": query}, data={**known, **form})
        assert answer.status_code == 400
        check(answer.text)
    with app.test_request_context():
        factors.remember_target(odd)
        assert "tf_next" not in session


def test_t35_marks_heaped_upon_a_letter_of_name_or_password_keep_no_process_busy(client: FlaskClient) -> None:
    heap = "a" + "\u0315\u0300" * 40_000
    for typed in ({"email": heap, "password": "x"}, {"email": "anna@voorbeeldstad.example", "password": heap}):
        started = monotonic()
        assert post(client, "/inloggen", typed).status_code == 422
        assert monotonic() - started < 5


def test_an_answer_that_is_no_passkey_s_is_refused_however_odd(client: FlaskClient) -> None:
    for odd in ("[" * 50_000, "[]", '{"id": 1, "rawId": 2, "response": 3, "type": 4}', "\0"):
        assert post(client, "/inloggen/passkey", {"antwoord": odd}).status_code == 422


def test_a_form_sent_after_the_session_ended_keeps_what_was_typed(
    app: Flask, browser_of: Callable[[str], FlaskClient]
) -> None:
    rik = browser_of("rik")
    with app.app_context():
        db.session.execute(delete(Session))
        db.session.commit()
    url = f"/dossiers/{uuid4()}/notities"
    stale = rik.post(url, data={"csrf_token": "old", "text": "Eerst gebeld", "wachtwoord": "geheim"})
    assert stale.status_code == 400
    assert "Eerst gebeld" in stale.text
    assert "geheim" not in stale.text
    again = rik.post(url, data={"csrf_token": csrf(stale.text), "text": "Eerst gebeld"})
    assert again.status_code == 400, "the visitor is still logged out"
    assert "Log eerst in op een nieuw tabblad" in again.text
    assert log_in(app, rik, "rik").status_code == 303
    assert rik.post(url, data={"csrf_token": csrf(again.text), "text": "Eerst gebeld"}).status_code == 404

"""Sessions end in time, cannot be planted, and what was ended stays ended."""

import hashlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, func, select, update

from keyservice.accounts.models import Account, Session
from keyservice.accounts.sessions import BrowserSession, DatabaseSessions, delete_expired
from keyservice.app import create_app
from keyservice.database import db, transaction
from keyservice.demo import people
from keyservice.settings import Settings
from tests.conftest import environ, post
from tests.factories.logins import log_in

Browser = Callable[[str], FlaskClient]
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


def token(client: FlaskClient) -> str:
    cookie = client.get_cookie("sessie")
    assert cookie is not None
    return cookie.value


def logged_in(client: FlaskClient) -> bool:
    return client.get("/namens").status_code == 200


def rows(app: Flask) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).select_from(Session)) or 0


def test_a_session_ends_after_half_an_hour_without_a_page(app: Flask, browser_of: Browser) -> None:
    with time_machine.travel(NOON, tick=False) as time:
        anna = browser_of("anna")
        time.shift(timedelta(minutes=29))
        assert logged_in(anna)
        time.shift(timedelta(minutes=29))
        assert logged_in(anna), "a page keeps it going"
        time.shift(timedelta(minutes=31))
        assert not logged_in(anna)


def test_a_session_ends_after_ten_hours_however_busy(app: Flask, browser_of: Browser) -> None:
    with time_machine.travel(NOON, tick=False) as time:
        anna = browser_of("anna")
        for _ in range(30):
            time.shift(timedelta(minutes=20))
            assert logged_in(anna)
        time.shift(timedelta(minutes=1))
        assert not logged_in(anna)


def test_the_worker_deletes_the_sessions_that_are_over(app: Flask, browser_of: Browser) -> None:
    with time_machine.travel(NOON, tick=False) as time:
        browser_of("anna")
        time.shift(timedelta(days=1))
        app.test_client().get("/inloggen")
        assert rows(app) == 2
        time.shift(timedelta(minutes=20))
        bea = browser_of("bea")
        time.shift(timedelta(minutes=20))
        before = rows(app)
        with app.app_context():
            delete_expired()
        assert rows(app) == before - 2
        assert logged_in(bea)


def test_a_page_writes_the_session_once_a_minute_at_most(app: Flask, browser_of: Browser) -> None:
    def seen() -> datetime | None:
        with app.app_context():
            return db.session.scalar(select(func.max(Session.seen_at)))

    with time_machine.travel(NOON, tick=False) as time:
        anna = browser_of("anna")
        time.shift(timedelta(seconds=50))
        assert logged_in(anna)
        assert seen() == NOON
        time.shift(timedelta(seconds=20))
        assert logged_in(anna)
        assert seen() == NOON + timedelta(seconds=70)


def test_a_token_that_was_planted_is_worth_nothing(app: Flask, client: FlaskClient) -> None:
    client.set_cookie("sessie", "planted")
    assert log_in(app, client, "anna").status_code == 303
    assert token(client) != "planted"
    thief = app.test_client()
    thief.set_cookie("sessie", "planted")
    assert not logged_in(thief)


def test_logging_out_ends_the_session_on_the_server_too(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    stolen = token(anna)
    assert logged_in(anna)
    post(anna, "/uitloggen")
    thief = app.test_client()
    thief.set_cookie("sessie", stolen)
    assert not logged_in(thief)


@pytest.mark.usefixtures("context")
def test_a_slow_page_does_not_bring_back_a_session_that_was_ended_meanwhile(app: Flask) -> None:
    with app.test_request_context():
        sessions, answer = DatabaseSessions(), app.response_class()
        begun = BrowserSession({})
        begun["_user_id"] = "anna"
        sessions.save_session(app, begun, answer)
        digest = hashlib.sha256(str(begun.token).encode()).digest()
        slow = BrowserSession(dict(begun), begun.token, db.session.get(Session, digest))
        with transaction() as session:
            session.execute(delete(Session))
        slow["late"] = True
        sessions.save_session(app, slow, answer)
        assert db.session.scalar(select(func.count()).select_from(Session)) == 0


@pytest.mark.parametrize("change", [{"active": False}, {"fs_uniquifier": "another"}], ids=["blocked", "all ended"])
def test_an_account_that_is_blocked_or_whose_sessions_were_ended_is_out_at_once(
    app: Flask, browser_of: Browser, change: dict[str, object]
) -> None:
    anna = browser_of("anna")
    assert logged_in(anna)
    with app.app_context(), transaction() as session:
        session.execute(update(Account).where(Account.id == people.person_id("anna")).values(**change))
    assert not logged_in(anna)


def test_the_cookie_is_for_the_server_only_and_for_this_host_only(app: Flask, tmp_path: Path) -> None:
    plain = app.test_client().get("/inloggen").headers["Set-Cookie"]
    assert plain.startswith("sessie=")
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= {part.strip() for part in plain.split(";")}
    conf = environ(tmp_path, app.config["SQLALCHEMY_DATABASE_URI"], KEYSERVICE_BASE_URL="https://sleutels.duo.example")
    secure_app = create_app(Settings.from_environ(conf))
    secure = secure_app.test_client().get("/inloggen", base_url="https://sleutels.duo.example").headers["Set-Cookie"]
    assert secure.startswith("__Host-sessie=")
    assert {"Secure", "HttpOnly", "Path=/"} <= {part.strip() for part in secure.split(";")}
    assert "Domain" not in secure
    with secure_app.app_context():
        db.engine.dispose()

"""One's own sessions: listed, ended, warned about, and worth nothing to a thief."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update

from keyservice.accounts.models import Account, Grant, KnownDevice, Session
from keyservice.accounts.people import end_grant
from keyservice.accounts.sessions import end_sessions
from keyservice.app import create_app
from keyservice.audit.models import AuditEvent, AuditPrivate
from keyservice.database import db, transaction
from keyservice.demo import people
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.ids import token_digest
from keyservice.outbox.models import OutboxMessage
from tests.conftest import csrf, post
from tests.factories.logins import code_of, give_code, give_password, log_in

Browser = Callable[[str], FlaskClient]
NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
URL = "/mijn-account/sessies"
FIREFOX = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"
HOST = "https://sleutels.duo.example"
WRONG = {"email": "anna@voorbeeldstad.example", "password": "verkeerd-wachtwoord"}


def token(client: FlaskClient, name: str = "sessie") -> str:
    cookie = client.get_cookie(name)
    assert cookie is not None
    return cookie.value


def logged_in(client: FlaskClient) -> bool:
    return client.get("/mijn-account").status_code == 200


def with_cookie(app: Flask, value: str) -> FlaskClient:
    client = app.test_client()
    client.set_cookie("sessie", value)
    return client


def mails(app: Flask, kind: str) -> int:
    with app.app_context():
        return db.session.scalar(select(func.count()).where(OutboxMessage.kind == kind)) or 0


def codes(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(AuditEvent.code)))


@pytest.fixture
def secure(app: Flask) -> Iterator[Flask]:
    """Return the application as it runs in production as to its cookies: on https."""
    conf = app.extensions["keyservice.settings"]
    made = create_app(replace(conf, base_url=HOST, trusted_hosts=("sleutels.duo.example",)))
    yield made
    with made.app_context():
        db.engine.dispose()


# The page


def test_a_person_sees_the_own_sessions_and_no_others(app: Flask, browser_of: Browser) -> None:
    browser_of("rik")
    here = app.test_client()
    here.environ_base["HTTP_USER_AGENT"] = FIREFOX
    assert log_in(app, here, "anna").status_code == 303
    browser_of("anna")
    page = here.get(URL).text
    assert page.count("<tr>") == 1 + 2
    assert page.count("Deze sessie") == 1
    assert "Firefox op Windows" in page
    assert token(here) not in page


def test_a_person_ends_one_session(app: Flask, browser_of: Browser) -> None:
    anna, other = browser_of("anna"), browser_of("anna")
    page = anna.get(URL).text
    assert 'name="sessie"' in page
    assert post(anna, f"{URL}/beeindigen", {"sessie": token_digest(token(other)).hex()}).status_code == 303
    assert logged_in(anna)
    assert not logged_in(other)
    assert "account:end-session" in codes(app)


@pytest.mark.parametrize("key", ["", "zz", "00", "00" * 32])
def test_what_is_no_session_ends_nothing(app: Flask, browser_of: Browser, key: str) -> None:
    anna = browser_of("anna")
    assert post(anna, f"{URL}/beeindigen", {"sessie": key}).status_code == 303
    assert logged_in(anna)
    assert "account:end-session" not in codes(app)


def test_nobody_ends_the_session_of_another(browser_of: Browser) -> None:
    anna, tom = browser_of("anna"), browser_of("tom")
    post(tom, f"{URL}/beeindigen", {"sessie": token_digest(token(anna)).hex()})
    assert logged_in(anna)


def test_a_person_ends_all_other_sessions_and_goes_on(app: Flask, browser_of: Browser) -> None:
    anna, *others = [browser_of("anna") for _ in range(3)]
    before = token(anna)
    assert post(anna, f"{URL}/andere-beeindigen").status_code == 303
    assert "Alle andere sessies zijn beëindigd" in anna.get(URL).text
    assert not any(logged_in(other) for other in others)
    assert not logged_in(with_cookie(app, before)), "this one got a new token"


# The end of a session


def test_the_login_page_says_why_a_session_ended(browser_of: Browser) -> None:
    with time_machine.travel(NOON, tick=False) as time:
        anna = browser_of("anna")
        time.shift(timedelta(minutes=31))
        answer = anna.get("/mijn-account")
        assert answer.status_code == 303
        text = "U bent uitgelogd omdat u 30 minuten niets hebt gedaan. Wat u had opgeslagen, is bewaard."
        assert text in anna.get(answer.location).text
        assert text not in anna.get("/inloggen").text, "once is enough"


def test_the_login_page_says_so_after_ten_hours_too(browser_of: Browser) -> None:
    with time_machine.travel(NOON, tick=False) as time:
        anna = browser_of("anna")
        for _ in range(20):
            time.shift(timedelta(minutes=29))
            assert logged_in(anna)
        time.shift(timedelta(minutes=25))
        assert "omdat u 10 uur was ingelogd" in anna.get("/mijn-account", follow_redirects=True).text


def test_a_session_that_was_ended_by_hand_gets_no_other_reason(browser_of: Browser) -> None:
    anna, other = browser_of("anna"), browser_of("anna")
    post(anna, f"{URL}/andere-beeindigen")
    assert "omdat u" not in other.get("/mijn-account", follow_redirects=True).text


def test_the_script_is_told_how_long_the_session_lasts_and_can_keep_it_going(browser_of: Browser) -> None:
    with time_machine.travel(NOON, tick=False) as time:
        anna = browser_of("anna")
        page = anna.get("/mijn-account").text
        assert 'data-idle="1800"' in page
        assert 'data-longest="36000"' in page
        assert "build/session.js" in page
        time.shift(timedelta(minutes=28))
        assert anna.get("/mijn-account/sessie").json == {"idle": 1800, "longest": 36000 - 28 * 60}
        time.shift(timedelta(seconds=40))
        assert anna.get("/mijn-account/sessie").json == {"idle": 1760, "longest": 36000 - 28 * 60 - 40}
        time.shift(timedelta(minutes=29))
        assert logged_in(anna)


def test_a_visitor_gets_no_script_and_keeps_nothing_going(client: FlaskClient) -> None:
    assert "session.js" not in client.get("/contact").text
    assert client.get("/mijn-account/sessie").status_code == 303


def test_another_password_does_not_begin_the_ten_hours_again(app: Flask, browser_of: Browser) -> None:
    with time_machine.travel(NOON, tick=False) as time:
        anna = browser_of("anna")
        for _ in range(19):
            time.shift(timedelta(minutes=29))
            assert logged_in(anna)
        post(anna, f"{URL}/andere-beeindigen")
        time.shift(timedelta(minutes=29))
        assert logged_in(anna)
        time.shift(timedelta(minutes=25))
        assert not logged_in(anna)


# Attacks


def test_a_stolen_cookie_is_dead_on_the_first_request_after_a_role_ended(app: Flask, browser_of: Browser) -> None:
    thief = with_cookie(app, token(browser_of("anna")))
    assert logged_in(thief)
    with app.app_context():
        gert = Actor(people.person_id("gert"), frozenset({Role.GEMEENTEBEHEERDER}), "9998", "web")
        grant = db.session.scalar(select(Grant.id).where(Grant.account_id == people.person_id("anna")))
        assert grant is not None
        end_grant(gert, grant)
    assert not logged_in(thief)


def test_a_login_that_was_half_done_when_the_password_changed_comes_to_nothing(app: Flask, client: FlaskClient) -> None:
    give_password(client, "anna")
    assert client.get("/inloggen/code").status_code == 200
    with app.app_context():
        end_sessions(people.person_id("anna"))
    assert client.get("/inloggen/code").status_code == 303
    assert post(client, "/inloggen/code", {"code": code_of(app, "anna")}).status_code == 303
    assert not logged_in(client)


def test_who_waits_for_the_second_factor_is_in_no_list_of_sessions(app: Flask, browser_of: Browser) -> None:
    give_password(app.test_client(), "anna")
    assert browser_of("anna").get(URL).text.count("<tr>") == 1 + 1


def test_a_session_that_was_planted_does_not_become_the_session_of_the_victim(app: Flask, client: FlaskClient) -> None:
    attacker = app.test_client()
    attacker.get("/inloggen")
    client.set_cookie("sessie", token(attacker))
    assert log_in(app, client, "anna").status_code == 303
    assert logged_in(client)
    assert not logged_in(attacker)


def test_a_session_that_was_planted_does_not_learn_that_the_password_was_right(app: Flask, client: FlaskClient) -> None:
    attacker = app.test_client()
    attacker.get("/inloggen")
    client.set_cookie("sessie", token(attacker))
    assert give_password(client, "anna").location == "/inloggen/code"
    assert client.get("/inloggen/code").status_code == 200
    assert attacker.get("/inloggen/code").location == "/inloggen"


def test_the_session_from_before_the_second_factor_is_worth_nothing_after_it(app: Flask, client: FlaskClient) -> None:
    give_password(client, "anna")
    half = token(client)
    assert give_code(client, code_of(app, "anna")).status_code == 303
    assert not logged_in(with_cookie(app, half))


def test_a_cookie_from_before_logging_out_does_not_work_again(app: Flask, browser_of: Browser) -> None:
    anna = browser_of("anna")
    old = token(anna)
    post(anna, "/uitloggen")
    assert not logged_in(with_cookie(app, old))


def test_no_token_in_header_address_or_body_opens_anything(app: Flask) -> None:
    with app.test_request_context():
        account = db.session.get_one(Account, people.person_id("ben"))
        issued = str(account.get_auth_token())
    client = app.test_client()
    assert client.get("/mijn-account", headers={"Authentication-Token": issued}).status_code == 303
    assert client.get("/mijn-account", query_string={"auth_token": issued}).status_code == 303
    assert client.get("/mijn-account", json={"auth_token": issued}).status_code == 303
    assert client.get("/mijn-account", headers={"Authorization": f"Bearer {issued}"}).status_code == 303


def test_no_form_makes_a_cookie_that_logs_in_by_itself(app: Flask, client: FlaskClient) -> None:
    page = client.get("/inloggen").text
    data = {"email": "anna@voorbeeldstad.example", "password": people.PASSWORD, "remember": "y"}
    client.post("/inloggen", data=data | {"csrf_token": csrf(page)})
    page = client.get("/inloggen/code").text
    client.post("/inloggen/code", data={"code": code_of(app, "anna"), "remember": "y", "csrf_token": csrf(page)})
    assert logged_in(client)
    assert client.get_cookie("remember_token") is None
    client.delete_cookie("sessie")
    assert not logged_in(client)


def test_on_https_every_cookie_is_secure_and_for_this_host_only(secure: Flask) -> None:
    client = secure.test_client()
    page = client.get("/inloggen", base_url=HOST)
    cookie = page.headers["Set-Cookie"]
    assert cookie.startswith("__Host-sessie=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} == {part.strip() for part in cookie.split(";")[1:]}
    data = {"email": "anna@voorbeeldstad.example", "password": people.PASSWORD, "csrf_token": csrf(page.text)}
    client.post("/inloggen", data=data, base_url=HOST, headers={"Referer": f"{HOST}/inloggen"})
    page = client.get("/inloggen/code", base_url=HOST)
    data = {"code": code_of(secure, "anna"), "csrf_token": csrf(page.text)}
    answer = client.post("/inloggen/code", data=data, base_url=HOST, headers={"Referer": f"{HOST}/inloggen/code"})
    assert answer.status_code == 303
    cookies = answer.headers.getlist("Set-Cookie")
    assert sorted(cookie.split("=")[0] for cookie in cookies) == ["__Host-apparaat", "__Host-sessie"]
    for cookie in cookies:
        parts = {part.strip() for part in cookie.split(";")[1:]}
        assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= parts
        assert not any(part.startswith("Domain") for part in parts)
    assert client.get("/mijn-account", base_url=HOST).status_code == 200


# Guessing at the login page


def test_too_many_wrong_passwords_say_how_long_to_wait_and_keep_the_address(client: FlaskClient) -> None:
    for _ in range(5):
        assert post(client, "/inloggen", WRONG).status_code == 422
    answer = post(client, "/inloggen", WRONG)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "1"
    assert "Wacht 1 seconde en probeer het dan opnieuw" in answer.text
    assert WRONG["email"] in answer.text
    assert WRONG["password"] not in answer.text


def test_unknown_people_are_slowed_down_as_known_ones_are(app: Flask) -> None:
    answers = []
    for email in (WRONG["email"], "niemand@voorbeeldstad.example"):
        client = app.test_client()
        client.environ_base["REMOTE_ADDR"] = f"192.0.2.{len(email)}"
        statuses = [post(client, "/inloggen", WRONG | {"email": email}).status_code for _ in range(6)]
        answers.append(statuses)
    assert answers[0] == answers[1] == [422] * 5 + [429]


def test_the_owner_gets_in_while_others_guess(app: Flask) -> None:
    for number in range(60):
        attacker = app.test_client()
        attacker.environ_base["REMOTE_ADDR"] = f"198.51.100.{number}"
        post(attacker, "/inloggen", WRONG)
    anna = app.test_client()
    anna.environ_base["REMOTE_ADDR"] = "192.0.2.9"
    assert log_in(app, anna, "anna").status_code == 303


def test_a_known_browser_is_not_slowed_down_by_a_guesser_in_the_same_office(app: Flask) -> None:
    anna = app.test_client()
    log_in(app, anna, "anna")
    post(anna, "/uitloggen")
    attacker = app.test_client()
    for _ in range(6):
        post(attacker, "/inloggen", WRONG)
    assert post(app.test_client(), "/inloggen", WRONG | {"password": people.PASSWORD}).status_code == 429
    assert give_password(anna, "anna").location == "/inloggen/code"


def test_a_header_of_the_visitor_does_not_change_the_source(app: Flask, client: FlaskClient) -> None:
    for number in range(5):
        client.environ_base["HTTP_X_FORWARDED_FOR"] = f"203.0.113.{number}"
        client.environ_base["HTTP_FORWARDED"] = f"for=203.0.113.{number}"
        client.environ_base["HTTP_X_REAL_IP"] = f"203.0.113.{number}"
        post(client, "/inloggen", WRONG)
    assert post(client, "/inloggen", WRONG).status_code == 429
    with app.app_context():
        sources = set(db.session.scalars(select(AuditPrivate.value).where(AuditPrivate.name == "source")))
    assert sources == {"127.0.0.1"}


def test_behind_one_proxy_only_what_that_proxy_adds_is_the_source(app: Flask) -> None:
    behind = create_app(replace(app.extensions["keyservice.settings"], proxy_hops=1))
    client = behind.test_client()
    for number in range(5):
        client.environ_base["HTTP_X_FORWARDED_FOR"] = f"203.0.113.{number}, 192.0.2.1"
        post(client, "/inloggen", WRONG)
    assert post(client, "/inloggen", WRONG).status_code == 429
    client.environ_base["HTTP_X_FORWARDED_FOR"] = "192.0.2.2"
    assert post(client, "/inloggen", WRONG).status_code == 422
    with behind.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("email", ["anna@voorbeeldstad.example", "niemand@voorbeeldstad.example", "blocked"])
def test_known_and_unknown_people_cost_the_same_hashing(
    app: Flask, client: FlaskClient, monkeypatch: pytest.MonkeyPatch, email: str
) -> None:
    if email == "blocked":
        email = "bea@voorbeeldstad.example"
        with app.app_context(), transaction() as session:
            session.execute(update(Account).where(Account.email == email).values(active=False))
    computed: list[str] = []
    context = app.extensions["security"].pwd_context
    for name in ("verify", "hash"):
        real = getattr(context, name)

        def counted(*values: object, real: Callable[..., object] = real, name: str = name) -> object:
            computed.append(name)
            return real(*values)

        monkeypatch.setattr(context, name, counted)
    post(client, "/inloggen", {"email": email, "password": "verkeerd-wachtwoord"})
    assert computed == ["verify"]


def test_step_up_is_slowed_down_and_loses_nothing_that_was_typed(app: Flask, browser_of: Browser) -> None:
    with time_machine.travel(datetime.now(UTC), tick=True) as time:
        ben = browser_of("ben")
        time.shift(timedelta(minutes=11))
        data = {"_wachtwoord": "verkeerd-wachtwoord", "phone": "010 200 00 01"}
        statuses = [post(ben, "/gemeenten/9998/telefoon", data).status_code for _ in range(6)]
        assert statuses == [422] * 5 + [429]
        answer = post(ben, "/gemeenten/9998/telefoon", data)
        assert "010 200 00 01" in answer.text
        assert "verkeerd-wachtwoord" not in answer.text


# Devices


def test_a_new_browser_is_told_to_the_owner_and_a_known_one_is_not(app: Flask, client: FlaskClient) -> None:
    with time_machine.travel(datetime.now(UTC), tick=True) as time:
        log_in(app, client, "anna")
        assert mails(app, "account-new-device") == 0, "the first one of all is no news"
        post(client, "/uitloggen")
        time.shift(timedelta(minutes=2))
        log_in(app, client, "anna")
        assert mails(app, "account-new-device") == 0
        time.shift(timedelta(minutes=2))
        log_in(app, app.test_client(), "anna")
        assert mails(app, "account-new-device") == 1
    device = token(client, "apparaat")
    with app.app_context():
        rows = db.session.scalars(select(KnownDevice)).all()
        assert token_digest(device) in {row.digest for row in rows}
        assert all(device.encode() not in row.digest for row in rows)


def test_the_cookie_of_a_device_opens_nothing(app: Flask, client: FlaskClient) -> None:
    log_in(app, client, "anna")
    thief = app.test_client()
    thief.set_cookie("apparaat", token(client, "apparaat"))
    assert not logged_in(thief)


@pytest.mark.parametrize("odd", ["", "x", "x" * 43 + ";", "é" * 43, "x" * 4_000])
def test_an_odd_cookie_of_a_device_is_replaced(app: Flask, client: FlaskClient, odd: str) -> None:
    client.set_cookie("apparaat", odd)
    assert log_in(app, client, "anna").status_code == 303
    assert len(token(client, "apparaat")) == 43


def test_a_browser_is_named_in_our_words_only(app: Flask, client: FlaskClient) -> None:
    client.environ_base["HTTP_USER_AGENT"] = "<script>alert(1)</script> Chrome/1 Android"
    log_in(app, client, "anna")
    with app.app_context():
        names = set(db.session.scalars(select(Session.browser)))
    assert names == {"Chrome op Android"}

"""The page for another password: the old one is asked, all other sessions end, the owner is told."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from passlib.context import CryptContext
from sqlalchemy import select

from keyservice.accounts import passwords
from keyservice.accounts.models import Account
from keyservice.audit.models import AuditEvent
from keyservice.database import db, transaction
from keyservice.demo import people
from keyservice.kernel.secret import Secret
from keyservice.outbox.models import OutboxMessage
from tests.conftest import post
from tests.factories.logins import give_password
from tests.pages import check

Browser = Callable[[str], FlaskClient]
URL, NEW = "/mijn-account/wachtwoord", "zwaluw kraan lamp fiets"


def change(client: FlaskClient, current: str = people.PASSWORD, new: str = NEW, again: str = NEW) -> tuple[int, str]:
    answer = post(client, URL, {"password": current, "new_password": new, "new_password_again": again})
    return answer.status_code, answer.text


def stored(app: Flask) -> str:
    with app.app_context():
        return db.session.get_one(Account, people.person_id("anna")).password


def codes(app: Flask) -> list[str]:
    with app.app_context():
        return list(db.session.scalars(select(AuditEvent.code)))


def test_a_person_changes_the_password_and_all_other_sessions_end(app: Flask, browser_of: Browser) -> None:
    anna, elsewhere = browser_of("anna"), browser_of("anna")
    before = anna.get_cookie("sessie")
    assert change(anna)[0] == 303
    after = anna.get_cookie("sessie")
    assert before is not None
    assert after is not None
    assert before.value != after.value, "this session goes on under another token"
    assert "Uw wachtwoord is veranderd" in anna.get("/mijn-account").text
    assert elsewhere.get("/mijn-account").status_code == 303
    thief = app.test_client()
    thief.set_cookie("sessie", before.value)
    assert thief.get("/mijn-account").status_code == 303, "a cookie from before is worth nothing"
    assert "account:change-password" in codes(app)
    with app.app_context():
        assert "account-password-changed" in set(db.session.scalars(select(OutboxMessage.kind)))
        assert passwords.fits(db.session.get_one(Account, people.person_id("anna")).password, NEW)
    assert give_password(app.test_client(), "anna").status_code == 422, "the old one does not work any more"


@pytest.mark.parametrize(
    ("typed", "fault"),
    [
        ({"current": "verkeerd-wachtwoord"}, "Dit is niet uw wachtwoord van nu"),
        ({"new": "kort", "again": "kort"}, "Gebruik minstens 12 tekens"),
        ({"new": "voorbeeldstad2026", "again": "voorbeeldstad2026"}, "lijkt op uw naam"),
        ({"again": "iets heel anders"}, "zijn niet gelijk"),
        ({"current": ""}, "Vul uw wachtwoord van nu in"),
        ({"new": "", "again": ""}, "Vul een nieuw wachtwoord in"),
    ],
)
def test_a_fault_stands_at_its_field_and_changes_nothing(
    app: Flask, browser_of: Browser, typed: dict[str, str], fault: str
) -> None:
    anna, elsewhere, before = browser_of("anna"), browser_of("anna"), stored(app)
    status, page = change(anna, **typed)
    assert status == 422
    assert fault in page
    assert "<title>Fout: Wachtwoord veranderen" in page
    assert NEW not in page, "a password is not sent back"
    assert stored(app) == before
    assert elsewhere.get("/mijn-account").status_code == 200


def test_all_faults_are_told_at_once(browser_of: Browser) -> None:
    status, page = change(browser_of("anna"), "verkeerd-wachtwoord", "123456789012", "123456789012")
    assert status == 422
    assert "Dit is niet uw wachtwoord van nu" in page
    assert "makkelijk te raden" in page


def test_the_old_password_cannot_be_guessed_in_a_stolen_session(app: Flask, browser_of: Browser) -> None:
    thief = browser_of("anna")
    for _ in range(5):
        assert change(thief, "verkeerd-wachtwoord")[0] == 422
    answer = post(thief, URL, {"password": people.PASSWORD, "new_password": NEW, "new_password_again": NEW})
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] in {"1", "2"}
    assert "en probeer het dan opnieuw" in answer.text
    assert NEW not in answer.text, "nothing secret travels along for the next try"
    assert "account:change-password" not in codes(app)


def test_the_page_lets_managers_of_passwords_help(browser_of: Browser) -> None:
    page = browser_of("anna").get(URL).text
    assert page.count('autocomplete="new-password"') == 2
    assert 'autocomplete="current-password"' in page
    assert "onpaste" not in page
    assert "maxlength" not in page


def test_a_visitor_cannot_change_a_password(client: FlaskClient) -> None:
    assert client.get(URL).status_code == 303


def test_the_same_letters_fit_however_the_keyboard_composes_them(app: Flask) -> None:
    composed, decomposed = "caf\u00e9 kraan lamp fiets", "cafe\u0301 kraan lamp fiets"
    with app.app_context():
        assert passwords.fits(passwords.hashed(Secret(composed)), decomposed)


@pytest.mark.parametrize("nothing", [None, ""])
def test_an_account_without_a_password_is_not_opened_by_any(app: Flask, nothing: str | None) -> None:
    with app.app_context():
        assert not passwords.fits(nothing, "")
        assert not passwords.fits(nothing, people.PASSWORD)


@pytest.mark.parametrize("typed", ["a" * 129, "a" * 4097, people.PASSWORD + " " * 5000, "\ufdfa" * 4000, "a\0b"])
def test_a_password_longer_or_odder_than_any_does_not_fit_and_does_not_fail(
    app: Flask, client: FlaskClient, browser_of: Browser, typed: str
) -> None:
    with app.app_context():
        assert not passwords.fits(stored_hash(), typed)
    data = {"email": "anna@voorbeeldstad.example", "password": typed}
    assert post(client, "/inloggen", data).status_code == 422
    assert change(browser_of("anna"), typed)[0] == 422


def stored_hash() -> str:
    return db.session.get_one(Account, people.person_id("anna")).password


def test_who_has_no_password_reads_where_it_is_changed(app: Flask, browser_of: Browser) -> None:
    with app.app_context(), transaction() as session:
        session.get_one(Account, people.person_id("anna")).password = ""
    anna = browser_of("anna")
    page = anna.get(URL).text
    check(page)
    assert "U hebt hier geen wachtwoord" in page
    assert change(anna)[0] == 200
    assert stored(app) == ""


def test_the_hash_checked_for_nobody_costs_what_a_real_one_costs(app: Flask) -> None:
    costs = CryptContext(["argon2"]).hash("any").rsplit("$", 2)[0]
    assert passwords.DECOY.startswith(f"{costs}$")

"""Pages that somebody changed before sending them, or filled with what should never be typed."""

from collections.abc import Callable
from urllib.parse import quote

import pytest
from flask import Flask
from flask.testing import FlaskClient

from keyservice.aanvragen import review
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Step
from keyservice.database import db
from keyservice.kernel.passwords import new_password
from keyservice.sleutels.format import Omgeving, new_key
from tests.conftest import post
from tests.factories.aanvragen import actor, ready
from tests.factories.contacts import contact, unproven

Browser = Callable[[str], FlaskClient]
KEY = new_key(Omgeving.PRODUCTIE).reveal()
PASSWORD = new_password().reveal()
CHECKED = dict.fromkeys(("gemeente", "contacts", "software", "signer"), "y") | {"motivation": "Alles klopt, gebeld."}


def test_an_approval_without_the_hash_of_what_was_seen_is_refused(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        aanvraag_id = ready()
        review.take_step(actor("rik"), aanvraag_id, Step.TAKE_UP)
    url, rik = f"/dossiers/{aanvraag_id}/goedkeuren", browser_of("rik")
    assert post(rik, url, CHECKED, step_up=True).status_code == 409
    with app.app_context():
        assert db.session.get_one(Aanvraag, aanvraag_id).status == "in_review"


def test_vouching_without_the_fingerprint_of_who_was_seen_is_refused(app: Flask, browser_of: Browser) -> None:
    with app.app_context():
        case = unproven()
    by_gemeente, by_call = f"{case.pages}/{case.key}/instaan", f"/dossiers/{case.aanvraag}/contactpersonen"
    called = {"nummer": "+31102000000", "gebeld": "y"}
    assert post(browser_of("gert"), by_gemeente, {"bekend": "y"}, step_up=True).status_code == 409
    assert post(browser_of("rik"), f"{by_call}/{case.password}/instaan", called, step_up=True).status_code == 409
    with app.app_context():
        assert contact(case.key).vouched_by is None
        assert contact(case.password).vouched_by is None


@pytest.mark.parametrize("secret", [KEY, PASSWORD], ids=["key", "password"])
@pytest.mark.parametrize("action", ["", "nieuwe-code"])
def test_i6_a_secret_typed_on_the_public_page_is_not_shown_back(client: FlaskClient, secret: str, action: str) -> None:
    for typed in ({"nummer": secret, "code": ""}, {"nummer": "x", "code": secret}):
        answer = post(client, "/bevestigen", {**typed, "actie": action})
        assert answer.status_code == 422
        assert secret not in answer.text
        assert "Hier staat een sleutel of wachtwoord" in answer.text


def test_i6_a_secret_typed_into_a_search_is_not_shown_back(browser_of: Browser) -> None:
    ada, rik = browser_of("ada"), browser_of("rik")
    for name in ("dossier", "persoon", "gemeente", "handeling", "vanaf", "tot", "na"):
        assert KEY not in ada.get(f"/gebeurtenissen?{name}={quote(KEY)}").text
    for name in ("zoek", "status", "omgeving", "gemeente", "na"):
        assert KEY not in rik.get(f"/werkvoorraad?{name}={quote(KEY)}").text
    assert KEY not in ada.get(f"/gemeenten?zoek={quote(KEY)}").text


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"])
def test_a_page_beyond_the_calendar_is_not_there(browser_of: Browser, moment: str) -> None:
    cursor = f"0_{moment}_00000000-0000-0000-0000-000000000000"
    assert browser_of("rik").get(f"/werkvoorraad?na={cursor}").status_code == 404


@pytest.mark.parametrize("code", ["%00", "a%00b", "%ED%A0%80", "9998%0d%0aX: y"])
def test_a_gemeente_with_odd_characters_is_not_there(browser_of: Browser, code: str) -> None:
    assert browser_of("ben").get(f"/gemeenten/{code}/telefoon").status_code == 404

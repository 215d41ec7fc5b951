"""The public page on which anybody shows a key that he found."""

from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient

from keyservice.issuance import service
from keyservice.sleutels.format import Omgeving, new_key
from tests.conftest import post, without_csrf
from tests.factories.aanvragen import actor
from tests.factories.issuance import Held, held, issuance, issued
from tests.pages import check

URL = "/gelekte-sleutel"


@pytest.fixture
def active(app: Flask) -> tuple[UUID, Held]:
    with app.app_context():
        issuance_id = issued()
        both = held(issuance_id)
        service.activate(actor("anna"), issuance_id, both.code)
        return issuance(issuance_id).aanvraag_id, both


def test_the_page_is_linked_from_every_page_and_from_security_txt(client: FlaskClient) -> None:
    assert f'href="{URL}"' in client.get("/").text
    assert f'href="{URL}"' in client.get("/kwetsbaarheid-melden").text
    assert URL in client.get("/.well-known/security.txt").text
    page = client.get(URL).text
    check(page)
    assert "asl_[ap]_[0-9A-Za-z]{38}" in page


def test_the_answer_is_the_same_for_a_key_that_works_and_one_that_never_existed(
    app: Flask, active: tuple[UUID, Held]
) -> None:
    answers = []
    for key in (active[1].key.reveal(), new_key(Omgeving.PRODUCTIE).reveal(), active[1].key.reveal()):
        browser = app.test_client()
        answer = post(browser, URL, {"sleutel": key, "gevonden_op": "Op internet"})
        shown = browser.get(answer.location)
        check(shown.text)
        answers.append(
            (answer.status_code, answer.location, answer.data, shown.status_code, without_csrf_of(shown.text))
        )
    assert answers[0] == answers[1] == answers[2]
    assert "Dank u. Als dit een geldige sleutel is, werkt hij nu niet meer." in answers[0][-1]


def without_csrf_of(page: str) -> str:
    return without_csrf(page) if 'name="csrf_token"' in page else page


@pytest.mark.parametrize(
    ("typed", "said"),
    [
        ("", "Plak de sleutel die u vond."),
        ("SL-2026-00777", "Het nummer van een sleutel (SL-…) is niet genoeg."),
        ("asl_p_" + "Ab3" * 12 + "zz", "Hier staat geen hele sleutel in."),
        (" ".join(new_key(Omgeving.PRODUCTIE).reveal() for _ in range(101)), "Meld hoogstens 100 sleutels tegelijk."),
    ],
)
def test_what_holds_no_key_is_told_and_never_shown_back(client: FlaskClient, typed: str, said: str) -> None:
    answer = post(client, URL, {"sleutel": typed, "gevonden_op": "In een map"})
    assert answer.status_code == 422
    check(answer.text)
    assert said in answer.text
    assert "In een map" in answer.text
    assert not typed or typed not in answer.text


def test_a_page_of_an_old_session_and_a_long_wait_do_not_show_the_key_back(app: Flask, client: FlaskClient) -> None:
    key = new_key(Omgeving.PRODUCTIE).reveal()
    stale = client.post(URL, data={"sleutel": f"k={key}", "gevonden_op": "In een map"})
    assert (stale.status_code, key in stale.text) == (400, False)
    for _ in range(30):
        answer = post(client, URL, {"sleutel": new_key(Omgeving.PRODUCTIE).reveal(), "gevonden_op": "In een map"})
    assert answer.status_code == 429
    assert int(answer.headers["Retry-After"]) > 0
    assert "asl_p_" not in answer.text


def test_the_gemeente_reads_it_and_starts_the_replacement_with_one_button(
    app: Flask, browser_of: object, active: tuple[UUID, Held]
) -> None:
    aanvraag, both = active
    post(app.test_client(), URL, {"sleutel": both.key.reveal(), "gevonden_op": "Op een forum"})
    anna = browser_of("anna")  # type: ignore[operator]  # a function of conftest
    page = anna.get(f"/aanvragen/{aanvraag}").text
    check(page)
    assert "Uw sleutel is gevonden en werkt niet meer" in page
    assert "Op een forum" not in page
    started = post(anna, f"/aanvragen/{aanvraag}/vervangen")
    assert started.status_code == 303
    assert "Vervanging aanvragen" not in anna.get(f"/aanvragen/{aanvraag}").text


def test_duo_reads_where_it_was_found(app: Flask, browser_of: object, active: tuple[UUID, Held]) -> None:
    aanvraag, both = active
    post(app.test_client(), URL, {"sleutel": both.key.reveal(), "gevonden_op": "Op een forum"})
    page = browser_of("rik").get(f"/dossiers/{aanvraag}").text  # type: ignore[operator]  # a function of conftest
    assert "Iemand vond de sleutel en meldde dat." in page
    assert "Op een forum" in page

"""What a page gives back after a stale session: what was typed, never a secret, and nothing to a foreign page."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.datastructures import MultiDict

from keyservice.accounts.models import Session
from keyservice.database import db
from keyservice.demo import people
from keyservice.kernel.passwords import new_password
from keyservice.sleutels.format import Omgeving, new_key
from tests.conftest import csrf, post
from tests.pages import check

KEY = new_key(Omgeving.PRODUCTIE).reveal()
PASSWORD = new_password().reveal()
PRIVATE_KEY = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----"


@pytest.mark.parametrize("secret", [KEY, PASSWORD, PRIVATE_KEY], ids=["key", "password", "private key"])
def test_i6_a_stale_form_keeps_what_was_typed_but_no_secret(client: FlaskClient, secret: str) -> None:
    answer = client.post("/inloggen", data={"toelichting": f"Zie {secret}", "naam": "Anna", secret: "1"})
    assert answer.status_code == 400
    assert 'name="naam" value="Anna"' in answer.text
    assert 'name="toelichting" value=""' in answer.text
    assert secret.splitlines()[0] not in answer.text
    check(answer.text)


def test_i6_a_secret_in_an_address_goes_nowhere_else(client: FlaskClient) -> None:
    assert KEY not in client.post(f"/inloggen?zoek={KEY}").text
    assert client.get(f"/aanvragen?voor={KEY}").location == "/inloggen?next=/aanvragen"
    assert client.get("/aanvragen?voor=iets").location == "/inloggen?next=/aanvragen?voor%3Diets"


def test_a_stale_form_keeps_a_postcode_but_no_code_and_says_what_is_to_be_filled_in_again(client: FlaskClient) -> None:
    answer = client.post("/gemeenten/9999/adres", data={"postcode": "1234 AB", "code": "12345678", "bsn": "999990019"})
    assert answer.status_code == 400
    assert 'name="postcode" value="1234 AB"' in answer.text
    assert "12345678" not in answer.text
    assert "999990019" not in answer.text
    assert "behalve een wachtwoord, code of BSN" in answer.text
    check(answer.text)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_form_that_a_foreign_page_sent_is_not_offered_to_be_sent_again(client: FlaskClient, site: str) -> None:
    answer = client.post("/aanvragen/nieuw", data={"naam": "Van elders"}, headers={"Sec-Fetch-Site": site})
    assert answer.status_code == 400
    assert "Van elders" not in answer.text
    assert "Opnieuw versturen" not in answer.text
    assert "Set-Cookie" not in answer.headers, "the session of the person stays"
    check(answer.text)


def test_of_more_fields_than_any_form_has_the_rest_is_left_out(client: FlaskClient) -> None:
    answer = client.post("/inloggen", data=MultiDict([("naam", "Anna"), *[("a", "b")] * 5000]))
    assert answer.status_code == 400
    assert 'name="naam" value="Anna"' in answer.text
    assert answer.text.count('name="a"') == 199


def test_i6_a_key_typed_as_mail_address_or_pasted_into_the_next_address_is_not_sent_back(
    app: Flask, client: FlaskClient
) -> None:
    assert KEY not in client.get("/inloggen", query_string={"next": f"/?zoek={KEY}"}).text
    data = {"email": KEY, "password": "x", "next": f"/?zoek={KEY}"}
    answer = post(client, f"/inloggen?next=/{KEY}", data)
    assert answer.status_code == 422
    assert "Hier staat een sleutel of wachtwoord" in answer.text
    assert KEY not in answer.text
    check(answer.text)
    data = {"email": "anna@voorbeeldstad.example", "password": people.PASSWORD, "next": f"/?zoek={KEY}"}
    assert post(client, f"/inloggen?next=/{KEY}", data).status_code == 303
    with app.app_context():
        assert KEY not in " ".join(db.session.scalars(select(Session.data)))


def test_i6_the_page_that_asks_for_the_password_again_sends_no_secret_back(
    browser_of: Callable[[str], FlaskClient],
) -> None:
    gert = browser_of("gert")
    with gert.session_transaction() as session:
        session["fs_paa"] = 0.0
    token = csrf(gert.get("/contact").text)
    fields = [("csrf_token", token), ("naam", KEY), ("email", "n@voorbeeldstad.example"), *[("veel", "x")] * 5000]
    for password in (None, "verkeerd"):
        typed = MultiDict([*fields, *([("_wachtwoord", password)] if password else [])])
        answer = gert.post(f"/collega-s/uitnodigen?zoek={KEY}", data=typed)
        assert answer.status_code == (422 if password else 403)
        assert KEY not in answer.text
        assert 'name="email" value="n@voorbeeldstad.example"' in answer.text
        assert answer.text.count('name="veel"') < 200
        check(answer.text)

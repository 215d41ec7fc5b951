"""Who came through a provider proves himself again there, and loses nothing that was typed."""

import json
import time
from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from keyservice.accounts import oidc
from keyservice.accounts.models import Account, Session
from keyservice.database import db, transaction
from keyservice.demo import people
from keyservice.gemeenten.queries import gemeente
from tests.conftest import csrf
from tests.factories.oidc import (
    bind,
    from_provider,
    provider,
    refused,
    round_trip,
    settings_of,
    to_provider,
    trail,
    with_providers,
)
from tests.fake_provider import Provider

LOGIN, PHONE, AGAIN = "/inloggen/via/duo", "/gemeenten/9998/telefoon", "/inloggen/bevestigen"
NUMBER = "040 123 45 67"
NOT_SURE = "Wij weten nog niet zeker dat u het bent"

__all__ = ["provider"]


@pytest.fixture
def service(app: Flask, provider: Provider) -> Iterator[Flask]:
    """Return the application with a provider for DUO, at which Ben is known."""
    with with_providers(app, settings_of(provider.issuer, "duo")) as made:
        bind(made, "ben", provider.issuer, provider.subject)
        yield made


@pytest.fixture
def ben(service: Flask, provider: Provider) -> FlaskClient:
    """Return a browser in which Ben logged in an hour ago, as the provider says."""
    client = service.test_client()
    provider.claims = {"auth_time": int(time.time()) - 3600}
    assert round_trip(client, LOGIN).status_code == 303
    provider.claims = {}
    return client


def change_number(client: FlaskClient, **more: str) -> TestResponse:
    page = client.get(PHONE).text
    return client.post(PHONE, data={"csrf_token": csrf(page), "telefoon": NUMBER, **more})


def number(app: Flask) -> str | None:
    with app.app_context():
        found = gemeente("9998")
        assert found
        return found.phone


def send(client: FlaskClient, page: str) -> TestResponse:
    """Choose "Verder" on the page with what was parked."""
    fields = {"csrf_token": csrf(page), "telefoon": page.split('name="telefoon" value="', 1)[1].split('"', 1)[0]}
    return client.post(page.split("<main", 1)[1].split('action="', 1)[1].split('"', 1)[0], data=fields)


def session_rows(app: Flask) -> list[dict[str, object]]:
    with app.app_context():
        return [json.loads(data) for data in db.session.scalars(select(Session.data))]


def test_what_was_sent_waits_while_its_person_is_at_the_provider(
    service: Flask, ben: FlaskClient, provider: Provider
) -> None:
    before = number(service)
    asked = change_number(ben)
    refused(asked, "Bevestig dat u het bent")
    assert number(service) == before
    assert all(NUMBER not in str(row) for row in session_rows(service)), "sealed"
    answer = round_trip(ben, AGAIN)
    assert (answer.status_code, answer.location) == (303, "/inloggen/verder")
    assert (provider.asked[-1]["prompt"], provider.asked[-1]["max_age"]) == ("login", "0")
    page = ben.get("/inloggen/verder").text
    assert "Ga verder waar u was" in page
    assert number(service) == before, "coming back sends nothing by itself"
    assert send(ben, page).status_code == 303
    assert number(service) == "+31401234567"
    assert all(oidc.PARKED not in row for row in session_rows(service)), "gone after use"
    assert '"event":"account:step-up"' in trail(service)
    assert '"factor":"oidc"' in trail(service)
    assert change_number(ben).status_code == 303, "fresh for ten minutes"


def test_no_second_factor_of_our_own_is_asked(ben: FlaskClient) -> None:
    assert ben.get("/gemeenten").status_code == 200


def test_a_login_of_which_the_provider_does_not_say_when_counts_for_no_act_that_gives(
    service: Flask, provider: Provider
) -> None:
    client = service.test_client()
    provider.claims = {"auth_time": None}
    assert round_trip(client, LOGIN).status_code == 303
    refused(change_number(client), "Bevestig dat u het bent")


@pytest.mark.parametrize("seconds", [-3600, -61, 3600])
def test_a_stale_or_future_auth_time_does_not_count(
    service: Flask, ben: FlaskClient, provider: Provider, seconds: int
) -> None:
    change_number(ben)
    provider.claims = {"auth_time": int(time.time()) + seconds}
    answer = round_trip(ben, AGAIN)
    refused(answer, NOT_SURE)
    assert AGAIN in answer.text
    assert "oidc-auth-time" in trail(service)
    refused(change_number(ben), "Bevestig dat u het bent")
    provider.claims = {}
    assert round_trip(ben, AGAIN).location == "/inloggen/verder"
    assert send(ben, ben.get("/inloggen/verder").text).status_code == 303


@pytest.mark.parametrize("known", [False, True])
def test_another_subject_does_not_count(service: Flask, ben: FlaskClient, provider: Provider, *, known: bool) -> None:
    if known:
        bind(service, "rik", provider.issuer, "een-ander")
    change_number(ben)
    provider.subject = "een-ander"
    refused(round_trip(ben, AGAIN), "U hebt ingelogd als iemand anders")
    assert "oidc-other-subject" in trail(service)
    refused(change_number(ben), "Bevestig dat u het bent")


def test_a_wrong_level_and_breaking_off_do_not_count(ben: FlaskClient, provider: Provider) -> None:
    change_number(ben)
    provider.claims = {"acr": "een-stap"}
    refused(round_trip(ben, AGAIN), "Log in met twee stappen")
    provider.claims, provider.refuses = {}, "login_required"
    refused(round_trip(ben, AGAIN), "Inloggen is niet gelukt")
    refused(change_number(ben), "Bevestig dat u het bent")


def test_the_round_trip_of_a_login_is_no_step_up(service: Flask, ben: FlaskClient) -> None:
    visitor = service.test_client()
    back = from_provider(to_provider(visitor, LOGIN))
    refused(ben.get(back), "Inloggen is niet gelukt")
    assert ben.get(LOGIN).location == "/"
    refused(change_number(ben), "Bevestig dat u het bent")


def test_somebody_who_logged_out_meanwhile_confirms_nothing(ben: FlaskClient) -> None:
    change_number(ben)
    back = from_provider(to_provider(ben, AGAIN))
    ben.post("/uitloggen", data={"csrf_token": csrf(ben.get("/contact").text)})
    refused(ben.get(back), "U bent intussen uitgelogd")
    assert ben.get("/inloggen/verder").status_code == 303


def test_a_provider_that_cannot_tell_when_leaves_the_password(
    service: Flask, ben: FlaskClient, provider: Provider
) -> None:
    change_number(ben)
    provider.claims = {"auth_time": None}
    answer = round_trip(ben, AGAIN)
    refused(answer, NOT_SURE)
    assert "/inloggen/verder" in answer.text
    asked = send(ben, ben.get("/inloggen/verder").text)
    assert (asked.status_code, "Wachtwoord" in asked.text) == (403, True)
    assert change_number(ben, _wachtwoord="fout").status_code == 422
    assert change_number(ben, _wachtwoord=people.PASSWORD).status_code == 303
    assert number(service) == "+31401234567"


def test_a_provider_that_cannot_and_no_password_is_a_clear_page(
    service: Flask, ben: FlaskClient, provider: Provider
) -> None:
    with service.app_context(), transaction() as session:
        account = session.get_one(Account, people.person_id("ben"))
        account.password = ""
        account.webauthn.clear()
    change_number(ben)
    provider.claims = {"auth_time": None}
    refused(round_trip(ben, AGAIN), "U kunt deze stap nu niet doen")
    refused(change_number(ben, _wachtwoord=""), "U kunt deze stap nu niet doen")
    assert "oidc-no-factor" in trail(service)


def test_a_form_too_long_to_park_stays_in_the_page(service: Flask, ben: FlaskClient) -> None:
    page = change_number(ben, opmerking="x" * oidc.LONGEST_PARKED).text
    assert 'target="_blank"' in page
    assert f'name="telefoon" value="{NUMBER}"' in page
    assert all(oidc.PARKED not in row for row in session_rows(service))
    assert round_trip(ben, AGAIN).location == "/inloggen/verder"
    assert "U bent ingelogd" in ben.get("/inloggen/verder").text
    assert send(ben, page).status_code == 303


def test_a_typed_password_is_never_parked(service: Flask, ben: FlaskClient) -> None:
    change_number(ben, _wachtwoord="getypt-wachtwoord")
    round_trip(ben, AGAIN)
    page = ben.get("/inloggen/verder").text
    assert NUMBER in page
    assert "getypt-wachtwoord" not in page


def test_what_was_parked_is_not_for_the_next_person_in_the_same_browser(ben: FlaskClient) -> None:
    change_number(ben)
    ben.post("/uitloggen", data={"csrf_token": csrf(ben.get("/contact").text)})
    round_trip(ben, LOGIN)
    assert NUMBER not in ben.get("/inloggen/verder").text

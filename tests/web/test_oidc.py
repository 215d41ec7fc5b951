"""Logging in through a provider of OpenID Connect, over real HTTP: the good road, and every way in which it fails."""

import re
from collections.abc import Iterator

import oidc_provider_mock
import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from keyservice.accounts.models import Account
from keyservice.database import transaction
from keyservice.demo import people
from tests.factories.no_events import refuse_events
from tests.factories.oidc import (
    LOGIN,
    bind,
    from_provider,
    logged_in,
    provider,
    refused,
    round_trip,
    settings_of,
    to_provider,
    trail,
    with_providers,
)
from tests.fake_provider import ACR, CLIENT_ID, Provider, running
from tests.pages import check

__all__ = ["provider"]

BACK = "/inloggen/via/gemeente/terug"
UNKNOWN = "Wij kennen dit account niet"
NOT_DONE = "Inloggen is niet gelukt"


@pytest.fixture
def service(app: Flask, provider: Provider) -> Iterator[Flask]:
    """Return the application with a provider for gemeenten, at which Anna is known."""
    with with_providers(app, settings_of(provider.issuer)) as made:
        bind(made, "anna", provider.issuer, provider.subject)
        yield made


@pytest.fixture
def visitor(service: Flask) -> FlaskClient:
    return service.test_client()


def mock_round_trip(client: FlaskClient, audience: str, subject: str) -> TestResponse:
    address = to_provider(client, f"/inloggen/via/{audience}?next=/contact")
    answer = requests.post(address, data={"sub": subject}, allow_redirects=False, timeout=5)
    return client.get(answer.headers["Location"].removeprefix("http://localhost"))


@pytest.mark.parametrize(("audience", "login", "name"), [("gemeente", "anna", "Anna"), ("duo", "rik", "Rik")])
def test_a_person_logs_in_through_the_provider_of_the_own_audience(
    app: Flask, audience: str, login: str, name: str
) -> None:
    user = oidc_provider_mock.User(sub=f"{login}-7", claims={"acr": ACR})
    with oidc_provider_mock.run_server_in_thread(user_claims=[user], require_nonce=True) as server:
        issuer = f"http://localhost:{server.server_port}"
        with with_providers(app, settings_of(issuer, audience)) as made:
            bind(made, login, issuer, user.sub)
            client = made.test_client()
            assert mock_round_trip(client, audience, "niemand").status_code == 403
            answer = mock_round_trip(client, audience, user.sub)
            assert (answer.status_code, answer.location) == (303, "/contact"), answer.text
            assert name in client.get("/contact").text
            assert '"factors":["oidc"]' in trail(made)


def test_i3_nobody_is_let_in_when_the_event_of_it_cannot_be_written(service: Flask, visitor: FlaskClient) -> None:
    refuse_events(service)
    assert round_trip(visitor).status_code >= 400
    assert not logged_in(visitor)


def test_the_login_page_has_a_button_for_each_provider(visitor: FlaskClient) -> None:
    page = visitor.get("/inloggen?next=/namens").text
    check(page)
    assert "Inloggen met eHerkenning" in page
    assert 'href="/inloggen/via/gemeente?next=/namens"' in page


def test_without_a_provider_its_pages_are_not_there(client: FlaskClient) -> None:
    assert [client.get(url).status_code for url in (LOGIN, BACK, "/inloggen/via/duo")] == [404, 404, 404]
    assert "/inloggen/via/" not in client.get("/inloggen").text


def test_the_question_carries_pkce_state_nonce_and_level(visitor: FlaskClient, provider: Provider) -> None:
    round_trip(visitor)
    asked = provider.asked[0]
    assert asked["redirect_uri"] == f"http://localhost{BACK}"
    assert (asked["code_challenge_method"], asked["acr_values"], asked["scope"]) == ("S256", ACR, "openid")
    assert asked["state"]
    assert asked["nonce"]
    assert "prompt" not in asked
    assert logged_in(visitor)


def test_the_session_gets_a_new_token(visitor: FlaskClient) -> None:
    address = to_provider(visitor)
    before = visitor.get_cookie("sessie")
    visitor.get(from_provider(address))
    after = visitor.get_cookie("sessie")
    assert before
    assert after
    assert before.value != after.value


@pytest.mark.parametrize(
    "elsewhere",
    ["https://kwaad.example/", "//kwaad.example", "/\\kwaad.example", "\\\\kwaad.example", "javascript:x", "/\tx", "x"],
)
def test_next_never_leads_elsewhere(visitor: FlaskClient, elsewhere: str) -> None:
    address = visitor.get(LOGIN, query_string={"next": elsewhere}).location
    assert address
    assert visitor.get(from_provider(address)).location == "/"


def test_the_host_header_does_not_choose_where_the_provider_sends_people(
    visitor: FlaskClient, provider: Provider
) -> None:
    answer = visitor.get(LOGIN, headers={"Host": "kwaad.example", "X-Forwarded-Host": "kwaad.example"})
    assert "kwaad.example" not in answer.location
    assert from_provider(answer.location).startswith(BACK)
    assert provider.asked[0]["redirect_uri"] == f"http://localhost{BACK}"


def test_an_unknown_subject_is_told_to_ask_for_an_invitation(
    service: Flask, visitor: FlaskClient, provider: Provider
) -> None:
    provider.subject = "iemand-anders"
    provider.claims = {"email": "anna@voorbeeldstad.example", "email_verified": True}
    answer = round_trip(visitor)
    refused(answer, UNKNOWN)
    assert "Vraag de beheerder binnen uw gemeente om een uitnodiging." in answer.text
    assert not logged_in(visitor)
    assert "oidc-unknown" in trail(service)


def test_an_account_that_is_switched_off_stays_out(service: Flask, visitor: FlaskClient) -> None:
    with service.app_context(), transaction() as session:
        session.get_one(Account, people.person_id("anna")).active = False
    refused(round_trip(visitor), UNKNOWN)
    assert not logged_in(visitor)
    assert "account:refuse-login" in trail(service)


def test_somebody_of_the_other_audience_is_refused(service: Flask, visitor: FlaskClient, provider: Provider) -> None:
    bind(service, "rik", provider.issuer, "rik-bij-de-verkeerde")
    provider.subject = "rik-bij-de-verkeerde"
    refused(round_trip(visitor), "U kunt niet inloggen met eHerkenning")
    assert not logged_in(visitor)
    assert "account:refuse-login" in trail(service)


def test_a_replayed_answer_is_refused(service: Flask, visitor: FlaskClient) -> None:
    back = from_provider(to_provider(visitor))
    other = service.test_client()
    refused(other.get(back), NOT_DONE)
    assert visitor.get(back).status_code == 303
    visitor.delete_cookie("sessie")
    refused(visitor.get(back), NOT_DONE)
    assert not logged_in(visitor)


def test_a_replayed_code_is_refused_in_a_round_trip_of_its_own(visitor: FlaskClient, service: Flask) -> None:
    first = from_provider(to_provider(visitor))
    assert visitor.get(first).status_code == 303
    thief = service.test_client()
    state = re.search(r"state=([^&]+)", to_provider(thief))
    code = re.search(r"code=([^&]+)", first)
    assert state
    assert code
    refused(thief.get(f"{BACK}?code={code[1]}&state={state[1]}"), NOT_DONE)
    assert not logged_in(thief)


@pytest.mark.parametrize("query", ["", "?code=x", "?code=x&state=", "?code=x&state=verzonnen", "?error=access_denied"])
def test_a_forged_state_is_refused(service: Flask, visitor: FlaskClient, query: str) -> None:
    to_provider(visitor)
    refused(visitor.get(BACK + query), NOT_DONE)
    assert "access:refuse-anonymous" in trail(service)


def test_breaking_off_at_the_provider_is_said_and_ends_the_state(visitor: FlaskClient, provider: Provider) -> None:
    provider.refuses = "access_denied"
    back = from_provider(to_provider(visitor))
    answer = visitor.get(back)
    refused(answer, NOT_DONE)
    assert "niet afgemaakt" in answer.text
    assert "niet afgemaakt" not in visitor.get(back).text


@pytest.mark.parametrize(
    ("claims", "title"),
    [
        ({"acr": "urn:voorbeeld:een-stap"}, "Log in met twee stappen"),
        ({"acr": None}, "Log in met twee stappen"),
        ({"acr": [ACR]}, "Log in met twee stappen"),
        ({"nonce": "een-andere"}, NOT_DONE),
        ({"nonce": None}, NOT_DONE),
        ({"iss": "https://een-ander.example"}, NOT_DONE),
        ({"aud": "een-ander"}, NOT_DONE),
        ({"aud": ["een-ander"], "azp": CLIENT_ID}, NOT_DONE),
        ({"exp": 1}, NOT_DONE),
        ({"exp": None}, NOT_DONE),
        ({"exp": "morgen"}, NOT_DONE),
        ({"iat": 4_000_000_000}, NOT_DONE),
        ({"sub": None}, NOT_DONE),
        ({"sub": ""}, NOT_DONE),
        ({"sub": 7}, NOT_DONE),
        ({"sub": "x" * 256}, NOT_DONE),
        ({"auth_time": "straks"}, NOT_DONE),
        ({"auth_time": 4_000_000_000}, "Wij weten nog niet zeker dat u het bent"),
    ],
)
def test_a_token_that_is_not_right_lets_nobody_in(
    visitor: FlaskClient, provider: Provider, claims: dict[str, object], title: str
) -> None:
    provider.claims = claims
    refused(round_trip(visitor), title)
    assert not logged_in(visitor)


@pytest.mark.parametrize("algorithm", ["none", "HS256"])
def test_a_token_without_a_signature_of_the_provider_lets_nobody_in(
    visitor: FlaskClient, provider: Provider, algorithm: str
) -> None:
    provider.discovery = {"id_token_signing_alg_values_supported": [algorithm, "ES256"]}
    provider.forged_with = algorithm
    refused(round_trip(visitor), NOT_DONE)
    assert not logged_in(visitor)


def test_a_token_signed_by_another_key_lets_nobody_in(visitor: FlaskClient, provider: Provider) -> None:
    provider.published_key = Provider().signing_key
    refused(round_trip(visitor), NOT_DONE)
    assert not logged_in(visitor)


AWAY = "Inloggen met eHerkenning werkt nu niet"


@pytest.mark.parametrize(
    ("path", "answer"),
    [
        ("/.well-known/openid-configuration", (500, b"")),
        ("/.well-known/openid-configuration", (404, b"niet gevonden")),
        ("/.well-known/openid-configuration", (302, b"")),
        ("/.well-known/openid-configuration", (200, b"<html>")),
        ("/.well-known/openid-configuration", (200, b"[]")),
        ("/.well-known/openid-configuration", (200, b"{}")),
        ("/.well-known/openid-configuration", (200, b'{"issuer": 7}')),
        ("/keys", (500, b"")),
        ("/keys", (200, b"[]")),
        ("/keys", (200, b'{"keys": 1}')),
        ("/keys", (200, b'{"keys": [{"kty": "oct"}]}')),
        ("/token", (500, b"")),
        ("/token", (200, b"[]")),
        ("/token", (200, b"{}")),
        ("/token", (200, b'{"access_token": "a", "id_token": 7}')),
        ("/token", (200, b'{"access_token": "a", "id_token": "geen.echt.token"}')),
    ],
)
def test_a_provider_that_answers_nonsense_is_a_page_and_never_a_500(
    visitor: FlaskClient, service: Flask, provider: Provider, path: str, answer: tuple[int, bytes]
) -> None:
    provider.answers[path] = answer
    if path.startswith("/."):
        page = visitor.get(LOGIN)
        refused(page, AWAY, 503)
        assert page.headers["Retry-After"]
    else:
        page = round_trip(visitor)
        assert page.status_code in {403, 503}
        check(page.text)
    assert "access:refuse-anonymous" in trail(service)
    provider.answers.clear()
    assert round_trip(visitor).status_code == 303, "a broken answer is not remembered"


@pytest.mark.parametrize(
    "discovery",
    [
        {"issuer": "https://een-ander.example"},
        {"token_endpoint": "ftp://een-ander.example"},
        {"jwks_uri": None},
        {"id_token_signing_alg_values_supported": None},
    ],
)
def test_a_provider_that_describes_itself_wrongly_is_not_used(
    visitor: FlaskClient, provider: Provider, discovery: dict[str, object]
) -> None:
    provider.discovery = discovery
    refused(visitor.get(LOGIN), AWAY, 503)


def test_a_provider_that_is_away_or_slow_is_said_in_time(
    service: Flask, visitor: FlaskClient, provider: Provider, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("keyservice.accounts.oidc_client.SECONDS_TO_ANSWER", 0.2)
    provider.seconds = 0.5
    refused(visitor.get(LOGIN), AWAY, 503)
    with running() as gone:
        issuer = gone.issuer
    with with_providers(service, settings_of(issuer)) as made:
        refused(made.test_client().get(LOGIN), AWAY, 503)

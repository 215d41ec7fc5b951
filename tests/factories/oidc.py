"""Logging in through a provider of OpenID Connect: one that runs, and the way there and back."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
import requests
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from keyservice.accounts import oidc
from keyservice.app import create_app
from keyservice.audit.models import AuditEvent
from keyservice.database import db, transaction
from keyservice.demo import people
from keyservice.kernel.secret import Secret
from keyservice.settings_oidc import OidcProvider
from tests.fake_provider import ACR, CLIENT_ID, CLIENT_SECRET, Provider, running
from tests.pages import check

LOGIN = "/inloggen/via/gemeente"


def settings_of(provider_issuer: str, audience: str = "gemeente") -> OidcProvider:
    """Return a provider of an audience."""
    name = {"gemeente": "eHerkenning", "duo": "DUO-account"}[audience]
    return OidcProvider(audience, name, provider_issuer, CLIENT_ID, Secret(CLIENT_SECRET), (ACR,))


@pytest.fixture
def provider() -> Iterator[Provider]:
    """Give a provider that runs."""
    with running() as started:
        yield started


@contextmanager
def with_providers(app: Flask, *providers: OidcProvider) -> Iterator[Flask]:
    """Give the application as it is with other providers, on the same data."""
    made = create_app(replace(app.extensions["keyservice.settings"], oidc=providers))
    try:
        yield made
    finally:
        with made.app_context():
            db.session.remove()
            db.engine.dispose()


def bind(app: Flask, login: str, issuer: str, subject: str) -> None:
    """Let somebody log in by a subject."""
    with app.test_request_context(), transaction():
        oidc.bind(people.person_id(login), issuer, subject)


def trail(app: Flask) -> str:
    """Return all that the audit trail holds, an event per line."""
    with app.app_context():
        return "\n".join(
            row.decode() for row in db.session.scalars(select(AuditEvent.canonical).order_by(AuditEvent.row))
        )


def to_provider(client: FlaskClient, url: str = LOGIN) -> str:
    """Begin a round trip and return the address at the provider."""
    answer = client.get(url)
    assert answer.status_code == 303, answer.text
    return str(answer.location)


def from_provider(address: str) -> str:
    """Open the provider's page, and return where it sends the browser, as a path of this service."""
    answer = requests.get(address, allow_redirects=False, timeout=5)
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("http://localhost/")
    return answer.headers["Location"].removeprefix("http://localhost")


def round_trip(client: FlaskClient, url: str = LOGIN) -> TestResponse:
    """Log in at the provider, and return what the service answers then."""
    return client.get(from_provider(to_provider(client, url)))


def logged_in(client: FlaskClient) -> bool:
    """Tell whether somebody is logged in."""
    return "Uitloggen" in client.get("/contact").text


def refused(answer: TestResponse, title: str, status: int = 403) -> None:
    """Check that an answer is a page that refuses."""
    assert answer.status_code == status, answer.text
    assert f"<title>{title} - " in answer.text
    check(answer.text)

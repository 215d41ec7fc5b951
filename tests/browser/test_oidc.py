"""To the provider and back in a real browser: cookies of another site, the content policy, and every page inspected."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Thread

import pytest
from flask import Flask
from playwright.sync_api import Browser
from werkzeug.serving import make_server

from keyservice.app import create_app
from keyservice.database import db
from keyservice.gemeenten.queries import gemeente
from tests.browser.conftest import CheckedPerson
from tests.factories.oidc import bind, settings_of
from tests.fake_provider import running
from tests.fakes import free_port

pytestmark = pytest.mark.browser


@contextmanager
def served(app: Flask, issuer: str) -> Iterator[tuple[Flask, str]]:
    """Serve the application with a provider for DUO, at another site than the provider's."""
    url = f"http://localhost:{(port := free_port())}"
    before = app.extensions["keyservice.settings"]
    made = create_app(replace(before, base_url=url, oidc=(settings_of(issuer, "duo"),)))
    server = make_server("localhost", port, made, threaded=True)
    thread = Thread(target=server.serve_forever)
    thread.start()
    try:
        yield made, url
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        with made.app_context():
            db.session.remove()
            db.engine.dispose()


def test_ben_logs_in_and_confirms_an_act_at_the_provider(app: Flask, chromium: Browser, axe_source: str) -> None:
    with running() as provider, served(app, provider.issuer) as (made, url):
        bind(made, "ben", provider.issuer, provider.subject)
        context = chromium.new_context(locale="nl-NL")
        ben = CheckedPerson(context, url, axe_source)
        provider.claims = {"auth_time": int(time.time()) - 3600}
        ben.open("/inloggen?next=/gemeenten/9998/telefoon")
        ben.check("oidc-login")
        ben.page.get_by_role("link", name="Inloggen met DUO-account").click()
        ben.page.wait_for_url(f"{url}/gemeenten/9998/telefoon")
        ben.page.get_by_role("textbox").fill("040 123 45 67")
        ben.page.get_by_role("button", name="Opslaan").click()
        ben.check("oidc-step-up")
        ben.page.get_by_role("link", name="Inloggen met DUO-account").click()
        assert ben.page.get_by_role("heading", level=1).inner_text() == "Wij weten nog niet zeker dat u het bent"
        ben.check("oidc-failed")
        provider.claims = {}
        ben.page.get_by_role("link", name="Probeer het opnieuw").click()
        ben.check("oidc-go-on")
        ben.page.get_by_role("button", name="Verder").click()
        ben.page.wait_for_url(f"{url}/gemeenten?zoek=9998")
        context.close()
        assert not ben.faults, "\n".join(ben.faults)
        with made.app_context():
            found = gemeente("9998")
            assert found
            assert found.phone == "+31401234567"

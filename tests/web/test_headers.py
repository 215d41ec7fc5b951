"""The security headers stand on every answer, whatever its status."""

from dataclasses import replace

import pytest
from flask import Flask
from flask.testing import FlaskClient

from keyservice.app import create_app
from keyservice.database import db
from keyservice.web.headers import HEADERS
from tests.factories.failing import failing

ANSWERS = {
    "/contact": 200,
    "/inloggen": 200,
    "/namens": 303,
    "/bestaat-niet": 404,
    "/.well-known/security.txt": 200,
    "/static/css/app.css": 200,
    "/static/bestaat-niet.css": 404,
}


@pytest.mark.parametrize(("url", "status"), list(ANSWERS.items()))
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_every_answer_carries_the_headers(client: FlaskClient, url: str, status: int, method: str) -> None:
    answer = client.open(url, method=method)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    if not url.startswith("/static/"):
        assert answer.headers["Cache-Control"] == "no-store"
    answer.close()


@pytest.mark.parametrize(
    ("method", "url", "status"), [("POST", "/contact", 405), ("OPTIONS", "/contact", 200), ("POST", "/inloggen", 400)]
)
def test_answers_to_other_methods_carry_them_too(client: FlaskClient, method: str, url: str, status: int) -> None:
    answer = client.open(url, method=method)
    assert answer.status_code == status
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_a_failure_carries_them_too(app: Flask) -> None:
    with failing(app, "web.contact", LookupError("asl_p_GEHEIM")) as browser:
        answer = browser.get("/contact")
    assert answer.status_code == 500
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS


def test_the_policy_allows_nothing_inline_and_nothing_from_elsewhere() -> None:
    policy = HEADERS["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    for allowed in ("unsafe-inline", "unsafe-eval", "http:", "https:", "*"):
        assert allowed not in policy


def test_over_https_the_browser_is_told_to_stay_there(app: Flask) -> None:
    assert "Strict-Transport-Security" not in app.test_client().get("/contact").headers
    secure = create_app(replace(app.extensions["keyservice.settings"], base_url="https://sleutels.duo.example"))
    answer = secure.test_client().get("/contact", base_url="https://sleutels.duo.example")
    assert answer.headers["Strict-Transport-Security"] == "max-age=31536000; includeSubDomains"
    with secure.app_context():
        db.engine.dispose()


def test_no_answer_tells_which_software_made_it(client: FlaskClient) -> None:
    answer = client.get("/contact")
    assert "X-Powered-By" not in answer.headers
    assert "Werkzeug" not in str(answer.headers)

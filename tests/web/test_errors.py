"""A failure becomes a Dutch page that says what to do, and shows nothing of the inside."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnection
from sqlalchemy.pool import PoolProxiedConnection, QueuePool

from keyservice.database import db
from keyservice.kernel.errors import Conflict, Invalid, NotFound, Refused
from tests.conftest import csrf
from tests.factories.failing import failing
from tests.pages import check

SECRET = "asl_p_GEHEIM0123456789"


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (NotFound("aanvraag"), 404, "bestaat niet"),
        (Refused("own-request"), 403, "U mag deze aanvraag niet goedkeuren"),
        (Conflict("changed-meanwhile"), 409, "Er is intussen iets veranderd"),
        (Invalid("unknown-code"), 422, "Dit kan zo niet"),
        (Refused("a-code-without-a-text"), 403, "U mag dit niet doen"),
    ],
)
def test_the_error_of_a_use_case_is_a_page_in_dutch(app: Flask, error: Exception, status: int, says: str) -> None:
    with failing(app, "web.contact", error) as browser:
        answer = browser.get("/contact")
    assert answer.status_code == status
    assert says in answer.text
    check(answer.text)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 410, 413, 414, 415, 429, 500, 503])
def test_every_http_error_is_a_page_in_dutch(app: Flask, status: int) -> None:
    try:
        abort(status)
    except Exception as error:  # noqa: BLE001 - whatever werkzeug raises for it
        raised = error
    with failing(app, "web.contact", raised) as browser:
        answer = browser.get("/contact")
    assert answer.status_code == status
    check(answer.text)
    for english in ("Not Found", "Bad Request", "Forbidden", "The server", "The requested"):
        assert english not in answer.text


@pytest.mark.parametrize("url", ["/bestaat-niet", "/dossiers/geen-uuid", "/aanvragen/%00", "/%ff", "/../etc/passwd"])
def test_an_unknown_address_is_a_page_in_dutch(client: FlaskClient, url: str) -> None:
    answer = client.get(url)
    assert answer.status_code in {400, 404}
    check(answer.text)


def test_an_unforeseen_failure_shows_a_code_and_logs_no_value(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), failing(app, "web.contact", LookupError(SECRET)) as browser:
        answer = browser.get("/contact")
    assert answer.status_code == 500
    check(answer.text)
    code = caplog.text.split("failure ", 1)[1].split(":", 1)[0]
    assert code in answer.text
    assert "LookupError" in caplog.text
    assert "failing.py" in caplog.text, "the place is in the log"
    for place in (answer.text, caplog.text):
        assert SECRET not in place
    assert "LookupError" not in answer.text


@pytest.mark.parametrize(
    ("error", "status", "says"),
    [
        (OperationalError("SELECT", {"key": SECRET}, Exception(SECRET)), 503, "over een paar minuten opnieuw"),
        (IntegrityError("INSERT", {"key": SECRET}, Exception(SECRET)), 409, "Er is intussen iets veranderd"),
    ],
    ids=["database away", "lost race"],
)
def test_a_database_that_is_away_or_refuses_is_no_stack_trace(
    app: Flask, caplog: pytest.LogCaptureFixture, error: Exception, status: int, says: str
) -> None:
    with caplog.at_level(logging.INFO), failing(app, "web.contact", error) as browser:
        answer = browser.get("/contact")
    assert answer.status_code == status
    assert says in answer.text
    assert answer.headers.get("Retry-After") == ("30" if status == 503 else None)
    assert SECRET not in answer.text + caplog.text
    check(answer.text)


@contextmanager
def no_connection_left(app: Flask) -> Iterator[None]:
    """Hold all connections of the pool."""
    with app.app_context():
        pool = db.engine.pool
    assert isinstance(pool, QueuePool)
    patience, pool._timeout = pool._timeout, 0.05
    held: list[PoolProxiedConnection] = []
    try:
        with suppress(NoConnection):
            while True:
                held.append(pool.connect())
        yield
    finally:
        pool._timeout = patience
        for one in held:
            one.close()


def test_when_all_connections_are_in_use_who_is_logged_in_gets_the_page_that_says_so(
    app: Flask, browser_of: Callable[[str], FlaskClient]
) -> None:
    anna = browser_of("anna")
    with no_connection_left(app):
        answer = anna.get("/")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "30"
    check(answer.text)
    assert anna.get("/").status_code == 200


def test_a_field_of_ten_megabytes_is_refused(client: FlaskClient) -> None:
    answer = client.post("/inloggen", data={"email": "x" * 10_000_000})
    assert answer.status_code == 413
    check(answer.text)


def test_the_wrong_method_says_which_ones_there_are(client: FlaskClient) -> None:
    answer = client.post("/contact")
    assert answer.status_code == 405
    assert "GET" in answer.headers["Allow"]
    check(answer.text)


def test_a_page_that_was_open_too_long_keeps_what_was_typed_but_no_password(
    browser_of: Callable[[str], FlaskClient],
) -> None:
    anna = browser_of("anna")
    typed = {"gemeente": '<b>"9998"</b>', "_wachtwoord": "geheim-a", "password": "geheim-b", "sms_code": "12345678"}
    answer = anna.post("/namens", data={"csrf_token": "oud", **typed})
    assert answer.status_code == 400
    check(answer.text)
    assert "&lt;b&gt;" in answer.text
    for hidden in ("<b>", "geheim-a", "geheim-b", "12345678"):
        assert hidden not in answer.text
    assert anna.post("/namens", data={"csrf_token": csrf(answer.text), "gemeente": "9998"}).status_code == 303

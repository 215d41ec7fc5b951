"""Every answer that is no success is a problem (RFC 9457), whoever raised it, and every type has its page."""

import re
from dataclasses import replace

import pytest
from flask import Flask, abort
from flask.testing import FlaskClient
from sqlalchemy.exc import IntegrityError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from werkzeug.test import TestResponse

from keyservice.api import problems
from keyservice.api.problems import Problem
from keyservice.app import create_app
from keyservice.database import db
from keyservice.kernel.errors import Conflict, Invalid, NotFound, Refused, TooOften
from tests.factories.failing import failing
from tests.pages import check

SECRET = "asl_p_GEHEIM0123456789"


def problem_of(answer: TestResponse) -> Problem:
    """Return which problem an answer tells, after a look at what every problem has."""
    assert answer.mimetype == "application/problem+json"
    body = answer.get_json()
    assert body.keys() >= {"type", "title", "status", "detail"}
    found = problems.BY_SLUG[body["type"].removeprefix("/problemen/")]
    assert body["title"] == found.title
    assert body["status"] == answer.status_code
    return found


@pytest.mark.parametrize("problem", problems.ALL, ids=lambda problem: problem.slug)
def test_a_type_leads_to_a_page_that_says_what_to_do(client: FlaskClient, problem: Problem) -> None:
    page = client.get(problem.type)
    assert page.status_code == 200
    check(page.text)
    assert problem.type in client.get("/problemen").text


@pytest.mark.parametrize("problem", problems.ALL, ids=lambda problem: problem.slug)
def test_a_problem_is_told_in_plain_dutch(problem: Problem) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z0-9]+)*", problem.slug)
    assert problem.title[0].isupper()
    assert problem.title[-1] not in ".!?"
    for text in (problem.happened, problem.advice):
        assert text.endswith(".")
        assert not re.search(r"\b(dient|middels|indien|betreft|je|jouw)\b", text)


def test_an_unknown_problem_has_no_page(client: FlaskClient) -> None:
    assert client.get("/problemen/bestaat-niet").status_code == 404


@pytest.mark.parametrize("path", ["/v1", "/v1/", "/v1/bestaat-niet", "/v1/sleutel/", "/v1//sleutel", "/v1/%00/../x"])
def test_an_unknown_address_is_not_found_and_never_a_page(client: FlaskClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 404, "a slash too many is no redirect (/core/no-trailing-slash)"
    assert problem_of(answer) is problems.NOT_FOUND


def test_an_address_beside_the_api_gets_a_page(client: FlaskClient) -> None:
    assert client.get("/v10/sleutel").mimetype == "text/html"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "TRACE", "ROMMEL"])
def test_a_method_that_is_not_there_says_which_are(client: FlaskClient, method: str) -> None:
    answer = client.open("/v1/sleutel", method=method)
    assert answer.status_code == 405
    assert problem_of(answer) is problems.METHOD
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


@pytest.mark.parametrize(
    "status", [400, 401, 403, 404, 405, 406, 408, 409, 410, 411, 413, 414, 415, 417, 421, 422, 429, 431, 500, 501, 503]
)
def test_every_error_of_the_framework_is_a_problem(app: Flask, status: int) -> None:
    try:
        abort(status)
    except Exception as error:  # noqa: BLE001 - whatever werkzeug raises for it
        raised = error
    with failing(app, "api.sleutel", raised) as machine:
        answer = machine.get("/v1/sleutel")
    assert answer.status_code == status
    general = {
        401: problems.NO_KEY,
        403: problems.REFUSED,
        404: problems.NOT_FOUND,
        405: problems.METHOD,
        406: problems.NOT_ACCEPTABLE,
        409: problems.CONFLICT,
        413: problems.TOO_LARGE,
        415: problems.MEDIA_TYPE,
        429: problems.TOO_OFTEN,
        503: problems.UNAVAILABLE,
    }
    assert problem_of(answer) is general.get(status, problems.REQUEST if status < 500 else problems.FAILURE)
    assert ("Retry-After" in answer.headers) is (status in {429, 503}), "the page of those says to look at it"


@pytest.mark.parametrize(
    ("error", "problem", "detail"),
    [
        (NotFound("aanvraag"), problems.NOT_FOUND, "kunnen niet vinden"),
        (Refused("role"), problems.REFUSED, "hoort niet bij uw rol"),
        (Conflict("changed-meanwhile"), problems.CONFLICT, "was u net voor"),
        (Conflict("intussen-veranderd"), problems.CONFLICT, "stand van zaken is anders"),
        (TooOften("guessed-too-often", seconds=7), problems.TOO_OFTEN, "meer verzoeken"),
        (OperationalError("SELECT", {"key": SECRET}, Exception(SECRET)), problems.UNAVAILABLE, "niet uitgevoerd"),
        (InterfaceError("SELECT", {"key": SECRET}, Exception(SECRET)), problems.UNAVAILABLE, "niet uitgevoerd"),
        (PoolTimeout(SECRET), problems.UNAVAILABLE, "niet uitgevoerd"),
        (IntegrityError("INSERT", {"key": SECRET}, Exception(SECRET)), problems.CONFLICT, "was u net voor"),
    ],
    ids=lambda value: getattr(value, "slug", None),
)
def test_the_error_of_a_use_case_is_a_problem(app: Flask, error: Exception, problem: Problem, detail: str) -> None:
    with failing(app, "api.sleutel", error) as machine:
        answer = machine.get("/v1/sleutel")
    assert problem_of(answer) is problem
    assert detail in answer.get_json()["detail"]
    assert SECRET not in answer.text
    assert answer.headers.get("Retry-After") == {429: "7", 503: "30"}.get(answer.status_code)


def test_the_fault_of_a_use_case_stands_at_its_field(app: Flask) -> None:
    with failing(app, "api.sleutel", Invalid("unknown-code", veld="datum")) as machine:
        answer = machine.get("/v1/sleutel")
    assert answer.status_code == 400, "/core/error-handling/invalid-input"
    assert problem_of(answer) is problems.INPUT
    (fault,) = answer.get_json()["fouten"]
    assert (fault["veld"], fault["code"]) == ("datum", "unknown-code")
    assert fault["melding"]


def test_an_unforeseen_failure_shows_a_code_and_no_value(app: Flask, caplog: pytest.LogCaptureFixture) -> None:
    with failing(app, "api.sleutel", LookupError(SECRET)) as machine:
        answer = machine.get("/v1/sleutel")
    assert problem_of(answer) is problems.FAILURE
    code = caplog.text.split("failure ", 1)[1].split(":", 1)[0]
    assert code in answer.get_json()["detail"]
    assert SECRET not in answer.text + caplog.text
    assert "LookupError" not in answer.text


@pytest.mark.parametrize("path", ["/v1/sleutel", "/v1/bestaat-niet"])
def test_a_foreign_host_is_a_problem_too(app: Flask, path: str) -> None:
    other = create_app(replace(app.extensions["keyservice.settings"], trusted_hosts=("localhost",)))
    answer = other.test_client().get(path, headers={"Host": "kwaad.example"})
    assert problem_of(answer) is problems.REQUEST
    assert "kwaad.example" not in answer.text
    with other.app_context():
        db.engine.dispose()

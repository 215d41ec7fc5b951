"""The NL API Design Rules 2.2.0 of Logius: one test per rule that applies, which carries the name of the rule.

The modules geospatial, signing and encryption do not apply: there is no place, and no signed or encrypted message.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from keyservice.api.operation import PROBLEMS
from keyservice.app import create_app
from keyservice.database import db
from keyservice.web import machine
from keyservice.web.headers import HEADERS
from tests.factories.keys import awake, queries
from tests.factories.machines import Machine, asker
from tests.web.test_access import tables

SEMVER = re.compile(r"\d+\.\d+\.\d+")
ENGLISH = re.compile(r"\b(the|and|key|token is|invalid|missing|request|response|validation|error)\b", re.IGNORECASE)
# Names that RFC 7662, RFC 9457 and draft-ietf-httpapi-idempotency-key give.
GIVEN = {"active", "iat", "exp", "token", "token_type_hint", "Idempotency-Key", "type", "title", "status", "detail"}


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/v1/openapi.json").get_json()
    return found


@pytest.fixture
def key(app: Flask) -> str:
    with app.app_context():
        return awake()[1]


def rules(app: Flask) -> list[Rule]:
    return [rule for rule in app.url_map.iter_rules() if machine.serves(rule.rule)]


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method, operation


def answers(app: Flask, key: str) -> Iterator[tuple[str, TestResponse]]:
    """Yield answers of every kind: good, refused, unknown, wrong method, wrong input, OPTIONS and HEAD."""
    system, with_key, visitor = asker(app), Machine(app, key), app.test_client()
    yield "good", with_key.get("/v1/sleutel")
    yield "HEAD", with_key.open("/v1/sleutel", method="HEAD")
    yield "OPTIONS", with_key.open("/v1/sleutel", method="OPTIONS")
    yield "inactive", system.post("/v1/introspectie", data={"token": "x"})
    yield "wrong input", system.post("/v1/introspectie", data={})
    yield "wrong type", system.post("/v1/introspectie", json={})
    yield "wrong Accept", with_key.get("/v1/sleutel", headers={"Accept": "text/html"})
    yield "no key", visitor.get("/v1/sleutel")
    yield "unknown", visitor.get("/v1/bestaat-niet")
    yield "TRACE", visitor.open("/v1/sleutel", method="TRACE")
    yield "document", visitor.get("/v1/openapi.json")


def test_naming_collections_and_path_segments_kebab_case(app: Flask) -> None:
    for rule in rules(app):
        for segment in rule.rule.split("/")[1:]:
            assert re.fullmatch(r"v1|openapi\.json|_zoek|[a-z]+(-[a-z]+)*|<uuid:[a-z_]+>", segment), rule.rule


def test_interface_language_and_doc_language_are_dutch(document: dict[str, Any]) -> None:
    texts = [
        document["info"]["title"],
        document["info"]["description"],
        *(tag["description"] for tag in document["tags"]),
    ]
    for _, _, one in operations(document):
        texts += [one["summary"], one["description"], *(answer["description"] for answer in one["responses"].values())]
    for schema in document["components"]["schemas"].values():
        texts += [schema["description"], *(field["description"] for field in schema["properties"].values())]
    assert [text for text in texts if not text or ENGLISH.search(text)] == []


def test_query_keys_and_fields_are_camel_case(document: dict[str, Any]) -> None:
    names = [part["name"] for _, _, one in operations(document) for part in one["parameters"] if part["in"] == "query"]
    names += [name for schema in document["components"]["schemas"].values() for name in schema["properties"]]
    assert [name for name in names if name not in GIVEN and not re.fullmatch(r"[a-z]+([A-Z][a-z]*)*", name)] == []


@pytest.mark.parametrize("method", ["GET", "POST", "HEAD", "OPTIONS"])
def test_no_trailing_slash(app: Flask, method: str) -> None:
    for rule in rules(app):
        answer = app.test_client().open(f"{rule.rule}/", method=method)
        assert answer.status_code == 404, rule.rule
        assert "Location" not in answer.headers, rule.rule


def test_hide_implementation(app: Flask, key: str) -> None:
    for name, answer in answers(app, key):
        assert {"Server", "X-Powered-By", "Via"}.isdisjoint(answer.headers.keys()), name
        assert not re.search(r"flask|werkzeug|spectree|pydantic|sqlalchemy|traceback", answer.text, re.IGNORECASE), name


def test_date_time_format_and_timezone(app: Flask, key: str) -> None:
    moment = Machine(app, key).get("/v1/sleutel").get_json()["geldigTot"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", moment)
    assert datetime.fromisoformat(moment).utcoffset() == timedelta(0)


def test_http_methods_and_http_safety(app: Flask) -> None:
    for rule in rules(app):
        assert (rule.methods or set()) <= {"GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"}, rule.rule
    # That GET changes nothing, test_i10 proves of what a visitor and a key may ask; see test_a_get_changes_nothing.


def test_http_response_code_of_a_wrong_method_comes_with_allow(app: Flask) -> None:
    for rule in rules(app):
        for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"} - (rule.methods or set()):
            answer = app.test_client().open(re.sub("<uuid:[^>]+>", str(uuid4()), rule.rule), method=method)
            assert answer.status_code == 405
            assert set(answer.headers["Allow"].split(", ")) == rule.methods


def test_options_says_which_methods_there_are(app: Flask, key: str) -> None:
    answer = Machine(app, key).open("/v1/sleutel", method="OPTIONS")
    assert (answer.status_code, answer.text) == (200, "")
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}


def test_stateless(app: Flask, key: str) -> None:
    for name, answer in answers(app, key):
        assert "Set-Cookie" not in answer.headers, name
    browser = app.test_client()
    browser.set_cookie("sessie", "x" * 43)
    assert "Set-Cookie" not in browser.get("/v1/sleutel").headers, "not even to take one away"


def test_a_session_is_not_even_read_from_the_database(app: Flask) -> None:
    browser = app.test_client()
    browser.set_cookie("sessie", "x" * 43)
    with app.app_context(), queries() as sent:
        browser.get("/v1/bestaat-niet")
    assert sent == []


def test_error_handling_problem_details(app: Flask, key: str) -> None:
    told = 0
    for name, answer in answers(app, key):
        if answer.status_code >= 400:
            assert answer.mimetype == "application/problem+json", name
            assert answer.get_json().keys() >= {"status", "title", "detail"}
            told += 1
    assert told == 6
    # tests/api/test_problems.py: of everything that the framework or a use case raises too.


def test_error_handling_invalid_input_and_all_errors(app: Flask) -> None:
    answer = asker(app).post("/v1/introspectie", data={"token": "x" * 1001, "token_type_hint": "x" * 101})
    assert answer.status_code == 400
    assert [fault["veld"] for fault in answer.get_json()["fouten"]] == ["token", "token_type_hint"]
    assert all(fault["code"] and fault["melding"] for fault in answer.get_json()["fouten"])


def test_publish_openapi(app: Flask, document: dict[str, Any]) -> None:
    answer = app.test_client().get("/v1/openapi.json", headers={"Origin": "https://elders.example"})
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert document["openapi"].startswith("3.1")


def test_doc_openapi_contact(document: dict[str, Any]) -> None:
    assert document["info"]["contact"].keys() >= {"name", "url", "email"}
    assert all(document["info"]["contact"].values())


def test_doc_openapi_says_all_there_is_and_nothing_else(app: Flask, document: dict[str, Any]) -> None:
    converted = re.compile(r"<(?:\w+:)?(\w+)>")
    there = {
        (converted.sub(r"{\1}", rule.rule.removeprefix("/v1")), method.lower())
        for rule in rules(app)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }
    assert {(path, method) for path, method, _ in operations(document)} == there - {("/openapi.json", "get")}
    ids = [one["operationId"] for _, _, one in operations(document)]
    assert sorted(ids) == sorted(set(ids)) == sorted(PROBLEMS)


def test_uri_version_semver_and_version_header(app: Flask, key: str, document: dict[str, Any]) -> None:
    version = document["info"]["version"]
    assert SEMVER.fullmatch(version)
    assert version.split(".")[0] == "1"
    assert document["servers"] == [{"url": "http://localhost/v1"}]
    for name, answer in answers(app, key):
        assert answer.headers["API-Version"] == version, name


def test_changelog_and_deprecation_schedule(client: FlaskClient, document: dict[str, Any]) -> None:
    page = client.get("/api").text
    assert document["externalDocs"]["url"] == "http://localhost/api"
    for word in (document["info"]["version"], "Wijzigingen", "Deprecation", "Sunset", "12 maanden"):
        assert word in page


def test_no_sensitive_uris(app: Flask, document: dict[str, Any]) -> None:
    for rule in rules(app):
        assert not re.search("bsn|sleutel_?|token|wachtwoord", " ".join(rule.arguments)), rule.rule
    for path, _, one in operations(document):
        for part in one["parameters"]:
            assert not re.search("bsn|token|wachtwoord", part["name"], re.IGNORECASE), path
    # tests/api/test_sleutel.py: a key in an address is refused.


def test_security_headers(app: Flask, key: str) -> None:
    secure = create_app(replace(app.extensions["keyservice.settings"], base_url="https://sleutels.duo.example"))
    assert "max-age=31536000" in secure.test_client().get("/v1/x").headers["Strict-Transport-Security"]
    with secure.app_context():
        db.engine.dispose()
    for name, answer in answers(app, key):
        found = answer.headers
        assert found["Cache-Control"] == "no-store", name
        assert found["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'", name
        assert found["X-Content-Type-Options"] == "nosniff", name
        assert found["X-Frame-Options"] == "DENY", name
        assert found["Referrer-Policy"] == "no-referrer", name
        assert set(HEADERS) <= set(found.keys()), name


def test_cors(app: Flask, key: str) -> None:
    for name, answer in answers(app, key):
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        assert allowed == ("*" if name == "document" else None), name


@pytest.mark.parametrize("headers", [{"X-Forwarded-Host": "kwaad.example"}, {"Forwarded": "host=kwaad.example"}])
def test_no_header_of_a_stranger_changes_an_address_in_the_document(
    client: FlaskClient, headers: dict[str, str]
) -> None:
    assert "kwaad.example" not in client.get("/v1/openapi.json", headers=headers).text


def test_a_get_changes_nothing(app: Flask, key: str) -> None:
    before = tables(app)
    for method in ("GET", "HEAD", "OPTIONS"):
        Machine(app, key).open("/v1/sleutel", method=method)
        app.test_client().open("/v1/openapi.json", method=method)
    assert tables(app) == before

"""What a body may be besides its text: how it is framed, coded and announced, and what may come back."""

import gzip
import json
from collections.abc import Mapping
from io import BytesIO
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from keyservice.api import problems
from keyservice.api.registering import LONGEST_BODY
from keyservice.app import LONGEST_REQUEST
from tests.api.test_problems import problem_of
from tests.factories.keys import awake
from tests.factories.machines import Machine, asker

SEARCH, REGISTER, ASK = "/v1/inburgeraars/_zoek", "/v1/participatieverklaringen", "/v1/introspectie"
JSON, FORM = "application/json", "application/x-www-form-urlencoded"
GOOD: Mapping[str, tuple[str, bytes, int]] = {
    SEARCH: (JSON, b'{"bsn": "999990019"}', LONGEST_REQUEST),
    REGISTER: (JSON, b'{"registraties": [{"bsn": "999990019"}]}', LONGEST_BODY),
    ASK: (FORM, b"token=x", LONGEST_REQUEST),
}


@pytest.fixture
def machines(app: Flask) -> Mapping[str, Machine]:
    """Return who may use each operation."""
    with app.app_context():
        holder = Machine(app, awake()[1])
    return {SEARCH: holder, REGISTER: holder, ASK: asker(app)}


def send(machine: Machine, path: str, body: bytes, *, chunked: bool = False, **headers: str) -> Any:
    extra = {name.replace("_", "-"): value for name, value in headers.items()}
    # What a server makes of a body in chunks: no length, and a stream that ends by itself.
    environ = {"wsgi.input_terminated": True, "HTTP_TRANSFER_ENCODING": "chunked"} if chunked else {}
    return machine.post(
        path,
        **({"input_stream": BytesIO(body)} if chunked else {"data": body}),
        content_type=GOOD[path][0],
        headers={"Idempotency-Key": str(uuid4())} | extra,
        environ_overrides=environ,
    )


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
def test_a_body_with_or_without_a_length_is_read(machines: Mapping[str, Machine], path: str, *, chunked: bool) -> None:
    assert send(machines[path], path, GOOD[path][1], chunked=chunked).status_code == 200


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunks"])
def test_a_body_that_is_too_long_is_refused_and_never_read_in_part(
    machines: Mapping[str, Machine], path: str, *, chunked: bool
) -> None:
    _, good, longest = GOOD[path]
    padding = b"&y=" if path == ASK else b" "
    whole = good + padding.ljust(longest - len(good), padding[-1:])
    for body in (whole + b"!", whole * 2, b"x" * 10_000_000):
        assert problem_of(send(machines[path], path, body, chunked=chunked)) is problems.TOO_LARGE


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize("coding", ["gzip", "deflate", "br", "identity, gzip", "x"])
def test_a_body_in_a_coding_that_we_do_not_undo_is_refused(
    machines: Mapping[str, Machine], path: str, coding: str
) -> None:
    good = GOOD[path][1]
    for body in (gzip.compress(good), good):
        answer = send(machines[path], path, body, Content_Encoding=coding)
        assert problem_of(answer) is problems.MEDIA_TYPE
        assert answer.headers["Accept-Encoding"] == "identity", "RFC 9110, 12.5.3"
    assert send(machines[path], path, good, Content_Encoding="Identity").status_code == 200


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        ("application/json; charset=utf-8", 200),
        ("application/json;version=1;q=0.5, text/html", 200),
        ("application/*", 200),
        ("*/*", 200),
        ("text/html, */*;q=0.1", 200),
        ("application/json;q=0", 406),
        ("application/json;q=0, */*", 406),
        ("text/html", 406),
        ("application/problem+json", 406),
        (";;,=", 406),
    ],
)
def test_an_answer_in_json_comes_to_who_takes_json_whatever_its_parameters(
    machines: Mapping[str, Machine], accept: str, status: int
) -> None:
    assert machines[SEARCH].get("/v1/sleutel", headers={"Accept": accept}).status_code == status


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_no_header_changes_the_method(machines: Mapping[str, Machine], name: str) -> None:
    assert problem_of(machines[SEARCH].post("/v1/sleutel", headers={name: "GET"})) is problems.METHOD
    assert machines[SEARCH].get("/v1/sleutel?_method=DELETE", headers={name: "DELETE"}).status_code == 200


def test_a_question_for_the_head_says_what_the_whole_would_say(machines: Mapping[str, Machine]) -> None:
    whole = machines[SEARCH].get("/v1/sleutel")
    head = machines[SEARCH].open("/v1/sleutel", method="HEAD")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == str(len(whole.data))
    assert json.loads(whole.data)["status"] == "actief"

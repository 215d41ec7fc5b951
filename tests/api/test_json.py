"""What is no JSON, or JSON that two programs may read differently (RFC 8259, RFC 7493), is refused, not guessed."""

import json
from typing import Any
from uuid import uuid4

import pytest
from flask import Flask

from keyservice.api import problems
from keyservice.api.answers import MOST_FAULTS
from tests.api.test_problems import problem_of
from tests.factories.keys import awake
from tests.factories.machines import Machine

LEAKS, SEARCH, REGISTER = "/v1/gelekte-sleutels", "/v1/inburgeraars/_zoek", "/v1/participatieverklaringen"
GOOD = {
    LEAKS: {"sleutel": "niets"},
    SEARCH: {"bsn": "999990019"},
    REGISTER: {"registraties": [{"bsn": "999990019", "ondertekend": True}]},
}


@pytest.fixture
def machine(app: Flask) -> Machine:
    with app.app_context():
        return Machine(app, awake()[1])


def send(machine: Machine, path: str, body: bytes) -> Any:
    headers = {"Idempotency-Key": str(uuid4())}
    return machine.post(path, data=body, content_type="application/json", headers=headers)


@pytest.mark.parametrize("path", GOOD)
def test_good_json_is_read(machine: Machine, path: str) -> None:
    assert send(machine, path, json.dumps(GOOD[path]).encode()).status_code == 200


@pytest.mark.parametrize(
    ("path", "body", "fields"),
    [
        (LEAKS, '{"sleutel": "a", "sleutel": "b"}', ["sleutel"]),
        (LEAKS, '{"sleutel": "a", "gevondenOp": null, "sleutel": "a"}', ["sleutel"]),
        (SEARCH, '{"bsn": "999990019", "bsn": "999990020"}', ["bsn"]),
        (SEARCH, r'{"bsn": "999990019", "\u0062sn": "999990020"}', ["bsn"]),
        (REGISTER, '{"registraties": [], "registraties": [{"bsn": "999990019"}]}', ["registraties"]),
        (
            REGISTER,
            '{"registraties": [{"bsn": "1"}, {"bsn": "999990019", "bsn": "1", "reden": "A", "reden": 1}]}',
            ["registraties.1.bsn", "registraties.1.reden"],
        ),
        (REGISTER, '{"registraties": [{"bsn": {"x": {"y": 1, "y": 2}}}]}', ["registraties.0.bsn.x.y"]),
        (SEARCH, '{"999990019": 1, "999990019": 2}', [""]),
    ],
)
def test_a_name_that_comes_twice_is_a_fault_at_its_place(
    machine: Machine, path: str, body: str, fields: list[str]
) -> None:
    answer = send(machine, path, body.encode())
    assert answer.status_code == 400
    assert problem_of(answer) is problems.INPUT
    assert [fault["veld"] for fault in answer.json["fouten"] if fault["code"] == "dubbel"] == fields
    assert "999990019" not in answer.text


def test_other_faults_are_told_at_the_same_time(machine: Machine) -> None:
    answer = send(machine, SEARCH, b'{"bsn": "1", "bsn": "12", "naam": "x"}')
    assert {(fault["veld"], fault["code"]) for fault in answer.json["fouten"]} == {
        ("bsn", "dubbel"),
        ("bsn", "verkeerde-vorm"),
        ("naam", "onbekend-veld"),
    }


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"{} {}",
        b"{'bsn': 1}",
        b'{"bsn": NaN}',
        b'{"registraties": [Infinity]}',
        b'{"sleutel": -Infinity}',
        b'{"bsn": 01}',
        b'{"bsn": "\xff"}',
        b'{"bsn": "\xed\xa0\x80"}',
        b'{"bsn": "\t"}',
        b'\xef\xbb\xbf{"bsn": "999990019"}',
        '{"bsn": "999990019"}'.encode("utf-16"),
        '{"bsn": "999990019"}'.encode("utf-32"),
        *(rb'{"bsn": "%s"}' % text for text in (rb"\ud800", rb"\udc00", rb"\ud800\ud800", rb"\ud83d x")),
        rb'{"\ud800": 1, "\ud800": 2}',
        b'{"bsn": %s}' % (b"[" * 1000 + b"]" * 1000),
        b"[" * 200_000,
        b'{"bsn":' * 50_000,
        b'{"bsn": %s}' % (b"1" * 400_000),
    ],
    ids=lambda body: f"{body[:24]!r} of {len(body)}",
)
def test_what_is_no_json_or_of_no_sane_size_is_a_problem_and_no_failure(
    machine: Machine, path: str, body: bytes
) -> None:
    assert problem_of(send(machine, path, body)) is problems.JSON


@pytest.mark.parametrize("path", GOOD)
@pytest.mark.parametrize(
    "body",
    [
        b"null",
        b"1",
        b'"x"',
        b"[]",
        b"{}",
        b'{"bsn": 1e999999999}',
        b'{"bsn": %s}' % (b"1" * 4000),
        b'{"bsn": %s}' % (b"[" * 150 + b"]" * 150),
        rb'{"\u0000": 1}',
        rb'{"\ud83d\ude00": 1}',
    ],
    ids=lambda body: f"{body[:24]!r} of {len(body)}",
)
def test_json_of_another_form_is_told_with_its_faults(machine: Machine, path: str, body: bytes) -> None:
    answer = send(machine, path, body)
    assert problem_of(answer) is problems.INPUT
    assert answer.json["fouten"]


def test_a_text_with_a_character_that_no_database_takes_is_no_failure(machine: Machine) -> None:
    body = rb'{"sleutel": "a\u0000b", "gevondenOp": "a\u0000b\uffff"}'
    assert send(machine, LEAKS, body).status_code == 200
    item = rb'{"bsn": "999990019", "toelichting": "a\u0000b\uffff", "ondertekend": false}'
    assert send(machine, REGISTER, rb'{"registraties": [%s]}' % item).status_code == 200


def test_a_body_made_to_cost_much_is_answered_briefly(machine: Machine) -> None:
    many = [b'"a%d": 1' % number for number in range(35_000)]
    twice = [b'"a": 1'] * 60_000
    deep = b"".join(b'{"%s":' % (b"n" * 3000) for _ in range(100)) + b"{%s}" % b",".join(twice[:20_000]) + b"}" * 100
    deep_many = b'{"%s":' % (b"n" * 100) * 100 + b"{%s}" % b",".join(many[:15_000] * 2) + b"}" * 100
    flat = b"{%s}" % b",".join(many), b"{%s}" % b",".join(twice), b"[%s[]]" % (b"[]," * 150_000)
    for body in (deep, deep_many, *flat):
        answer = send(machine, LEAKS, body)
        assert problem_of(answer) is problems.INPUT
        assert 1 <= len(answer.json["fouten"]) <= MOST_FAULTS
        assert len(answer.data) < 100_000

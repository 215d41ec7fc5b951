"""`POST /v1/introspectie` (RFC 7662): who may ask, and what is said about a key."""

from typing import Any

import pytest
from flask import Flask

from keyservice.api import problems
from keyservice.database import db
from keyservice.sleutels import asking, service
from keyservice.sleutels.blocking import suspend_by_program
from keyservice.sleutels.format import Omgeving, new_credential, new_key
from keyservice.sleutels.limits import Limits, Rate
from keyservice.sleutels.models import Sleutel
from tests.api.test_problems import problem_of
from tests.factories.aanvragen import actor
from tests.factories.keys import DOSSIER, asleep, awake, mistyped
from tests.factories.machines import Machine, asker

URL = "/v1/introspectie"


@pytest.mark.parametrize("omgeving", list(Omgeving))
def test_of_a_working_key_it_says_whose_it_is_and_until_when(app: Flask, omgeving: Omgeving) -> None:
    with app.app_context():
        sleutel_id, key = awake(omgeving)
        row = db.session.get_one(Sleutel, sleutel_id)
        number, made, end = row.number, row.not_before, row.expires_at
    answer = asker(app).post(URL, data={"token": key, "token_type_hint": "access_token", "iets": "anders"})
    assert (answer.status_code, answer.mimetype) == (200, "application/json")
    assert answer.get_json() == {
        "active": True,
        "nummer": number,
        "gemeente": "9998",
        "omgeving": omgeving.value,
        "iat": int(made.timestamp()),
        "exp": int(end.timestamp()),
    }


def test_of_anything_that_does_not_work_it_says_that_and_no_more(app: Flask) -> None:
    with app.app_context():
        _, sleeping = asleep()
        ended_id, ended = awake()
        service.revoke(actor("rosa"), ended_id, "cancelled", dossier=DOSSIER)
        blocked_id, blocked = awake()
        suspend_by_program(blocked_id, "mismatch", dossier=DOSSIER)
        never = new_key(Omgeving.PRODUCTIE).reveal()
    system = asker(app)
    tokens = [sleeping, ended, blocked, never, mistyped(never), "", "x", "a\x00b", "\u00e9"]
    answers = [system.post(URL, data={"token": token}) for token in tokens]
    assert {(answer.status_code, answer.data) for answer in answers} == {(200, b'{"active":false}')}


def test_only_a_system_with_its_own_credential_may_ask(app: Flask) -> None:
    with app.app_context():
        _, key = awake()
    for machine in (Machine(app, key), Machine(app, ""), Machine(app, "asv_" + "0" * 38)):
        answer = machine.post(URL, data={"token": key})
        assert problem_of(answer) is problems.NO_SYSTEM
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert asker(app).get("/v1/sleutel").status_code == 401, "and its credential is no key"


def test_who_shows_wrong_credentials_too_often_is_told_how_long_to_wait(app: Flask) -> None:
    system = asker(app)
    app.extensions["keyservice.limits"] = Limits(wrong_askers=Rate(burst=1, per_second=0.1))
    strangers = [Machine(app, new_credential().reveal()) for _ in range(2)]
    answers = [stranger.post(URL, data={"token": "x"}) for stranger in strangers]
    assert [problem_of(answer) for answer in answers] == [problems.NO_SYSTEM, problems.TOO_OFTEN]
    assert 1 <= int(answers[1].headers["Retry-After"]) <= 10
    assert system.post(URL, data={"token": "x"}).get_json() == {"active": False}


def test_a_system_that_ended_may_ask_no_more(app: Flask) -> None:
    with app.app_context():
        _, key = awake()
    system = asker(app, "Oud portaal")
    assert system.post(URL, data={"token": key}).get_json()["active"]
    with app.app_context():
        asking.end("Oud portaal")
    assert system.post(URL, data={"token": key}).status_code == 401


@pytest.mark.parametrize(
    ("sent", "problem", "fields"),
    [
        ({"data": {"token_type_hint": "access_token"}}, problems.INPUT, ["token"]),
        ({"data": {"token": ["a", "b"]}}, problems.INPUT, ["token"]),
        ({"data": {"token": "x" * 1001, "token_type_hint": "y" * 101}}, problems.INPUT, ["token", "token_type_hint"]),
        ({"json": {"token": "x"}}, problems.MEDIA_TYPE, None),
        ({"data": {"token": "x"}, "content_type": "multipart/form-data"}, problems.MEDIA_TYPE, None),
        ({}, problems.MEDIA_TYPE, None),
        ({"data": {"token": "x" * 600_000}}, problems.TOO_LARGE, None),
        ({"data": {"token": "x"}, "headers": {"Accept": "application/xml"}}, problems.NOT_ACCEPTABLE, None),
    ],
)
def test_a_question_that_cannot_be_read_is_a_problem(
    app: Flask, sent: dict[str, Any], problem: problems.Problem, fields: list[str] | None
) -> None:
    answer = asker(app).post(URL, **sent)
    assert problem_of(answer) is problem
    if fields:
        assert [fault["veld"] for fault in answer.get_json()["fouten"]] == fields, "/core/error-handling/all-errors"


def test_a_token_in_the_address_is_refused(app: Flask) -> None:
    with app.app_context():
        _, key = awake()
    answer = asker(app).post(f"{URL}?token={key}", data={"token": key})
    assert problem_of(answer) is problems.SECRET_IN_ADDRESS

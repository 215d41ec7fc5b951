"""The guard of the API: a key in the header Authorization opens it, and nothing else does."""

from collections.abc import Callable
from datetime import UTC
from typing import Any

import pytest
from flask import Flask, g
from flask.testing import FlaskClient

from keyservice import audit
from keyservice.api import problems
from keyservice.audit.models import AuditEvent
from keyservice.database import db
from keyservice.kernel.errors import Refused
from keyservice.sleutels import limits, service
from keyservice.sleutels.blocking import suspend_by_program
from keyservice.sleutels.format import Omgeving
from keyservice.sleutels.models import Sleutel
from keyservice.web import access
from tests.api.test_problems import problem_of
from tests.factories.aanvragen import actor
from tests.factories.keys import DOSSIER, asleep, awake, mistyped, queries
from tests.factories.machines import Machine


@pytest.mark.parametrize("omgeving", list(Omgeving))
def test_a_key_sees_its_own_facts_and_for_which_omgeving_it_is(app: Flask, omgeving: Omgeving) -> None:
    with app.app_context():
        sleutel_id, key = awake(omgeving)
        row = db.session.get_one(Sleutel, sleutel_id)
        facts = (row.number, row.expires_at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    answer = Machine(app, key).get("/v1/sleutel")
    assert answer.status_code == 200
    assert answer.get_json() == {
        "nummer": facts[0],
        "omgeving": omgeving.value,
        "gemeente": "9998",
        "status": "actief",
        "geldigTot": facts[1],
    }


def revoke(key: Any) -> None:
    service.revoke(actor("rosa"), key, "cancelled", dossier=DOSSIER)


def suspend(key: Any) -> None:
    suspend_by_program(key, "mismatch", dossier=DOSSIER)


@pytest.mark.parametrize(
    ("happen", "problem"), [(revoke, problems.REVOKED), (suspend, problems.SUSPENDED)], ids=["revoked", "suspended"]
)
def test_who_has_the_whole_key_hears_why_it_does_not_work(
    app: Flask, happen: Callable[[Any], None], problem: problems.Problem
) -> None:
    with app.app_context():
        sleutel_id, key = awake()
        happen(sleutel_id)
        number = db.session.get_one(Sleutel, sleutel_id).number
    answer = Machine(app, key).get("/v1/sleutel")
    assert problem_of(answer) is problem
    assert answer.get_json()["sleutel"] == number
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


def test_a_sleeping_key_is_told_that_it_must_be_activated(app: Flask) -> None:
    with app.app_context():
        _, key = asleep()
    assert problem_of(Machine(app, key).get("/v1/sleutel")) is problems.SLEEPING


def test_everything_else_gets_one_answer(app: Flask) -> None:
    with app.app_context():
        _, key = awake()
    shown = [
        None,
        "",
        "Bearer",
        "Bearer ",
        f"Bearer {mistyped(key)}",
        f"Bearer {key} {key}",
        f"Basic {key}",
        f"Bearer asl_p_{'0' * 38}",
        f"Digest {key}",
        key,
        f"Token {key}",
        "Bearer \u00e9\u00e9n",
    ]
    answers = [app.test_client().get("/v1/sleutel", headers={"Authorization": one} if one else {}) for one in shown]
    told = {(answer.status_code, answer.data, str(sorted(answer.headers))) for answer in answers}
    assert len(told) == 1
    assert problem_of(answers[0]) is problems.NO_KEY
    assert answers[0].headers["WWW-Authenticate"] == 'Bearer realm="Sleuteluitgifte"'


def test_the_name_of_the_scheme_is_read_in_any_case(app: Flask) -> None:
    with app.app_context():
        _, key = awake()
    answer = app.test_client().get("/v1/sleutel", headers={"Authorization": f"bEARER {key}"})
    assert answer.status_code == 200, "RFC 9110, 11.1"


@pytest.mark.parametrize("place", ["?sleutel={}", "?access_token={}", "/{}", "?x=a%5Fb&y={}"])
def test_a_key_in_an_address_is_refused_although_it_is_good(app: Flask, place: str) -> None:
    with app.app_context():
        _, key = awake()
    answer = Machine(app, key).get("/v1/sleutel" + place.format(key))
    assert answer.status_code == 400, "/core/transport/no-sensitive-uris"
    assert problem_of(answer) is problems.SECRET_IN_ADDRESS
    assert key not in answer.text + str(answer.headers)


def test_a_login_does_not_open_the_api_and_a_key_opens_no_page(
    app: Flask, browser_of: Callable[[str], FlaskClient]
) -> None:
    with app.app_context():
        _, key = awake()
    assert browser_of("anna").get("/v1/sleutel").status_code == 401
    page = app.test_client().get("/aanvragen", headers={"Authorization": f"Bearer {key}"})
    assert (page.status_code, page.location) == (303, "/inloggen?next=/aanvragen")


def test_a_flood_of_mistyped_keys_reaches_no_database(app: Flask) -> None:
    with app.app_context():
        _, key = awake()
        wrong = Machine(app, mistyped(key))
        with queries() as sent:
            assert {wrong.get("/v1/sleutel").status_code for _ in range(200)} == {401}
        assert sent == []


def test_a_good_key_costs_one_query(app: Flask) -> None:
    with app.app_context():
        _, key = awake()
        machine = Machine(app, key)
        assert machine.get("/v1/sleutel").status_code == 200
        with queries() as sent:
            assert machine.get("/v1/sleutel").status_code == 200
        assert [one.split()[0] for one in sent] == ["SELECT"]


def test_who_asks_too_often_hears_how_long_to_wait(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(app.extensions, "keyservice.limits", limits.Limits(keys=limits.Rate(3, 0.1)))
    with app.app_context():
        _, key = awake()
        machine = Machine(app, key)
        answers = [machine.get("/v1/sleutel") for _ in range(5)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 429, 429]
        with queries() as sent:
            answer = machine.get("/v1/sleutel")
        assert sent == [], "an answer of 429 may not cost more than one of 200"
    assert problem_of(answer) is problems.TOO_OFTEN
    assert 1 <= int(answer.headers["Retry-After"]) <= 30
    assert answer.headers["API-Version"]


def test_a_use_case_is_given_the_key_as_the_actor(app: Flask) -> None:
    with app.app_context():
        sleutel_id, key = awake()
    with app.test_request_context("/v1/sleutel", headers={"Authorization": f"Bearer {key}"}):
        app.preprocess_request()
        who = access.actor()
        assert (who.person, who.gemeente, who.origin, who.sleutel) == (None, "9998", "api", sleutel_id)
        assert g.sleutel.id == sleutel_id
        assert not who.roles


def test_i11_a_refused_act_of_a_key_is_an_event_that_names_the_key(app: Flask) -> None:
    with app.app_context():
        sleutel_id, key = awake()
    with app.test_request_context("/v1/sleutel", headers={"Authorization": f"Bearer {key}"}):
        app.preprocess_request()
        assert app.handle_user_exception(Refused("role")).status_code == 403  # type: ignore[union-attr]  # a Response
        last = db.session.query(AuditEvent).order_by(AuditEvent.row.desc()).first()
        assert last is not None
        assert (last.code, last.gemeente) == ("access:refuse", "9998")
        assert f'"sleutel":"{sleutel_id}"'.encode() in last.canonical
        assert audit.Result.REFUSED.encode() in last.canonical

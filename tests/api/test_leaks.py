"""`POST /v1/gelekte-sleutels`: a program shows keys that it found, without a key of its own."""

from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from keyservice.api import problems
from keyservice.database import db
from keyservice.issuance import service
from keyservice.sleutels.format import Omgeving, new_key
from keyservice.sleutels.models import Sleutel
from tests.api.test_problems import problem_of
from tests.conftest import post
from tests.factories.aanvragen import actor
from tests.factories.issuance import Held, held, issuance, issued
from tests.factories.keys import queries
from tests.journeys.test_i6_no_secret_in_clear import delivered, files, found, logs, rows, sms

URL = "/v1/gelekte-sleutels"
__all__ = ["logs"]  # a fixture
Key = tuple[UUID, Held]


def working(omgeving: str = "productie") -> Key:
    issuance_id = issued(omgeving)
    both = held(issuance_id)
    service.activate(actor("anna"), issuance_id, both.code)
    return issuance(issuance_id).sleutel_id, both


@pytest.fixture
def key(app: Flask) -> Key:
    with app.app_context():
        return working()


def reason(app: Flask, sleutel_id: UUID) -> str | None:
    with app.app_context():
        return db.session.get_one(Sleutel, sleutel_id).reason


def report(client: FlaskClient, find: dict[str, object]) -> TestResponse:
    return client.post(URL, json=find)


def test_a_found_key_works_no_more_and_the_answer_is_the_same_byte_for_byte(
    app: Flask, client: FlaskClient, key: Key
) -> None:
    sleutel_id, both = key
    answers = [
        report(client, {"sleutel": shown, "gevondenOp": "https://voorbeeld.example/map"})
        for shown in (both.key.reveal(), new_key(Omgeving.PRODUCTIE).reveal(), both.key.reveal())
    ]
    assert {(a.status_code, a.data, tuple(a.headers)) for a in answers} == {
        (200, answers[0].data, tuple(answers[0].headers))
    }
    assert answers[0].get_json() == {"melding": "Dank u. Als dit een geldige sleutel is, werkt hij nu niet meer."}
    assert "Set-Cookie" not in answers[0].headers
    assert reason(app, sleutel_id) == "leaked"


def test_one_report_holds_several_keys_and_what_is_no_key_stops_none(app: Flask, client: FlaskClient) -> None:
    with app.app_context():
        one, other = working(), working("acceptatie")
    text = f"{one[1].key.reveal()}\nasl_p_{'a' * 38}\nKEY={other[1].key.reveal()};"
    assert report(client, {"sleutel": text, "gevondenOp": None}).status_code == 200
    assert [reason(app, sleutel_id) for sleutel_id, _ in (one, other)] == ["leaked", "leaked"]


def test_a_number_alone_revokes_nothing(app: Flask, client: FlaskClient, key: Key) -> None:
    with app.app_context():
        number = db.session.get_one(Sleutel, key[0]).number
    assert report(client, {"sleutel": number}).status_code == 200
    assert reason(app, key[0]) is None


@pytest.mark.parametrize(
    "sent", ["[]", "{}", "7", '{"sleutel": 7}', '{"sleutel": ""}', '{"sleutel": "x", "anders": 1}']
)
def test_bad_input_is_told_by_field(client: FlaskClient, sent: str) -> None:
    answer = client.post(URL, data=sent, content_type="application/json")
    assert problem_of(answer) is problems.INPUT
    assert answer.get_json()["fouten"]


def test_more_keys_than_one_report_holds_are_told(client: FlaskClient) -> None:
    many = " ".join(new_key(Omgeving.PRODUCTIE).reveal() for _ in range(101))
    answer = report(client, {"sleutel": many})
    assert problem_of(answer) is problems.INPUT
    assert answer.get_json()["fouten"][0]["code"] == "leak-too-many"


def test_a_flood_of_bad_checksums_reaches_no_database_and_blocks_no_real_report(
    app: Flask, client: FlaskClient, key: Key
) -> None:
    good = key[1].key.reveal()
    with app.app_context(), queries() as sent:
        for n in range(300):
            bad = f"{good[:-6]}{n:06d}"
            assert report(client, {"sleutel": bad}).status_code == 200
    assert sent == []
    assert report(client, {"sleutel": good}).status_code == 200
    assert reason(app, key[0]) == "leaked"


def test_many_keys_that_never_existed_are_told_to_wait_and_another_network_is_not(
    app: Flask, client: FlaskClient, key: Key
) -> None:
    for _ in range(30):
        answer = report(client, {"sleutel": new_key(Omgeving.PRODUCTIE).reveal()})
    assert problem_of(answer) is problems.TOO_OFTEN
    assert int(answer.headers["Retry-After"]) > 0
    elsewhere = client.post(URL, json={"sleutel": key[1].key.reveal()}, environ_base={"REMOTE_ADDR": "198.51.100.77"})
    assert elsewhere.status_code == 200
    assert reason(app, key[0]) == "leaked"


def test_i6_a_reported_key_stands_nowhere_in_database_log_or_mail(
    app: Flask, client: FlaskClient, tmp_path: Path, logs: Callable[[], bytes]
) -> None:
    with app.app_context():
        one, other = working(), working("acceptatie")
        delivered(app, tmp_path / "before")
        before = len(sms(app))
    unknown = new_key(Omgeving.PRODUCTIE).reveal()
    keys = [one[1].key.reveal(), other[1].key.reveal(), unknown]
    report(client, {"sleutel": f"a={keys[0]}", "gevondenOp": f"https://voorbeeld.example/?k={keys[0]}"})
    post(app.test_client(), "/gelekte-sleutel", {"sleutel": keys[1], "gevonden_op": f"In {keys[1]} en {unknown}"})
    report(client, {"sleutel": unknown[:-1] + ("a" if unknown[-1] != "a" else "b"), "gevondenOp": unknown})
    with app.app_context():
        mails = delivered(app, tmp_path / "after")
        told = sms(app)[before:]
        assert mails
        assert told
        places = (rows(), files(app), logs(), *mails, *told)
    assert found(keys, *places) == []

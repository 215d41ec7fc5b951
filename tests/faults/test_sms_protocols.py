"""What each provider of sms has of its own: token, template and limits of NotifyNL; header and body of a gateway."""

import json
from collections.abc import Iterator
from uuid import uuid4

import jwt
import pytest
from flask import Flask

from keyservice import settings
from keyservice.kernel.secret import Secret
from keyservice.outbox.delivery import deliver_due
from keyservice.outbox.models import Delivery, OutboxMessage
from tests.factories.post import app_for_post, make_due, row, statuses
from tests.fake_sms import API_KEY, KEY_SECRET, SERVICE, TEMPLATE, TOKEN, Gateway, NotifyNl, Taken, running
from tests.fakes import free_port
from tests.faults.test_sms_providers import ANNA, BEA, GERT, TEXT, conf, queue_sms


@pytest.fixture
def notifynl(app: Flask) -> Iterator[NotifyNl]:
    provider = NotifyNl()
    with running(provider) as port, app_for_post(app, free_port(), sms=conf("notifynl", port)):
        yield provider


def send(app: Flask, gateway: Gateway, **changed: object) -> OutboxMessage:
    """Send one sms through a gateway with these settings, and return it as it stands in the queue then."""
    with running(gateway) as port, app_for_post(app, free_port(), sms=conf("http", port, **changed)):
        queue_sms()
        deliver_due()
        return row("anna")


def test_notifynl_gets_the_sms_as_one_value_of_a_template_under_a_fresh_token(notifynl: NotifyNl) -> None:
    queue_sms()
    number = str(row("anna").id)
    deliver_due()
    assert notifynl.paths == ["/v2/notifications/sms"]
    assert notifynl.asked == [
        {"phone_number": ANNA, "template_id": TEMPLATE, "personalisation": {"text": TEXT}, "reference": number}
    ]
    (headers,) = notifynl.headers
    token = headers["Authorization"].removeprefix("Bearer ")
    assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
    assert jwt.decode(token, KEY_SECRET, algorithms=["HS256"])["iss"] == SERVICE


@pytest.mark.parametrize(
    ("secret", "seconds", "told"),
    [
        (API_KEY.replace("3d844edf", "00000000"), 0, "HTTP 403 AuthError"),
        (API_KEY.replace("26785a09", "00000000"), 0, "HTTP 403 AuthError"),
        (API_KEY, 40, "HTTP 403 AuthError, the clock of this machine is off"),
        (API_KEY, -40, "HTTP 403 AuthError, the clock of this machine is off"),
        (API_KEY, 20, None),
    ],
    ids=["wrong secret", "wrong service", "clock behind", "clock ahead", "clock a little off"],
)
def test_a_key_or_clock_that_notifynl_refuses_costs_no_sms(
    app: Flask, secret: str, seconds: int, told: str | None
) -> None:
    provider = NotifyNl()
    provider.seconds_ahead = seconds
    with running(provider) as port:
        with app_for_post(app, free_port(), sms=conf("notifynl", port, secret=Secret(secret))):
            queue_sms()
            deliver_due()
            assert row("anna").last_error == told
        provider.seconds_ahead = 0
        with app_for_post(app, free_port(), sms=conf("notifynl", port)):
            make_due()
            deliver_due()
            assert statuses() == {"anna": "sent"}
            assert len(provider.taken) == 1


def test_what_exceeds_the_rate_of_notifynl_goes_in_the_next_minute(notifynl: NotifyNl) -> None:
    notifynl.limit = 2
    for number in range(4):
        queue_sms(f"sms {number}")
    deliver_due()
    assert sorted(statuses().values()) == ["sent", "sent", "waiting", "waiting"]
    assert {row(key).last_error for key in statuses()} == {None, "HTTP 429 RateLimitError"}
    notifynl.limit = 4
    make_due()
    deliver_due()
    assert set(statuses().values()) == {"sent"}
    assert len({one.reference for one in notifynl.taken}) == 4


def test_a_number_that_notifynl_refuses_goes_to_a_person(notifynl: NotifyNl) -> None:
    queue_sms("bad", "+0")
    queue_sms("anna")
    deliver_due()
    assert statuses() == {"bad": "dead", "anna": "sent"}
    assert row("bad").last_error == "HTTP 400 ValidationError"


def test_a_template_that_is_not_there_is_the_operators_to_mend_and_costs_no_sms(
    app: Flask, capfd: pytest.CaptureFixture[str]
) -> None:
    provider = NotifyNl()
    with running(provider) as port:
        with app_for_post(app, free_port(), sms=conf("notifynl", port, template=str(uuid4()))):
            queue_sms()
            deliver_due()
            assert (row("anna").status, row("anna").last_error) == (Delivery.WAITING, "HTTP 400 BadRequestError")
            assert "sms provider refuses us" in capfd.readouterr().out
        with app_for_post(app, free_port(), sms=conf("notifynl", port)):
            make_due()
            deliver_due()
            assert row("anna").status is Delivery.SENT


def test_a_template_without_the_text_does_not_pass_for_a_password_that_was_sent(notifynl: NotifyNl) -> None:
    notifynl.content = "Beste klant, er is nieuws."
    queue_sms()
    deliver_due()
    assert (row("anna").status, row("anna").last_error) == (Delivery.DEAD, "the template of NotifyNL lacks ((text))")
    assert row("anna").content is not None
    assert len(notifynl.asked) == 1, "nobody gets the same empty sms twenty times"


def test_a_service_name_before_the_text_and_tidied_spaces_are_still_our_text(notifynl: NotifyNl) -> None:
    notifynl.content = "DUO Inburgering: ((text))\n"
    queue_sms(name="Anna  ,")
    deliver_due()
    assert row("anna").status is Delivery.SENT


@pytest.mark.parametrize("answer", [[], {}, {"content": None}, {"id": "x", "content": {}}, "ja", None])
def test_an_answer_that_is_not_notifynls_counts_as_nothing_sent(
    notifynl: NotifyNl, monkeypatch: pytest.MonkeyPatch, answer: object
) -> None:
    monkeypatch.setattr(notifynl, "accept", lambda *_: (201, answer))
    queue_sms()
    deliver_due()
    assert (row("anna").status, row("anna").last_error) == (Delivery.WAITING, "answer not understood")


def test_a_gateway_gets_number_text_and_reference_and_the_reference_as_idempotency_key(app: Flask) -> None:
    gateway = Gateway()
    sent = send(app, gateway)
    number = str(sent.id)
    assert gateway.asked == [{"to": ANNA, "text": TEXT, "reference": number}]
    (headers,) = gateway.headers
    assert headers["Idempotency-Key"] == number
    assert headers["Authorization"] == f"Bearer {TOKEN}"
    assert headers["Content-Type"] == "application/json"
    assert sent.status is Delivery.SENT


def test_a_gateway_may_want_a_header_of_its_own(app: Flask) -> None:
    gateway = Gateway()
    gateway.header, gateway.value = "X-Product-Token", "een: eigen kop"
    sent = send(app, gateway, secret=Secret("X-Product-Token:  een: eigen kop"))
    assert sent.status is Delivery.SENT
    assert "Authorization" not in gateway.headers[0]


def test_a_gateway_may_want_a_body_of_its_own(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    gateway = Gateway()
    monkeypatch.setattr(gateway, "accept", lambda *_: (200, {"accepted": True}))
    body = {
        "originator": "DUO",
        "urgent": True,
        "recipients": ["00{digits}", {"plus": "{to}"}],
        "body": {"text": "{text}", "times": 1, "other": None},
        "client": "ks-{reference}-{onbekend}",
    }
    sent = send(app, gateway, body=json.dumps(body))
    assert gateway.asked == [
        {
            "originator": "DUO",
            "urgent": True,
            "recipients": ["0031612345678", {"plus": ANNA}],
            "body": {"text": TEXT, "times": 1, "other": None},
            "client": f"ks-{sent.id}-{{onbekend}}",
        }
    ]
    assert sent.status is Delivery.SENT


def test_no_value_can_add_a_field_or_fill_another_place(app: Flask) -> None:
    gateway = Gateway()
    with running(gateway) as port, app_for_post(app, free_port(), sms=conf("http", port)):
        queue_sms(name='x", "to": "y" (to) <')
        deliver_due()
        number = str(row("anna").id)
    text = 'Code GEHEIM-WOORD voor x", "to": "y" (to) <'
    assert gateway.taken == [Taken(ANNA, text, number)]


def test_a_gateway_that_calls_a_message_wrong_keeps_the_others_going(app: Flask) -> None:
    gateway = Gateway()
    gateway.fault_of = {BEA: 422}
    with running(gateway) as port, app_for_post(app, free_port(), sms=conf("http", port)):
        for key, to in (("anna", ANNA), ("bea", BEA), ("gert", GERT)):
            queue_sms(key, to)
        deliver_due()
        assert statuses() == {"anna": "sent", "bea": "dead", "gert": "sent"}
        assert row("bea").last_error == "HTTP 422"


def test_through_a_real_provider_no_sms_is_written_in_clear(app: Flask) -> None:
    with app_for_post(app, free_port(), sms=conf("http", free_port())):
        queue_sms()
        deliver_due()
        assert row("anna").status is Delivery.WAITING
        assert not (settings.current().instance / "postvak").exists()

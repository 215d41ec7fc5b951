"""Three ways for an sms, one behaviour: no sms is lost, doubled unrecognisably, changed, or told to a log."""

import logging
import ssl
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic

import pytest
from flask import Flask
from sqlalchemy import update

from keyservice import settings
from keyservice.database import transaction
from keyservice.kernel.secret import Secret
from keyservice.outbox import delivery
from keyservice.outbox.channels import sms_notify, sms_session
from keyservice.outbox.delivery import deliver_due
from keyservice.outbox.models import Channel, Delivery, OutboxMessage
from keyservice.settings_sms import PLAIN_BODY, Sms, SmsProvider
from tests.factories.post import app_for_post, make_due, queue, row, statuses
from tests.fake_sms import API_KEY, KEY_SECRET, TEMPLATE, TOKEN, Gateway, NotifyNl, Provider, Taken, running
from tests.fakes import Authority, free_port

ANNA, BEA, GERT = "+31612345678", "+31687654321", "+31611111111"
TEXT = "Code GEHEIM-WOORD voor Anna"
WEB = ("notifynl", "http")


@dataclass
class Way:
    """A provider under test: what the settings say, and what stands at its other end."""

    sms: Sms
    provider: Provider | None

    def arrived(self) -> list[Taken]:
        """Return what arrived, also in the files of the embedded provider."""
        if self.provider:
            return self.provider.taken
        found = []
        for file in sorted((settings.current().instance / "postvak" / "sms").glob("*.txt")):
            head, text = file.read_text().split("\n\n")
            found.append(Taken(head.removeprefix("Aan: "), text.strip(), file.stem.split("-", 1)[1]))
        return found


def conf(name: str, port: int, **changed: object) -> Sms:
    """Return the settings for a provider at a port of this machine."""
    path, secret = ("", API_KEY) if name == "notifynl" else (Gateway.path, TOKEN)
    sms = Sms(SmsProvider(name), f"http://127.0.0.1:{port}{path}", Secret(secret), TEMPLATE, PLAIN_BODY, None)
    return replace(sms, **changed)  # type: ignore[arg-type]  # fields of several types


@pytest.fixture(params=["file", *WEB])
def way(app: Flask, request: pytest.FixtureRequest) -> Iterator[Way]:
    """Return each provider in turn."""
    if request.param == "file":
        sms = app.extensions["keyservice.settings"].sms
        with app_for_post(app, free_port()):
            yield Way(sms, None)
        return
    yield from running_way(app, request.param)


@pytest.fixture(params=WEB)
def web(app: Flask, request: pytest.FixtureRequest) -> Iterator[Way]:
    """Return each provider that is talked to over HTTP."""
    yield from running_way(app, request.param)


def running_way(app: Flask, name: str) -> Iterator[Way]:
    provider: Provider = NotifyNl() if name == "notifynl" else Gateway()
    with running(provider) as port, app_for_post(app, free_port(), sms=conf(name, port)):
        yield Way(settings.current().sms, provider)


def queue_sms(key: str = "anna", to: str = ANNA, **values: str) -> None:
    queue(key, to, channel=Channel.SMS, values=values)


def made(web: Way) -> Provider:
    assert web.provider
    return web.provider


def lease_lapses() -> None:
    with transaction() as session:
        session.execute(update(OutboxMessage).values(lease_until=datetime(2020, 1, 1, tzinfo=UTC)))


# What holds for each provider


def test_i5_an_sms_arrives_once_with_its_exact_text_and_number_and_is_wiped(way: Way) -> None:
    queue_sms()
    assert deliver_due() == 1
    assert deliver_due() == 0
    assert way.arrived() == [Taken(ANNA, TEXT, str(row("anna").id))]
    sent = row("anna")
    assert (sent.status, sent.content, sent.final, sent.last_error) == (Delivery.SENT, None, None, None)


def test_i5_a_repeat_after_a_crash_can_be_recognised(way: Way) -> None:
    queue_sms()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(delivery, "_mark_sent", lambda _row: None)  # the worker dies before it can mark
        deliver_due()
    lease_lapses()
    deliver_due()
    assert row("anna").status is Delivery.SENT
    assert set(way.arrived()) == {Taken(ANNA, TEXT, str(row("anna").id))}
    assert len(way.arrived()) == (2 if way.provider else 1)


def test_i5_what_fails_for_now_is_kept_sealed_and_goes_later(way: Way) -> None:
    folder = settings.current().instance / "postvak"
    if way.provider:
        way.provider.faults = [500]
    else:
        folder.write_text("a file where a folder should be")
    queue_sms()
    deliver_due()
    waiting = row("anna")
    assert (waiting.status, waiting.attempts, way.arrived()) == (Delivery.WAITING, 1, [])
    assert waiting.final is not None
    assert b"GEHEIM" not in waiting.final
    folder.unlink(missing_ok=True)
    make_due()
    deliver_due()
    assert row("anna").status is Delivery.SENT
    assert way.arrived() == [Taken(ANNA, TEXT, str(row("anna").id))]


def test_one_sms_that_can_never_go_does_not_block_the_others(way: Way) -> None:
    queue_sms("anna")
    queue_sms("long", BEA, name="A" * 150)
    queue_sms("gert", GERT)
    deliver_due()
    assert statuses() == {"anna": "sent", "long": "dead", "gert": "sent"}
    assert row("long").last_error == "sms of 173 characters"
    assert row("long").content is not None, "kept for the person who looks"
    assert sorted(one.to for one in way.arrived()) == [GERT, ANNA]


# What an answer means


@pytest.mark.parametrize(
    ("fault", "status", "told"),
    [
        (400, Delivery.DEAD, {"HTTP 400 ValidationError", "HTTP 400"}),
        (401, Delivery.WAITING, {"HTTP 401 AuthError", "HTTP 401"}),
        (402, Delivery.WAITING, {"HTTP 402"}),
        (403, Delivery.WAITING, {"HTTP 403 AuthError", "HTTP 403"}),
        (404, Delivery.WAITING, {"HTTP 404"}),
        (429, Delivery.WAITING, {"HTTP 429 TooManyRequestsError", "HTTP 429"}),
        (500, Delivery.WAITING, {"HTTP 500"}),
        (503, Delivery.WAITING, {"HTTP 503"}),
        ("redirect", Delivery.WAITING, {"HTTP 307"}),
        ("page", Delivery.WAITING, {"answer not understood"}),
        ("drop", Delivery.WAITING, {"ConnectionError"}),
        ("garbage", Delivery.WAITING, {"ConnectionError"}),
    ],
)
def test_a_fault_of_one_sms_ends_in_the_right_state_and_the_others_go(
    web: Way, fault: int | str, status: Delivery, told: set[str]
) -> None:
    made(web).fault_of = {BEA: fault}
    for key, to in (("anna", ANNA), ("bea", BEA), ("gert", GERT)):
        queue_sms(key, to)
    deliver_due()
    assert statuses() == {"anna": "sent", "bea": str(status), "gert": "sent"}
    assert row("bea").last_error in told
    assert len(made(web).asked) == 3, "nothing is asked twice, and no redirect is followed"


def test_i6_what_a_provider_repeats_of_number_text_and_token_comes_into_no_error_and_no_log(
    web: Way, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(0)
    for name in ("notifications_python_client.base", "urllib3.connectionpool", "requests", "keyservice"):
        caplog.set_level(logging.DEBUG, name)
    made(web).faults = [400, 401, 403, 429, 500, "redirect", "page", "drop", "garbage"]
    for number in range(len(made(web).faults) + 1):
        queue_sms(f"sms {number}", f"+3161234567{number}")
    while "sent" not in statuses().values():
        make_due()
        deliver_due()
    out = "\n".join([caplog.text, *capfd.readouterr(), *(str(row(key).last_error) for key in statuses())])
    tokens = {headers["Authorization"].removeprefix("Bearer ") for headers in made(web).headers}
    assert [secret for secret in {"1234567", "GEHEIM", KEY_SECRET, TOKEN, *tokens} if secret in out] == []
    assert "sms provider refuses us" in out, "an operator sees that he must do something"
    assert "urllib3.connectionpool" in out, "the canaries could have been seen"


def test_an_sms_that_nobody_takes_in_time_waits_and_the_others_go(web: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sms_session, "TIMEOUT_SECONDS", 0.3)
    monkeypatch.setattr(sms_notify, "TIMEOUT_SECONDS", 0.3)
    made(web).fault_of = {BEA: "hang"}
    for key, to in (("anna", ANNA), ("bea", BEA), ("gert", GERT)):
        queue_sms(key, to)
    started = monotonic()
    deliver_due()
    assert monotonic() - started < 3
    assert statuses() == {"anna": "sent", "bea": "waiting", "gert": "sent"}
    assert row("bea").last_error == "ReadTimeout"


@pytest.mark.parametrize("name", WEB)
def test_i5_a_provider_that_is_away_costs_no_sms(app: Flask, name: str) -> None:
    with app_for_post(app, free_port(), sms=conf(name, free_port())):
        for number in range(5):
            queue_sms(f"sms {number}")
        deliver_due()
        assert set(statuses().values()) == {"waiting"}
        assert {row(key).last_error for key in statuses()} == {"ConnectionError", "connection lost"}


def test_a_batch_goes_over_one_connection(web: Way) -> None:
    for number in range(5):
        queue_sms(f"sms {number}")
    deliver_due()
    assert len(web.arrived()) == 5
    assert made(web).connections == 1


def test_a_login_in_the_home_folder_never_takes_the_place_of_our_own(
    web: Way, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login iemand password anders\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    queue_sms()
    deliver_due()
    assert row("anna").status is Delivery.SENT
    assert all(headers["Authorization"].startswith("Bearer ") for headers in made(web).headers)


def test_the_proxy_of_the_environment_is_used(web: Way, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    proxy = Gateway()
    proxy.faults = [503]
    with running(proxy) as port:
        monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{port}")
        queue_sms()
        deliver_due()
    assert proxy.paths == [f"http://127.0.0.1:{made(web).port}{made(web).path}"]
    assert web.arrived() == []


# Who is at the other end


@pytest.mark.parametrize("name", WEB)
@pytest.mark.parametrize("wrong", ["", "another name", "unknown authority", "no authority set"])
def test_a_provider_that_cannot_prove_who_it_is_gets_no_sms(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, wrong: str
) -> None:
    authority, other = Authority(tmp_path), Authority(tmp_path, "other")
    trusted = {"unknown authority": other.file, "no authority set": None}.get(wrong, authority.file)
    if wrong == "unknown authority":
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(authority.file))
    provider: Provider = NotifyNl() if name == "notifynl" else Gateway()
    tls = authority.server_context("kwaad.example" if wrong == "another name" else "127.0.0.1")
    with running(provider, tls) as port:
        url = conf(name, port).url.replace("http:", "https:")
        with app_for_post(app, free_port(), sms=conf(name, port, url=url, ca_file=trusted)):
            queue_sms()
            deliver_due()
            error = row("anna").last_error
            if wrong:
                assert row("anna").status is Delivery.WAITING
                assert str(error).startswith("certificate: ")
                assert provider.asked == []
            else:
                assert (row("anna").status, error, len(provider.taken)) == (Delivery.SENT, None, 1)


def test_the_oldest_versions_of_tls_are_refused() -> None:
    context = sms_session.tls_context()
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2
    assert context.check_hostname
    assert context.verify_mode is ssl.CERT_REQUIRED


@pytest.mark.parametrize("name", WEB)
def test_a_provider_that_drips_its_answer_without_end_is_given_up(
    app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(sms_session, "LONGEST_ANSWER_SECONDS", 0.7)
    authority, provider = Authority(tmp_path), NotifyNl() if name == "notifynl" else Gateway()
    provider.fault_of = {BEA: "drip"}
    with running(provider, authority.server_context("127.0.0.1")) as port:
        url = conf(name, port).url.replace("http:", "https:")
        with app_for_post(app, free_port(), sms=conf(name, port, url=url, ca_file=authority.file)):
            for key, to in (("bea", BEA), ("gert", GERT)):
                queue_sms(key, to)
            started = monotonic()
            deliver_due()
            assert monotonic() - started < 3
            assert statuses() == {"bea": "waiting", "gert": "sent"}
            assert row("bea").last_error == "ReadTimeout"

"""A clock that runs a year ahead, or is put back a day: nothing wakes that slept, nothing hangs, nothing goes twice."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import time_machine
from flask import Flask

from keyservice.aanvragen.models import Aanvraag
from keyservice.audit.queries import of_dossier
from keyservice.database import db
from keyservice.demo.mailbox import DemoMailServer
from keyservice.issuance import queries, service
from keyservice.issuance.models import End
from keyservice.kernel import clock
from keyservice.kernel.ids import new_id
from keyservice.outbox.delivery import claim
from keyservice.outbox.models import Delivery, OutboxMessage
from keyservice.sleutels.life import State, state
from keyservice.worker import run_once
from tests.factories.aanvragen import actor
from tests.factories.issuance import held, issuance, issued

YEAR, DAY = timedelta(days=366), timedelta(days=1)


@pytest.fixture
def app_with_mail(app: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Flask]:
    """Give an application whose mails go to a real server."""
    conf = app.extensions["keyservice.settings"]
    with DemoMailServer(tmp_path) as server:
        changed = replace(conf, mail_server="127.0.0.1", mail_port=server.port)
        monkeypatch.setitem(app.extensions, "keyservice.settings", changed)
        yield app


def test_i16_a_year_ahead_and_back_ends_keys_and_wakes_none(app_with_mail: Flask) -> None:
    with app_with_mail.app_context():
        sleeping, active = issued(), issued("acceptatie")
        service.activate(actor("anna"), active, held(active).code)
    with time_machine.travel(clock.now() + YEAR):
        run_once(app_with_mail)
        with app_with_mail.app_context():
            assert issuance(sleeping).end_reason is End.LAPSED
            assert state(issuance(active).sleutel.facts, clock.now()) is State.EXPIRED
    run_once(app_with_mail)
    with app_with_mail.app_context():
        assert state(issuance(sleeping).sleutel.facts, clock.now()) is State.REVOKED
        assert state(issuance(active).sleutel.facts, clock.now()) is State.ACTIVE
        again = service.reissue(actor("rosa"), issuance(sleeping).aanvraag_id)
        assert issuance(again).number == 2


def test_after_the_clock_was_put_back_a_day_messages_go_all_the_same(app_with_mail: Flask) -> None:
    with time_machine.travel(clock.now() + DAY), app_with_mail.app_context():
        issuance_id = issued()
    run_once(app_with_mail)
    with app_with_mail.app_context():
        aanvraag_id = issuance(issuance_id).aanvraag_id
        rows = db.session.query(OutboxMessage).where(OutboxMessage.dossier == aanvraag_id).all()
        assert {row.status for row in rows} == {Delivery.SENT}


def test_i5_a_lease_from_before_the_clock_was_put_back_ends(app_with_mail: Flask) -> None:
    with time_machine.travel(clock.now() + DAY), app_with_mail.app_context():
        issued()
        assert claim(new_id(), 50), "a worker took it and died"
    run_once(app_with_mail)
    with app_with_mail.app_context():
        assert {row.status for row in db.session.query(OutboxMessage)} == {Delivery.SENT}


@pytest.mark.usefixtures("context")
def test_i4_events_stay_in_their_order_whatever_the_clock_says() -> None:
    with time_machine.travel(clock.now() + YEAR):
        issuance_id = issued()
    aanvraag_id = issuance(issuance_id).aanvraag_id
    service.cancel(actor("rik"), issuance_id, "De klok liep voor")
    events = of_dossier(aanvraag_id)
    assert [event.number for event in events] == list(range(1, len(events) + 1))
    assert events[-1].at < events[0].at
    assert db.session.get_one(Aanvraag, aanvraag_id).status == "issued"
    assert queries.underway(aanvraag_id) is None

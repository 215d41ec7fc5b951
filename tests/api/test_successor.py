"""At the API, a key of a gemeente that has ended acts for its successor once that was approved, and not before."""

from datetime import timedelta

import pytest
import time_machine
from flask import Flask
from sqlalchemy import update

from keyservice.accounts import service as accounts
from keyservice.api import problems
from keyservice.database import transaction
from keyservice.demo.people import person_id
from keyservice.gemeenten.models import Gemeente
from keyservice.issuance import succession
from keyservice.kernel import clock
from keyservice.kernel.actor import CLI, Role
from keyservice.sleutels.succession import DAYS
from tests.api.test_problems import problem_of
from tests.factories.aanvragen import actor
from tests.factories.keys import awake
from tests.factories.machines import Machine, asker

DAY = timedelta(days=1)


@pytest.fixture
def key(app: Flask) -> str:
    """A key of Voorbeeldstad, whose last day is today; Testdorp follows it."""
    with app.app_context(), transaction() as session:
        ends = {"valid_until": clock.local_date(clock.now()), "successor_code": "9999"}
        session.execute(update(Gemeente).where(Gemeente.code == "9998").values(**ends))
        accounts.give_role(CLI, person_id("tom"), Role.GEMEENTEBEHEERDER, gemeente="9999")
        return awake()[1]


def test_guard_and_introspection_name_the_gemeente_that_a_key_acts_for(app: Flask, key: str) -> None:
    machine, system = Machine(app, key), asker(app)
    today = clock.local_date(clock.now())

    def introspected() -> object:
        return system.post("/v1/introspectie", data={"token": key}).get_json()

    assert machine.get("/v1/sleutel").get_json()["gemeente"] == "9998"
    with time_machine.travel(clock.at(today + DAY), tick=False):
        assert problem_of(machine.get("/v1/sleutel")) is problems.SUSPENDED
        assert introspected() == {"active": False}
        with app.app_context():
            succession.approve(actor("rik"), succession.ask(actor("tom"), "9998"))
        assert machine.get("/v1/sleutel").get_json()["gemeente"] == "9999"
        answer = introspected()
        assert isinstance(answer, dict)
        assert (answer["active"], answer["gemeente"]) == (True, "9999")
    with time_machine.travel(clock.at(today + (DAYS + 1) * DAY), tick=False):
        assert problem_of(machine.get("/v1/sleutel")) is problems.SUSPENDED
        assert introspected() == {"active": False}

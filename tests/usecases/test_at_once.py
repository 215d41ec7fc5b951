"""People who decide differently at the same moment: one wins, the other reads what happened, nothing is half."""

from collections.abc import Callable
from uuid import UUID

import pytest
from flask import Flask

from keyservice.aanvragen import review
from keyservice.aanvragen import service as aanvragen
from keyservice.aanvragen.workflow import Step
from keyservice.audit.queries import of_dossier
from keyservice.database import db
from keyservice.issuance import service
from keyservice.issuance.queries import of_aanvraag
from keyservice.kernel import clock
from keyservice.outbox import queries as outbox
from keyservice.sleutels.life import State, state
from tests.factories.aanvragen import actor, ready
from tests.factories.issuance import approved, held
from tests.factories.people import race
from tests.factories.walked import filled_in

pytestmark = pytest.mark.usefixtures("context")
ROUNDS, CLICKS = 10, 50
Acts = tuple[Callable[[], object], ...]
Decision = Callable[[str], tuple[UUID, Acts]]


def in_review(pakket: str) -> UUID:
    aanvraag_id = ready(pakket=pakket)
    review.take_step(actor("rik"), aanvraag_id, Step.TAKE_UP)
    return aanvraag_id


def decide(pakket: str) -> tuple[UUID, Acts]:
    aanvraag_id, rik = in_review(pakket), actor("rik")
    return aanvraag_id, (
        lambda: review.approve(rik, aanvraag_id, "Alles klopt."),
        lambda: review.take_step(rik, aanvraag_id, Step.REJECT, "Het klopt niet."),
    )


def issue_or_withdraw(pakket: str) -> tuple[UUID, Acts]:
    aanvraag_id, rosa, gert = approved(pakket=pakket), actor("rosa"), actor("gert")
    return aanvraag_id, (
        lambda: service.issue(rosa, aanvraag_id),
        lambda: aanvragen.withdraw(gert, aanvraag_id, "Toch niet."),
    )


def issue_or_retract(pakket: str) -> tuple[UUID, Acts]:
    aanvraag_id, rosa, rik = approved(pakket=pakket), actor("rosa"), actor("rik")
    return aanvraag_id, (
        lambda: service.issue(rosa, aanvraag_id),
        lambda: review.take_step(rik, aanvraag_id, Step.RETRACT, "Ik zie een fout."),
    )


def activate_or_cancel(pakket: str) -> tuple[UUID, Acts]:
    aanvraag_id, anna, rik = approved(pakket=pakket), actor("anna"), actor("rik")
    issuance_id = service.issue(actor("rosa"), aanvraag_id)
    code = held(issuance_id).code
    return aanvraag_id, (
        lambda: service.activate(anna, issuance_id, code),
        lambda: service.cancel(rik, issuance_id, "Toch niet."),
    )


# What the two leave behind: the event of who won, and how the key stands then.
DECISIONS: dict[Decision, dict[str, State | None]] = {
    decide: {"aanvraag:approve": None, "aanvraag:reject": None},
    issue_or_withdraw: {"aanvraag:issue": State.SLEEPING, "aanvraag:withdraw": None},
    issue_or_retract: {"aanvraag:issue": State.SLEEPING, "aanvraag:retract": None},
    activate_or_cancel: {"sleutel:activate": State.ACTIVE, "issuance:cancel": State.REVOKED},
}


@pytest.mark.parametrize("decision", DECISIONS)
def test_i3_of_two_decisions_that_exclude_each_other_one_wins_and_has_the_only_event(
    context: Flask, decision: Decision
) -> None:
    for number in range(ROUNDS):
        aanvraag_id, acts = decision(f"Pakket {number}")
        db.session.rollback()
        ends = race(context, *acts)
        assert ends.count("done") == 1, ends
        db.session.expire_all()
        (won,) = [event.code for event in of_dossier(aanvraag_id) if event.code in DECISIONS[decision]]
        keys = [state(issuance.sleutel.facts, clock.now()) for issuance in of_aanvraag(aanvraag_id)]
        assert next(iter(keys), None) is DECISIONS[decision][won]


def test_i3_fifty_clicks_on_the_button_to_send_at_the_same_moment_send_one_aanvraag(context: Flask) -> None:
    aanvraag_id, anna = filled_in(), actor("anna")
    db.session.rollback()
    ends = race(context, *[lambda: aanvragen.submit(anna, aanvraag_id)] * CLICKS)
    assert set(ends) == {"done"}, "who clicks twice is not told of a fault"
    db.session.expire_all()
    assert [event.code for event in of_dossier(aanvraag_id)].count("aanvraag:submit") == 1
    assert [row.kind for row in outbox.of_dossier(aanvraag_id)].count("aanvraag-received") == 1

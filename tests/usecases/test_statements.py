"""How many statements an act costs: a loop that asks the database once per row shows here, and not first in a wave."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event

from keyservice.aanvragen import review
from keyservice.aanvragen.workflow import Step
from keyservice.database import db
from keyservice.issuance import service
from keyservice.outbox.delivery import deliver_due
from tests.factories.aanvragen import actor, ready
from tests.factories.issuance import approved
from tests.factories.post import app_for_post
from tests.fakes import Behaviour, mail_server


@contextmanager
def statements() -> Iterator[list[str]]:
    """Record what is asked of the database, without what begins a transaction and what only PostgreSQL is asked."""
    recorded: list[str] = []

    def note(*call: Any) -> None:
        if not call[2].startswith("BEGIN") and "pg_advisory" not in call[2]:
            recorded.append(call[2])

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield recorded
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


@pytest.mark.usefixtures("context")
def test_an_approval_takes_at_most_eleven_statements() -> None:
    aanvraag_id = ready()
    review.take_step(actor("rik"), aanvraag_id, Step.TAKE_UP)
    rik = actor("rik")
    db.session.remove()
    with statements() as found:
        review.approve(rik, aanvraag_id, "Alles klopt.")
    assert len(found) <= 11, found


@pytest.mark.usefixtures("context")
def test_an_issue_takes_at_most_eighteen_statements() -> None:
    aanvraag_id, rosa = approved(), actor("rosa")
    db.session.remove()
    with statements() as found:
        service.issue(rosa, aanvraag_id)
    assert len(found) <= 18, found


def test_a_mail_takes_at_most_four_statements_and_a_batch_four_and_those_of_the_sealer(app: Flask) -> None:
    with mail_server(Behaviour()) as port, app_for_post(app, port):
        service.issue(actor("rosa"), approved())
        db.session.remove()
        with statements() as found:
            assert deliver_due() == 2
        assert sum("audit_leaf" in one or "audit_checkpoint" in one for one in found) <= 6
        assert len(found) <= 4 + 6 + 2 * 4, found

"""Two at once, many times: one key from 50 issues of one aanvraag, one look from 64 openings of a one-time page."""

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from uuid import UUID

from flask import Flask
from sqlalchemy import select, update

from keyservice.aanvragen.workflow import Status
from keyservice.database import db, transaction
from keyservice.issuance import receiving, service
from keyservice.issuance.models import Issuance
from tests.factories.aanvragen import actor, ready
from tests.factories.contacts import logins_only
from tests.factories.issuance import approved
from tests.factories.issued_rows import approve
from tests.factories.people import race

ISSUES, OPENINGS = 50, 64
Race = Callable[[Flask, int], Iterator[str]]


def issues(app: Flask, rounds: int) -> Iterator[str]:
    """Issue one aanvraag 50 times at the same moment, and yield what went wrong, per round."""
    for number in range(rounds):
        with app.app_context():
            aanvraag_id, rosa = approved(pakket=f"Pakket {number}"), actor("rosa")
        ends = race(app, *[lambda: service.issue(rosa, aanvraag_id)] * ISSUES)  # noqa: B023 - all are called before the next round
        with app.app_context():
            made = db.session.scalars(select(Issuance.id).where(Issuance.aanvraag_id == aanvraag_id)).all()
        if ends != ["done"] + ["step-not-possible"] * (ISSUES - 1) or len(made) != 1:
            yield f"I1: {len(made)} keys, round {number}: {sorted(set(ends))}"


def openings(app: Flask, rounds: int) -> Iterator[str]:
    """Let a password contact open the page of the password 64 times at the same moment; yield what went wrong."""
    with app.app_context():
        issuance_id, sealed = _waiting()
        bea = actor("bea")
    for number in range(rounds):
        ends = race(app, *[lambda: receiving.show_password(bea, issuance_id)] * OPENINGS)
        if ends != ["done"] + ["password-shown-already"] * (OPENINGS - 1):
            yield f"I7: shown {ends.count('done')} times, round {number}: {sorted(set(ends))}"
        with app.app_context(), transaction() as session:
            session.execute(update(Issuance).values(password=sealed, password_sent_at=None))


def _waiting() -> tuple[UUID, bytes | None]:
    aanvraag_id = ready(status=Status.SUBMITTED)
    logins_only(aanvraag_id, "anna", "bea")
    approve(aanvraag_id)
    issuance_id = service.issue(actor("rosa"), aanvraag_id)
    receiving.fetch_zip(actor("anna"), issuance_id)
    receiving.report_receipt(actor("anna"), issuance_id)
    return issuance_id, db.session.get_one(Issuance, issuance_id).password


RACES: Mapping[str, Race] = MappingProxyType(
    {f"{ISSUES} issues of one aanvraag": issues, f"{OPENINGS} openings of a one-time page": openings}
)

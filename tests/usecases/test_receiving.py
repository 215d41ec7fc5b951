"""What the two contacts do who log in: download the zip, look once at the password, say "dit was ik niet"."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from flask import Flask

from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Status
from keyservice.audit.queries import of_dossier
from keyservice.contacts.models import Part
from keyservice.database import db, transaction
from keyservice.issuance import receiving, service
from keyservice.issuance.models import End
from keyservice.issuance.recipients import recipients
from keyservice.kernel.errors import Conflict, NotFound
from keyservice.kernel.secret import Secret
from keyservice.kernel.zips import read_zip
from keyservice.sleutels.models import Sleutel
from tests.factories.aanvragen import actor, ready
from tests.factories.contacts import logins_only
from tests.factories.issuance import issuance
from tests.factories.issued_rows import approve

pytestmark = pytest.mark.usefixtures("context")


@dataclass(frozen=True)
class Opened:
    """What the two contacts took with them."""

    zip: bytes
    password: Secret
    code: str


@pytest.fixture
def waiting(context: Flask) -> UUID:
    """Return an issuance whose zip waits for Anna and whose password waits for Bea, both behind login."""
    aanvraag_id = ready(status=Status.SUBMITTED)
    logins_only(aanvraag_id, "anna", "bea")
    approve(aanvraag_id)
    return service.issue(actor("rosa"), aanvraag_id)


def opened(issuance_id: UUID) -> Opened:
    data = receiving.fetch_zip(actor("anna"), issuance_id)
    receiving.report_receipt(actor("anna"), issuance_id)
    password = receiving.show_password(actor("bea"), issuance_id)
    (text,) = read_zip(data, password).values()
    lines = [line for line in text.decode().split("\r\n") if line]
    return Opened(data, password, lines[lines.index("Uw activatiecode:") + 1])


def codes(issuance_id: UUID) -> list[str]:
    return [event.code for event in of_dossier(issuance(issuance_id).aanvraag_id)]


def test_the_password_of_the_page_opens_the_downloaded_zip_and_its_code_wakes_the_key(waiting: UUID) -> None:
    held = opened(waiting)
    service.activate(actor("anna"), waiting, held.code)
    assert issuance(waiting).end_reason is End.DONE


def test_the_zip_is_the_same_as_often_as_asked_until_the_password_is_gone(waiting: UUID) -> None:
    first = receiving.fetch_zip(actor("anna"), waiting)
    assert receiving.fetch_zip(actor("anna"), waiting) == first
    receiving.report_receipt(actor("anna"), waiting)
    receiving.show_password(actor("bea"), waiting)
    with pytest.raises(Conflict, match="password-already-sent"):
        receiving.fetch_zip(actor("anna"), waiting)


def test_i14_no_password_before_the_zip_was_downloaded_and_received(waiting: UUID) -> None:
    with pytest.raises(Conflict, match="zip-not-fetched"):
        receiving.report_receipt(actor("anna"), waiting)
    receiving.fetch_zip(actor("anna"), waiting)
    with pytest.raises(Conflict, match="password-not-ready"):
        receiving.show_password(actor("bea"), waiting)
    assert issuance(waiting).password_sent_at is None


def test_a_second_report_of_receipt_changes_nothing(waiting: UUID) -> None:
    receiving.fetch_zip(actor("anna"), waiting)
    receiving.report_receipt(actor("anna"), waiting)
    before = codes(waiting), issuance(waiting).received_at
    receiving.report_receipt(actor("anna"), waiting)
    assert (codes(waiting), issuance(waiting).received_at) == before


@pytest.mark.parametrize("login", ["bea", "gert", "tom", "rik", "rosa", "ben"])
def test_i9_i13_the_zip_is_for_the_account_in_the_approval_alone(waiting: UUID, login: str) -> None:
    with pytest.raises(NotFound):
        receiving.fetch_zip(actor(login), waiting)
    assert issuance(waiting).fetched_at is None


@pytest.mark.parametrize("login", ["anna", "gert", "tom", "rik", "rosa", "ben"])
def test_i9_i13_the_password_is_for_the_account_in_the_approval_alone(waiting: UUID, login: str) -> None:
    receiving.fetch_zip(actor("anna"), waiting)
    receiving.report_receipt(actor("anna"), waiting)
    with pytest.raises(NotFound):
        receiving.show_password(actor(login), waiting)
    assert issuance(waiting).password_sent_at is None


def test_i7_the_password_shows_once_whoever_opens_the_page_at_the_same_time(app: Flask, waiting: UUID) -> None:
    receiving.fetch_zip(actor("anna"), waiting)
    receiving.report_receipt(actor("anna"), waiting)
    bea = actor("bea")
    db.session.rollback()

    def look(_: int) -> bool:
        with app.app_context():
            try:
                return bool(receiving.show_password(bea, waiting).reveal())
            except Conflict:
                return False

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(look, range(64))) == 1
    assert issuance(waiting).password is None


def test_i16_this_was_not_me_ends_a_delivery_at_once(waiting: UUID) -> None:
    receiving.disown(actor("bea"), waiting, Part.PASSWORD)
    assert issuance(waiting).end_reason is End.CANCELLED
    with pytest.raises(Conflict, match="issuance-ended"):
        receiving.fetch_zip(actor("anna"), waiting)
    with pytest.raises(Conflict, match="issuance-ended"):
        receiving.disown(actor("bea"), waiting, Part.PASSWORD)


def test_i16_this_was_not_me_revokes_a_key_that_works(waiting: UUID) -> None:
    service.activate(actor("anna"), waiting, opened(waiting).code)
    receiving.disown(actor("bea"), waiting, Part.PASSWORD)
    db.session.expire_all()
    assert db.session.get_one(Sleutel, issuance(waiting).sleutel_id).revoked_at is not None


def test_after_the_term_nothing_is_handed_over(waiting: UUID) -> None:
    with time_machine.travel(issuance(waiting).deadline + timedelta(seconds=1), tick=False):
        with pytest.raises(Conflict, match="issuance-ended"):
            receiving.fetch_zip(actor("anna"), waiting)
        with pytest.raises(Conflict, match="issuance-ended"):
            receiving.show_password(actor("bea"), waiting)


def test_i13_a_contact_changed_after_the_approval_gets_nothing(waiting: UUID) -> None:
    with transaction() as session:
        aanvraag = session.get_one(Aanvraag, issuance(waiting).aanvraag_id)
        assert aanvraag.key_contact
        aanvraag.key_contact.verified_account = actor("bea").person
    with pytest.raises(NotFound):
        receiving.fetch_zip(actor("bea"), waiting)
    assert recipients(issuance(waiting).approval.snapshot).key.account == actor("anna").person

"""Renewing one key: who may, when not and why, and what becomes of the old one."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from flask import render_template
from sqlalchemy import update

from keyservice.aanvragen.content import content_hash
from keyservice.aanvragen.models import Aanvraag, Approval
from keyservice.aanvragen.queries import current_content
from keyservice.audit.queries import of_dossier
from keyservice.contacts.models import Contact
from keyservice.database import db, transaction
from keyservice.gemeenten.models import Gemeente
from keyservice.issuance import service, timers
from keyservice.issuance.eligibility import cases, judge
from keyservice.issuance.key_acts import suspend_by_program
from keyservice.issuance.messages import KEY_MAIL, Told
from keyservice.issuance.models import End, Issuance
from keyservice.issuance.queries import of_aanvraag
from keyservice.issuance.words import OBSTACLES
from keyservice.kernel import clock
from keyservice.kernel.errors import Conflict, NotFound, Refused
from keyservice.sleutels import service as sleutels
from keyservice.sleutels.life import State, state
from keyservice.sleutels.models import Sleutel
from keyservice.web.dates import datum
from tests.factories.aanvragen import actor
from tests.factories.issuance import approved, held, issuance, issued, messages
from tests.factories.waves import deliver, working

pytestmark = pytest.mark.usefixtures("context")


def states(aanvraag_id: UUID) -> list[State]:
    db.session.expire_all()
    return [state(found.sleutel.facts, clock.now()) for found in of_aanvraag(aanvraag_id)]


def change(model: type[Aanvraag | Approval | Contact | Issuance | Sleutel], row: UUID, **values: object) -> None:
    with transaction() as session:
        session.execute(update(model).where(model.id == row).values(**values))


def test_i17_a_renewed_key_lives_on_beside_the_new_one() -> None:
    aanvraag_id = working()
    old = of_aanvraag(aanvraag_id)[0].sleutel_id
    made = issuance(service.renew(actor("rosa"), aanvraag_id))
    assert (made.number, made.renews_id, made.issued_by) == (2, old, actor("rosa").person)
    assert states(aanvraag_id) == [State.ACTIVE, State.SLEEPING]
    event = next(event for event in of_dossier(aanvraag_id) if event.code == "issuance:renew")
    assert event.fields == {"previous": str(old), "wave": None, "prepared_by": None, "started_by": None}


def test_the_new_key_wakes_by_its_own_code_and_the_old_one_still_works() -> None:
    aanvraag_id = working()
    renewed = service.renew(actor("rosa"), aanvraag_id)
    service.activate(actor("anna"), renewed, held(renewed).code)
    assert states(aanvraag_id) == [State.ACTIVE, State.ACTIVE]


def test_i17_a_renewal_that_lapses_takes_the_new_key_only_and_a_person_can_renew_again() -> None:
    aanvraag_id = working()
    service.renew(actor("rosa"), aanvraag_id)
    with time_machine.travel(clock.now() + timedelta(days=31), tick=False):
        timers.lapse()
        assert states(aanvraag_id) == [State.ACTIVE, State.REVOKED]
        again = issuance(service.renew(actor("rosa"), aanvraag_id))
        assert (again.number, again.renews_id) == (3, of_aanvraag(aanvraag_id)[0].sleutel_id)


def test_the_mails_say_that_it_is_a_renewal_and_until_when_the_old_key_works() -> None:
    aanvraag_id = working()
    renewed = service.renew(actor("rosa"), aanvraag_id)
    old_until = datum(of_aanvraag(aanvraag_id)[0].sleutel.expires_at)
    values = messages(aanvraag_id, KEY_MAIL)[0].values
    assert values["old_until"] == old_until
    for part in ("txt", "html"):
        text = render_template(f"post/{KEY_MAIL}/body.{part}", **values, control_line="1-x")
        assert f"Dit is een nieuwe sleutel. Uw oude sleutel verloopt op {old_until} en blijft nu nog werken." in text
    service.cancel(actor("rosa"), renewed, "Toch niet nodig.")
    values = messages(aanvraag_id, Told.CANCELLED)[0].values
    for part in ("txt", "html"):
        text = render_template(f"post/{Told.CANCELLED}/body.{part}", **values, control_line="1-x")
        assert f"Uw oude sleutel blijft werken tot en met {old_until}." in text


def test_a_mail_does_not_promise_that_a_revoked_key_works_on() -> None:
    aanvraag_id = working()
    renewed = service.renew(actor("rosa"), aanvraag_id)
    sleutels.revoke(actor("rosa"), of_aanvraag(aanvraag_id)[0].sleutel_id, "leaked", dossier=aanvraag_id)
    service.cancel(actor("rosa"), renewed, "De oude sleutel is gelekt.")
    assert messages(aanvraag_id, Told.CANCELLED)[0].values["old_until"] == ""


def test_a_first_key_says_nothing_of_an_old_one() -> None:
    aanvraag_id = issuance(issued()).aanvraag_id
    assert messages(aanvraag_id, KEY_MAIL)[0].values["old_until"] == ""


@pytest.mark.parametrize("login", ["anna", "gert", "ada", "ben", "tom"])
def test_only_a_relatiebeheerder_renews(login: str) -> None:
    aanvraag_id = working()
    with pytest.raises((Refused, NotFound)):
        service.renew(actor(login), aanvraag_id)
    assert states(aanvraag_id) == [State.ACTIVE]


def test_i8_the_approver_does_not_renew_for_productie_and_may_for_acceptatie() -> None:
    with pytest.raises(Refused, match="four-eyes"):
        service.renew(actor("rik"), working())
    service.renew(actor("rik"), working("Ander pakket", "acceptatie"))


def test_i8_who_asked_for_a_key_does_not_renew_it() -> None:
    aanvraag_id = working()
    change(Aanvraag, aanvraag_id, submitted_by=actor("rosa").person)
    with pytest.raises(Refused, match="own-request-issue"):
        service.renew(actor("rosa"), aanvraag_id)


def test_a_second_renewal_waits_for_the_first() -> None:
    aanvraag_id = working()
    service.renew(actor("rosa"), aanvraag_id)
    with pytest.raises(Conflict) as refused:
        service.renew(actor("rosa"), aanvraag_id)
    assert refused.value.data["why"] == OBSTACLES["delivery-underway"]


def both(aanvraag_id: UUID) -> tuple[UUID, UUID]:
    row = db.session.get_one(Aanvraag, aanvraag_id)
    assert row.key_contact_id
    assert row.password_contact_id
    return row.key_contact_id, row.password_contact_id


def newest(aanvraag_id: UUID) -> Issuance:
    return of_aanvraag(aanvraag_id)[-1]


def one_person(aanvraag_id: UUID) -> None:
    """Let both contacts have one mobile, as if an older rule had approved that."""
    key, password = both(aanvraag_id)
    change(Contact, key, mobile="+31612345678")
    change(Contact, password, vouched_beside=db.session.get_one(Contact, key).fingerprint)
    snapshot = current_content(db.session.get_one(Aanvraag, aanvraag_id))
    with transaction() as session:
        session.execute(
            update(Approval)
            .where(Approval.aanvraag_id == aanvraag_id)
            .values(snapshot=snapshot, content_hash=content_hash(snapshot))
        )


def ago(days: int) -> dict[str, object]:
    return {"vouched_at": clock.now() - timedelta(days=days)}


# Every reason there is of one key, and how it comes about.
WAYS: dict[str, Callable[[UUID], object]] = {
    "gemeente-ended": lambda _: _end_gemeente(),
    "delivery-underway": lambda a: service.renew(actor("rosa"), a),
    "no-sleutel": lambda a: change(Issuance, newest(a).id, end_reason=End.CANCELLED),
    "sleutel-damaged": lambda a: change(Sleutel, newest(a).sleutel_id, expires_at=clock.now() + timedelta(days=900)),
    "sleutel-suspended": lambda a: suspend_by_program(newest(a).sleutel_id, "mismatch"),
    "sleutel-revoked": lambda a: sleutels.revoke(actor("rosa"), newest(a).sleutel_id, "leaked", dossier=a),
    "approval-lapsed": lambda a: change(Approval, newest(a).approval_id, retracted_at=clock.now()),
    "content-changed": lambda a: change(Aanvraag, a, pakket="Iets anders"),
    "key-address": lambda a: change(Contact, both(a)[0], mailbox="dief@voorbeeldstad.example"),
    "key-vouched": lambda a: change(Contact, both(a)[0], **ago(365)),
    "password-address": lambda a: change(Contact, both(a)[1], mobile="+31687654321"),
    "password-vouched": lambda a: change(Contact, both(a)[1], **ago(365)),
    "password-confirmed": lambda a: change(Contact, both(a)[1], confirmed_at=None),
    "not-independent": one_person,
}


def _end_gemeente() -> None:
    with transaction() as session:
        yesterday = clock.local_date(clock.now()) - timedelta(days=1)
        session.execute(update(Gemeente).where(Gemeente.code == "9998").values(valid_until=yesterday))


@pytest.mark.parametrize("reason", WAYS)
def test_a_key_that_cannot_be_renewed_says_why_and_nothing_is_made(reason: str) -> None:
    aanvraag_id = working()
    WAYS[reason](aanvraag_id)
    before = len(of_aanvraag(aanvraag_id))
    db.session.expire_all()
    assert judge(cases([aanvraag_id])[aanvraag_id], clock.now()) == reason
    with pytest.raises(Conflict, match="not-renewable") as refused:
        service.renew(actor("rosa"), aanvraag_id)
    assert refused.value.data["why"] == OBSTACLES[reason]
    assert len(of_aanvraag(aanvraag_id)) == before


def test_an_expired_key_is_not_renewed() -> None:
    aanvraag_id = working()
    with time_machine.travel(newest(aanvraag_id).sleutel.expires_at, tick=False):
        assert judge(cases([aanvraag_id])[aanvraag_id], clock.now()) == "sleutel-expired"


def test_an_aanvraag_that_never_had_a_key_is_not_renewed() -> None:
    with pytest.raises(Conflict) as refused:
        service.renew(actor("rosa"), approved())
    assert refused.value.data["why"] == OBSTACLES["no-sleutel"]


def test_an_approval_of_730_days_is_too_old_and_one_second_earlier_is_not() -> None:
    aanvraag_id = working()
    change(Approval, newest(aanvraag_id).approval_id, approved_at=clock.now() - timedelta(days=730))
    with pytest.raises(Conflict) as refused:
        service.renew(actor("rosa"), aanvraag_id)
    assert refused.value.data["why"] == OBSTACLES["approval-lapsed"]
    youngest = clock.now() - timedelta(days=730) + timedelta(minutes=1)
    change(Approval, newest(aanvraag_id).approval_id, approved_at=youngest)
    service.renew(actor("rosa"), aanvraag_id)


def test_the_newest_key_that_worked_counts() -> None:
    aanvraag_id = working()
    second = service.renew(actor("rosa"), aanvraag_id)
    deliver(second)
    third = issuance(service.renew(actor("rosa"), aanvraag_id))
    assert third.renews_id == issuance(second).sleutel_id

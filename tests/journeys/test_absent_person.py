"""I15, the story of the absent person: in every state, whoever is missing, somebody else or time reaches an end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from uuid import UUID

import pytest
import time_machine
from flask import Flask

from keyservice import worker
from keyservice.aanvragen import review, service
from keyservice.aanvragen.content import Section, editable
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.replacing import start_replacement
from keyservice.aanvragen.workflow import FINAL, OPEN, TABLE, WHO, Status, Step
from keyservice.contacts import vouching
from keyservice.contacts.models import Via
from keyservice.database import db
from keyservice.issuance import letters
from keyservice.issuance import queries as issuances
from keyservice.issuance import service as issuance
from keyservice.issuance.models import End
from keyservice.issuance.replacing import fingerprint, replace_contact, targets
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from keyservice.kernel.errors import UseCaseError
from keyservice.outbox.models import LetterStatus
from tests.factories.aanvragen import actor, ready
from tests.factories.issuance import issuance as issuance_of
from tests.factories.letters import letter_of, received

GEMEENTE = ("anna", "bea", "gert")
DUO = ("rik", "rosa")


def bring_to(status: Status) -> UUID:
    """Return an aanvraag of Anna in a state; Rik has claimed it where somebody has."""
    if status is Status.DRAFT:
        return service.start(actor("anna"))
    aanvraag_id = ready(status=Status.SUBMITTED)
    if status is Status.SUBMITTED:
        return aanvraag_id
    review.take_step(actor("rik"), aanvraag_id, Step.TAKE_UP)
    if status is Status.INFO_REQUESTED:
        review.take_step(actor("rik"), aanvraag_id, Step.ASK, "Welke versie gebruikt u?")
    if status in {Status.APPROVED, Status.ISSUED}:
        review.approve(actor("rik"), aanvraag_id, "Gebeld en gecontroleerd")
    if status is Status.ISSUED:
        issuance.issue(actor("rosa"), aanvraag_id)
    return aanvraag_id


def status_of(aanvraag_id: UUID) -> Status | None:
    db.session.expire_all()
    row = db.session.get(Aanvraag, aanvraag_id)
    return row.status if row else None


def ended(aanvraag_id: UUID) -> bool:
    """Tell whether nothing waits for anybody any more: the aanvraag is over, and its delivery too."""
    status = status_of(aanvraag_id)
    return status is None or (status in FINAL and issuances.underway(aanvraag_id) is None)


def exits(aanvraag_id: UUID, present: str) -> Iterator[Callable[[], object]]:
    """Yield the acts by which a present person ends what is there, whichever they may do."""
    who = actor(present)
    yield lambda: service.discard(who, aanvraag_id)
    yield lambda: service.withdraw(who, aanvraag_id, "Niemand bereikbaar")
    for step in (Step.TAKE_UP, Step.TAKE_OVER, Step.TAKE_BACK, Step.RETRACT):
        yield lambda step=step: review.take_step(who, aanvraag_id, step, "Niemand bereikbaar")  # type: ignore[misc]  # mypy types no default of a lambda
    yield lambda: review.take_step(who, aanvraag_id, Step.REJECT, "Niemand bereikbaar")
    open_issuance = issuances.underway(aanvraag_id)
    if open_issuance:
        yield lambda: issuance.cancel(who, open_issuance.id, "Niemand bereikbaar")


def try_to_end(aanvraag_id: UUID, present: str) -> None:
    """Let one person do all they may, in an order that makes sense; refusals are part of it."""
    for act in exits(aanvraag_id, present):
        try:
            act()
        except UseCaseError:
            continue


@pytest.mark.parametrize("absent", [*GEMEENTE, *DUO])
@pytest.mark.parametrize("status", sorted(OPEN | {Status.ISSUED, Status.DRAFT}))
def test_i15_whoever_is_absent_another_person_reaches_an_end(context: Flask, status: Status, absent: str) -> None:
    aanvraag_id = bring_to(status)
    for present in (*GEMEENTE, *DUO):
        if present != absent and not ended(aanvraag_id):
            try_to_end(aanvraag_id, present)
    assert ended(aanvraag_id), f"{status} without {absent} leads nowhere"


@pytest.mark.parametrize("status", sorted(OPEN | {Status.ISSUED, Status.DRAFT}))
def test_i15_without_anybody_time_reaches_an_end(context: Flask, status: Status) -> None:
    aanvraag_id = bring_to(status)
    with later(timedelta(days=61)):
        worker.run_timers(context)
    assert ended(aanvraag_id), f"{status} never ends by itself"
    assert status_of(aanvraag_id) in {None, Status.LAPSED, Status.ISSUED}


# Who can bring somebody in the place of a contact who is gone, by state. An approved aanvraag needs a
# gemeentebeheerder; without one the aanvrager withdraws it, or DUO retracts the approval and the form is open again.
REPLACERS = {
    Status.DRAFT: ("anna", "bea", "gert"),
    Status.SUBMITTED: ("anna", "bea", "gert"),
    Status.IN_REVIEW: ("anna", "bea", "gert"),
    Status.INFO_REQUESTED: ("anna", "bea", "gert"),
    Status.APPROVED: ("gert",),
    Status.ISSUED: ("anna", "bea", "gert"),
}
NEW = {"name": "Eva Nieuw", "function": "Jurist", "mailbox": "eva@voorbeeldstad.example", "phone": "+31102000002"}


def bring_in(aanvraag_id: UUID, who: str) -> UUID:
    """Let one person put Eva in the place of the key contact, by the road of their role; return where she stands."""
    row = db.session.get_one(Aanvraag, aanvraag_id)
    if who == "gert":
        old = row.key_contact
        assert old
        found = targets(old)
        drafts = replace_contact(actor(who), old.id, Via.MAIL, NEW, [aanvraag_id], seen=fingerprint(old, found))
        return drafts[0] if drafts else aanvraag_id
    if row.status is Status.ISSUED:
        aanvraag_id = start_replacement(actor(who), aanvraag_id)
        row = db.session.get_one(Aanvraag, aanvraag_id)
    values = {f"key_{name}": value for name, value in NEW.items()}
    service.save_step(actor(who), aanvraag_id, Section.CONTACTPERSONEN, values, row.revision)
    return aanvraag_id


@pytest.mark.parametrize(
    ("status", "present"), [(status, who) for status, people in REPLACERS.items() for who in people]
)
def test_i15_a_contact_who_is_gone_is_replaced_in_every_state(context: Flask, status: Status, present: str) -> None:
    aanvraag_id = bring_to(status)
    if status is Status.DRAFT:
        first = ready(status=Status.WITHDRAWN)
        known = db.session.get_one(Aanvraag, first)
        choice = {"key_choice": known.key_contact_id, "password_choice": known.password_contact_id}
        service.save_step(actor("anna"), aanvraag_id, Section.CONTACTPERSONEN, choice, 0)
    where = bring_in(aanvraag_id, present)
    db.session.expire_all()
    row = db.session.get_one(Aanvraag, where)
    assert row.key_contact
    assert row.key_contact.name == "Eva Nieuw"
    assert row.status in OPEN | {Status.DRAFT}
    assert row.status is not Status.APPROVED
    assert Section.CONTACTPERSONEN in editable(row.status), "the other contact can go as well"


def test_i15_without_a_gemeentebeheerder_an_approved_aanvraag_is_opened_by_duo(context: Flask) -> None:
    aanvraag_id = bring_to(Status.APPROVED)
    with pytest.raises(UseCaseError):
        bring_in(aanvraag_id, "anna")
    review.take_step(actor("rosa"), aanvraag_id, Step.RETRACT, "De contactpersoon is weg")
    db.session.expire_all()
    assert bring_in(aanvraag_id, "anna") == aanvraag_id


def test_i15_when_the_only_voucher_is_gone_or_asks_himself_a_call_is_enough(context: Flask) -> None:
    aanvraag_id = bring_to(Status.IN_REVIEW)
    bring_in(aanvraag_id, "gert")
    key, password = db.session.get_one(Aanvraag, aanvraag_id).contacts
    assert key
    assert password
    vouching.vouch_by_call(actor("rik"), key.id, "+31102000000", aanvraag_id, beside=password.fingerprint)
    db.session.expire_all()
    row = db.session.get_one(Aanvraag, aanvraag_id)
    assert review.lacking(row) == ("key-address",), "only Eva herself has still to prove her mailbox"


@contextmanager
def later(age: timedelta) -> Iterator[None]:
    """Move the clock ahead."""
    with time_machine.travel(clock.now() + age, tick=False):
        yield


@pytest.mark.parametrize("status", sorted(OPEN))
def test_i15_every_open_state_has_a_term_and_a_step_of_either_side(status: Status) -> None:
    steps = [step for (state, step) in TABLE if state is status]
    assert Step.LAPSE in steps
    assert any(Role.AANVRAGER in WHO[step] for step in steps)
    assert any(Role.RELATIEBEHEERDER in WHO[step] for step in steps)


@pytest.mark.parametrize("absent", DUO)
@pytest.mark.parametrize("state", ["queued", "waiting", "opened", "posted"])
def test_i15_a_letter_has_an_end_whoever_of_duo_is_absent(context: Flask, state: str, absent: str) -> None:
    issuance_id = received()
    aanvraag_id = issuance_of(issuance_id).aanvraag_id
    present = actor(next(login for login in DUO if login != absent))
    if state == "queued":
        issuance.cancel(present, issuance_id, "Niemand bereikbaar")
    else:
        letter_id = letter_of(issuance_id)
        if state != "waiting":
            letters.open_letter(actor("rik"), letter_id)
        if state == "posted":
            letters.mark_posted(actor("rik"), letter_id)
        how = LetterStatus.RETURNED if state == "posted" else LetterStatus.FAILED
        letters.fail(present, letter_id, how, "Niemand bereikbaar")
    assert ended(aanvraag_id)


def test_i15_a_delivery_without_its_contacts_is_cancelled_and_started_again(context: Flask) -> None:
    aanvraag_id = bring_to(Status.ISSUED)
    first = issuances.underway(aanvraag_id)
    assert first is not None
    issuance.cancel(actor("rik"), first.id, "De contactpersoon is ziek")
    second = issuance.reissue(actor("rosa"), aanvraag_id)
    numbers = [(row.number, row.end_reason) for row in issuances.of_aanvraag(aanvraag_id)]
    assert numbers == [(1, End.CANCELLED), (2, None)]
    assert issuances.underway(aanvraag_id).id == second  # type: ignore[union-attr]  # None fails the test as well

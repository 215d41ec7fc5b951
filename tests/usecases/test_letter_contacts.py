"""A password contact who gets a letter: the address of the register, and the call that proves everything."""

from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import text, update
from sqlalchemy.exc import IntegrityError

from keyservice import worker
from keyservice.aanvragen import review
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.queries import current_content, valid_approval
from keyservice.aanvragen.workflow import Status, Step
from keyservice.audit.queries import of_dossier, search
from keyservice.contacts import service, vouching
from keyservice.contacts.models import Contact, Part, Via
from keyservice.database import db, transaction
from keyservice.gemeenten.models import Gemeente
from keyservice.gemeenten.service import set_address
from keyservice.issuance import service as issuances
from keyservice.issuance.queries import of_aanvraag
from keyservice.kernel import clock
from keyservice.kernel.errors import Conflict, Invalid, NotFound, Refused
from tests.factories.aanvragen import actor
from tests.factories.contacts import Case, contact, lacks, letter_contact, unproven

pytestmark = pytest.mark.usefixtures("context")
REGISTERED = "+31102000000"
ADDRESS = "Postbus 9998\n1234 AB  VOORBEELDSTAD"


@pytest.fixture
def case(context: Flask) -> Case:
    """Return an aanvraag whose password contact chose a letter and was not called yet."""
    made = unproven()
    letter_contact(made.aanvraag, proven=False)
    return made


def call(case: Case, login: str = "rik", *, confirmed: bool = True, seen: str | None = None) -> None:
    vouching.vouch_by_call(
        actor(login),
        case.password,
        REGISTERED,
        case.aanvraag,
        seen,
        beside=contact(case.key).fingerprint,
        confirmed=confirmed,
    )


def move(code: str = "9998") -> None:
    """Let the gemeente move."""
    set_address(actor("ben"), code, address_line="Nieuwstraat 1", postcode="4321 ZZ", town="Voorbeeldstad")


def forget_address() -> None:
    with transaction() as session:
        session.execute(update(Gemeente).values(address_line=None, postcode=None, town=None))


def make_key_contact_ready(case: Case) -> None:
    with transaction() as session:
        row = session.get_one(Contact, case.key)
        row.verified_address, row.verified_at = row.mailbox, clock.now()
    vouching.vouch_by_call(actor("rik"), case.key, REGISTERED, case.aanvraag)


def approved(case: Case) -> UUID:
    make_key_contact_ready(case)
    call(case)
    review.take_step(actor("rik"), case.aanvraag, Step.TAKE_UP)
    review.approve(actor("rik"), case.aanvraag, "Alles klopt.")
    return case.aanvraag


def test_one_call_proves_the_address_of_the_register_and_stands_for_the_confirmation(case: Case) -> None:
    assert "password-vouched" in lacks(case)
    call(case)
    row = contact(case.password)
    assert (row.verified_address, row.verified) == (ADDRESS, True)
    assert row.confirmed_at == row.verified_at == row.vouched_at
    assert not [code for code in lacks(case) if code.startswith("password")]
    told = [event for event in of_dossier(case.aanvraag) if event.code == "contact:confirm-by-call"]
    assert [event.fields["address"] for event in told] == [ADDRESS]


def test_without_the_confirmation_at_the_telephone_nothing_is_vouched_for(case: Case) -> None:
    with pytest.raises(Invalid, match="not-confirmed"):
        call(case, confirmed=False)
    row = contact(case.password)
    assert (row.vouched_at, row.verified_at, row.confirmed_at) == (None, None, None)


def test_a_letter_lacks_nothing_but_the_call(case: Case) -> None:
    assert [code for code in lacks(case) if code.startswith("password")] == ["password-vouched"]


@pytest.mark.parametrize("login", ["anna", "gert", "ben", "ada"])
def test_only_a_relatiebeheerder_calls(case: Case, login: str) -> None:
    with pytest.raises((Refused, NotFound)):
        call(case, login)
    assert contact(case.password).vouched_at is None


def test_without_an_address_in_the_register_a_letter_can_be_neither_chosen_nor_vouched_for(case: Case) -> None:
    forget_address()
    with pytest.raises(Conflict, match="no-registered-address"):
        call(case)
    with pytest.raises(Conflict, match="no-registered-address"):
        service.propose(
            actor("anna"),
            Part.PASSWORD,
            gemeente="9998",
            name="Wim",
            function="Teamleider",
            via=Via.LETTER,
            mailbox="wim@voorbeeldstad.example",
        )


def test_an_address_that_changed_while_the_page_was_open_is_not_vouched_for(case: Case) -> None:
    seen = contact(case.password).fingerprint
    move()
    with pytest.raises(Conflict, match="changed-meanwhile"):
        call(case, seen=seen)


def test_i13_the_approval_holds_the_address_of_the_register(case: Case) -> None:
    approval = valid_approval(approved(case))
    assert approval is not None
    assert "Postbus 9998\\n1234 AB  VOORBEELDSTAD" in approval.snapshot


def test_an_address_changed_after_the_approval_sends_the_aanvraag_back_to_review(context: Flask, case: Case) -> None:
    aanvraag_id = approved(case)
    move()
    assert "password-vouched" in lacks(case)
    worker.run_timers(context)
    db.session.rollback()
    assert db.session.get_one(Aanvraag, aanvraag_id).status is Status.IN_REVIEW
    call(case)
    review.approve(actor("rik"), aanvraag_id, "Opnieuw gebeld.")
    issuances.issue(actor("rosa"), aanvraag_id)


def test_an_address_changed_after_the_approval_is_seen_by_the_issue_attempt_too(case: Case) -> None:
    aanvraag_id = approved(case)
    move()
    with pytest.raises(Conflict, match="content-changed"):
        issuances.issue(actor("rosa"), aanvraag_id)
    db.session.expire_all()
    assert db.session.get_one(Aanvraag, aanvraag_id).status is Status.IN_REVIEW
    assert list(of_aanvraag(aanvraag_id)) == []


def test_the_address_of_another_gemeente_changes_nothing(case: Case) -> None:
    aanvraag_id = approved(case)
    before = current_content(db.session.get_one(Aanvraag, aanvraag_id))
    move("9999")
    assert current_content(db.session.get_one(Aanvraag, aanvraag_id)) == before


def test_the_beheerder_alone_changes_an_address_and_that_is_an_event(context: Flask) -> None:
    for login in ("anna", "gert", "rik", "ada"):
        with pytest.raises(Refused):
            set_address(actor(login), "9998", address_line="Elders 1", postcode="1111 AA", town="Elders")
    with pytest.raises(NotFound):
        move("0000")
    move()
    found = search(code="gemeente:change-address")
    assert [(event.gemeente, event.fields["address"]) for event in found] == [
        ("9998", "Nieuwstraat 1\n4321 ZZ  VOORBEELDSTAD")
    ]


@pytest.mark.parametrize("column", ["address_line", "postcode", "town"])
def test_the_database_refuses_half_an_address(context: Flask, column: str) -> None:
    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(text(f"UPDATE gemeente SET {column} = NULL WHERE code = '9998'"))

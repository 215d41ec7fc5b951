"""Inviting and joining: link and code together, once, and what one person alone can and cannot give."""

from datetime import timedelta
from uuid import UUID

import pytest
from flask import Flask
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from keyservice.accounts import guessing, invitations, joining, people, queries
from keyservice.accounts.models import Grant, Invitation
from keyservice.accounts.service import give_role
from keyservice.audit.models import AuditEvent
from keyservice.database import db, transaction
from keyservice.demo.people import person_id
from keyservice.gemeenten.models import Gemeente
from keyservice.gemeenten.service import set_phone
from keyservice.kernel import clock
from keyservice.kernel.actor import ANONYMOUS, CLI, DUO_ROLES, Role
from keyservice.kernel.errors import Conflict, Invalid, NotFound, Refused, TooOften, UseCaseError
from keyservice.kernel.ids import new_id
from keyservice.kernel.secret import Secret
from tests.factories.aanvragen import actor
from tests.factories.people import invite, join, links, mails, newest, propose, race, roles

pytestmark = pytest.mark.usefixtures("context")


def code_of(error: pytest.ExceptionInfo[UseCaseError]) -> str:
    return error.value.code


def events(code: str) -> int:
    return db.session.scalar(select(func.count()).where(AuditEvent.code == code)) or 0


def age(invitation_id: UUID, by: timedelta) -> None:
    with transaction() as session:
        expires = session.get_one(Invitation, invitation_id).expires_at
        assert expires is not None
        session.execute(update(Invitation).where(Invitation.id == invitation_id).values(expires_at=expires - by))


# --- inviting and joining


def test_link_and_code_together_make_an_account_with_the_role() -> None:
    _, code = invite(role=Role.RAADPLEGEN_MUTEREN_2021)
    account = join(code)
    assert roles(account) == {(Role.RAADPLEGEN_MUTEREN_2021, "9998")}
    grant = db.session.scalars(select(Grant).where(Grant.account_id == account)).one()
    assert grant.granted_by == person_id("gert")
    assert events("invitation:accept") == events("invitation:open") == 1


def test_i6_neither_code_nor_link_is_kept_in_clear() -> None:
    _, code = invite()
    token = links()[-1]
    invitation = newest()
    kept = repr([getattr(invitation, column.key) for column in Invitation.__table__.columns])
    assert code not in kept
    assert token not in kept
    trail = b"".join(db.session.scalars(select(AuditEvent.canonical)))
    assert code.encode() not in trail
    assert token.encode() not in trail


@pytest.mark.parametrize("typed", ["AAAA-BBBB", "", "x" * 40])
def test_the_link_with_a_wrong_code_opens_nothing(typed: str) -> None:
    invite()
    with pytest.raises(Invalid) as refused:
        joining.open_by_code(ANONYMOUS, links()[-1], typed)
    assert code_of(refused) == "code-wrong"


def test_the_code_is_read_as_people_write_it() -> None:
    invitation_id, code = invite()
    assert joining.open_by_code(ANONYMOUS, links()[-1], f" {code[:4]}-{code[4:]} ".lower()) == invitation_id


def test_after_five_tries_the_right_code_does_not_help_either() -> None:
    _, code = invite()
    token = links()[-1]
    for _ in range(joining.MOST_TRIES):
        with pytest.raises(Invalid):
            joining.open_by_code(ANONYMOUS, token, "AAAA-BBBB")
    with pytest.raises(Invalid):
        joining.open_by_code(ANONYMOUS, token, code)


def test_who_tries_many_links_waits() -> None:
    for _ in range(guessing.FREE_OF_SOURCE):
        with pytest.raises(Invalid):
            joining.open_by_code(ANONYMOUS, "geen-link", "ABCDEFGH")
    with pytest.raises(TooOften):
        joining.open_by_code(ANONYMOUS, "geen-link", "ABCDEFGH")


def test_wrong_expired_used_withdrawn_and_unknown_are_one_answer() -> None:
    answers = set()
    expired, code = invite("a@voorbeeldstad.example")
    token = links()[-1]
    age(expired, invitations.LIVES)
    withdrawn, code_two = invite("b@voorbeeldstad.example")
    token_two = links()[-1]
    invitations.withdraw(actor("gert"), withdrawn)
    _, code_three = invite("c@voorbeeldstad.example")
    token_three = links()[-1]
    join(code_three)
    cases = [(token, code), (token_two, code_two), (token_three, code_three), ("onbekend", code), (token_three, "FOUT")]
    for link, typed in cases:
        with pytest.raises(Invalid) as refused:
            joining.open_by_code(ANONYMOUS, link, typed)
        answers.add((type(refused.value), refused.value.code, tuple(refused.value.data)))
    assert len(answers) == 1


def test_an_invitation_works_once() -> None:
    invitation_id, code = invite()
    join(code)
    with pytest.raises(Conflict) as refused:
        joining.join_as_new(ANONYMOUS, invitation_id, name="Boef", password=Secret("iets heel anders 12"))
    assert code_of(refused) == "invitation-gone"


def test_an_opened_invitation_ends_with_its_time() -> None:
    invitation_id, code = invite()
    joining.open_by_code(ANONYMOUS, links()[-1], code)
    age(invitation_id, invitations.LIVES)
    with pytest.raises(Conflict):
        joining.join_as_new(ANONYMOUS, invitation_id, name="Te laat", password=Secret("iets heel anders 12"))


def test_sending_again_ends_the_old_link_and_code() -> None:
    invitation_id, code = invite()
    old = links()[-1]
    new = invitations.send_again(actor("gert"), invitation_id).reveal()
    assert links() == [links()[-1]], "the old mail is taken back when it has not gone yet"
    assert links()[-1] != old
    for link, typed in ((old, code), (old, new), (links()[-1], code)):
        with pytest.raises(Invalid):
            joining.open_by_code(ANONYMOUS, link, typed)
    assert joining.open_by_code(ANONYMOUS, links()[-1], new) == invitation_id


def test_an_invitation_of_somebody_who_lost_the_role_gives_nothing() -> None:
    give_role(CLI, person_id("anna"), Role.GEMEENTEBEHEERDER, gemeente="9998")
    _, code = invite()
    grant = next(grant for grant in queries.valid_grants(person_id("gert")))
    people.end_grant(actor("anna"), grant.id)
    with pytest.raises(Conflict) as refused:
        join(code)
    assert code_of(refused) == "invitation-gone"


def test_inviting_looks_the_same_for_a_person_with_an_account_and_one_without() -> None:
    for email in ("tom@testdorp.example", "niemand@testdorp.example"):
        assert invite(email)[1]
    kinds = mails("account-invitation")
    assert kinds == ["niemand@testdorp.example", "tom@testdorp.example"]


def test_somebody_with_an_account_joins_with_that_account_only() -> None:
    invitation_id, code = invite("tom@testdorp.example")
    assert joining.open_by_code(ANONYMOUS, links()[-1], code) == invitation_id
    for other in (actor("bea"), ANONYMOUS):
        with pytest.raises(Refused):
            joining.join(other, invitation_id)
    joining.join(actor("tom"), invitation_id)
    assert roles(person_id("tom")) == {(Role.AANVRAGER, "9999"), (Role.AANVRAGER, "9998")}


def test_a_gemeente_role_never_lands_on_an_account_of_duo() -> None:
    invitation_id, _ = invite("rik@duo.example")
    with pytest.raises(Refused) as refused:
        joining.join(actor("rik"), invitation_id)
    assert code_of(refused) == "grant-other-audience"
    assert newest().used_at is None, "and the invitation is not used up by that"


@pytest.mark.parametrize("email", ["gert@voorbeeldstad.example", "GERT@VOORBEELDSTAD.example"])
def test_nobody_invites_himself(email: str) -> None:
    with pytest.raises(Refused) as refused:
        invite(email)
    assert code_of(refused) == "grant-to-oneself"


def test_the_same_person_is_invited_once_at_a_time() -> None:
    invite()
    with pytest.raises(Conflict) as refused:
        invite()
    assert code_of(refused) == "invited-already"
    with pytest.raises(Conflict) as refused:
        invite("bea@voorbeeldstad.example")
    assert code_of(refused) == "grant-already"


@pytest.mark.parametrize(("who", "role", "gemeente"), [
    ("gert", Role.AANVRAGER, "9999"),
    ("gert", Role.RELATIEBEHEERDER, None),
    ("anna", Role.AANVRAGER, "9998"),
    ("ada", Role.AUDITOR, None),
    ("rik", Role.RAADPLEGEN_MUTEREN_2013, "9998"),
    ("ben", Role.GEMEENTEBEHEERDER, None),
])  # fmt: skip
def test_a_role_that_is_not_one_s_own_to_give_is_refused(who: str, role: Role, gemeente: str | None) -> None:
    with pytest.raises(Refused):
        invitations.invite(actor(who), name="Nina", email="nina@voorbeeldstad.example", role=role, gemeente=gemeente)


def test_i9_another_gemeente_s_invitation_is_not_found() -> None:
    invitation_id, _ = invite()
    give_role(CLI, person_id("tom"), Role.GEMEENTEBEHEERDER, gemeente="9999")
    for act in (invitations.withdraw, invitations.send_again):
        for stranger in ("tom", "anna", "rik", "ben", "ada"):
            with pytest.raises(NotFound):
                act(actor(stranger), invitation_id)


# --- what takes two people


@pytest.mark.parametrize("role", sorted(DUO_ROLES))
def test_a_duo_role_takes_two_people(role: Role) -> None:
    invitation_id = propose(role)
    assert links() == []
    code = invitations.confirm(actor("rik"), invitation_id, None).reveal()
    assert roles(join(code)) == {(role, None)}


def test_a_puppet_gemeente_cannot_be_made_by_one_beheerder_alone() -> None:
    invitation_id = propose(Role.GEMEENTEBEHEERDER, "pop@boef.example", gemeente="9999")
    for act in (
        lambda: invitations.confirm(actor("ben"), invitation_id, "+31202000000"),
        lambda: invitations.send_again(actor("ben"), invitation_id),
        lambda: joining.join_as_new(ANONYMOUS, invitation_id, name="Pop", password=Secret("iets heel anders 12")),
        lambda: people.grant_role(actor("ben"), person_id("tom"), Role.GEMEENTEBEHEERDER),
    ):
        with pytest.raises(UseCaseError):
            act()
    assert links() == []
    assert queries.holders(Role.GEMEENTEBEHEERDER, "9999") == []


def test_who_proposed_never_learns_the_code_afterwards_either() -> None:
    invitation_id = propose(Role.GEMEENTEBEHEERDER, "pop@boef.example", gemeente="9999")
    invitations.confirm(actor("rik"), invitation_id, "+31202000000")
    with pytest.raises(Refused) as refused:
        invitations.send_again(actor("ben"), invitation_id)
    assert code_of(refused) == "code-of-another"
    assert len(invitations.send_again(actor("rik"), invitation_id).reveal()) == 8


def test_the_first_gemeentebeheerder_takes_a_call_to_the_registered_number() -> None:
    invitation_id = propose(Role.GEMEENTEBEHEERDER, "nina@testdorp.example", gemeente="9999")
    for number in (None, "+31611111111", ""):
        with pytest.raises(Conflict) as refused:
            invitations.confirm(actor("rik"), invitation_id, number)
        assert code_of(refused) == "not-registered-number"
    code = invitations.confirm(actor("rik"), invitation_id, "+31202000000")
    assert newest().called_number == "+31202000000"
    assert roles(join(code.reveal())) == {(Role.GEMEENTEBEHEERDER, "9999")}


def test_a_puppet_gemeente_cannot_be_made_by_who_first_puts_his_own_number_into_the_register() -> None:
    before = propose(Role.GEMEENTEBEHEERDER, "nina@testdorp.example", gemeente="9999")
    set_phone(actor("ben"), "9999", "+31612345678")
    with pytest.raises(Conflict, match="number-of-proposer"):
        invitations.confirm(actor("rik"), before, "+31612345678")
    with pytest.raises(Conflict, match="number-of-proposer"):
        propose(Role.GEMEENTEBEHEERDER, "nora@testdorp.example", gemeente="9999")
    by_another = propose(Role.GEMEENTEBEHEERDER, "nora@testdorp.example", by="rik", gemeente="9999")
    assert len(invitations.confirm(actor("rosa"), by_another, "+31612345678").reveal()) == 8


def test_without_a_number_in_the_register_nobody_is_invited() -> None:
    with transaction() as session:
        session.get_one(Gemeente, "9999").phone = None
    with pytest.raises(Conflict) as refused:
        propose(Role.GEMEENTEBEHEERDER, gemeente="9999")
    assert code_of(refused) == "no-number-to-call"
    assert db.session.scalar(select(func.count()).select_from(Invitation)) == 0


def test_somebody_does_not_confirm_his_own_promotion() -> None:
    other = propose(Role.AUDITOR, "rosa@duo.example")
    with pytest.raises(Refused) as refused:
        invitations.confirm(actor("rosa"), other, None)
    assert code_of(refused) == "grant-to-oneself"


def test_two_roles_that_exclude_each_other_do_not_meet_on_one_account() -> None:
    invitation_id = propose(Role.AUDITOR, "rosa@duo.example")
    invitations.confirm(actor("rik"), invitation_id, None)
    with pytest.raises(Refused) as refused:
        joining.join(actor("rosa"), invitation_id)
    assert code_of(refused) == "grant-excluded"


def test_a_double_confirmation_at_the_same_moment_counts_once(context: Flask) -> None:
    invitation_id = propose(Role.AUDITOR)
    rik, rosa = actor("rik"), actor("rosa")
    db.session.remove()
    ends = race(
        context,
        lambda: invitations.confirm(rik, invitation_id, None),
        lambda: invitations.confirm(rosa, invitation_id, None),
    )
    assert ends == ["confirmed-already", "done"]
    assert len(links()) == events("invitation:confirm") == 1


def test_two_people_who_use_one_invitation_at_the_same_moment_get_one_account(context: Flask) -> None:
    invitation_id, _ = invite("tom@testdorp.example")
    tom = actor("tom")
    db.session.remove()
    ends = race(context, *[lambda: joining.join(tom, invitation_id)] * 2)
    assert ends == ["done", "invitation-gone"]
    assert events("invitation:accept") == 1


@pytest.mark.parametrize("values", [
    {"second_by": "ben", "second_needed": True},
    {"second_by": None, "second_needed": True, "used_at": clock.now()},
    {"second_by": "rik", "second_needed": True, "gemeente": "9999", "role": Role.GEMEENTEBEHEERDER},
    {"second_needed": False},
    {"account_id": "ben", "second_needed": True, "second_by": "rik"},
    {"account_id": "rik", "second_needed": True, "second_by": "rik"},
    {"gemeente": "9999", "second_needed": True},
])  # fmt: skip
def test_the_database_itself_refuses_an_invitation_by_one_person(values: dict[str, object]) -> None:
    row = {
        "id": new_id(),
        "name": "Pop",
        "email": "pop@boef.example",
        "role": Role.AUDITOR,
        "invited_by": person_id("ben"),
        "invited_at": clock.now(),
        "tries": 0,
        **values,
    }
    for column in ("second_by", "account_id"):
        if row.get(column):
            row[column] = person_id(str(row[column]))
    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(insert(Invitation).values(**row))


def test_the_database_itself_refuses_a_grant_to_oneself_and_a_role_without_its_place() -> None:
    gert = person_id("gert")
    for granted_by, role, gemeente in (
        (gert, Role.AANVRAGER, "9998"),
        (None, Role.AUDITOR, "9998"),
        (None, Role.AANVRAGER, None),
    ):
        values = {"id": new_id(), "account_id": gert, "role": role, "gemeente": gemeente, "valid_from": clock.now()}
        with pytest.raises(IntegrityError), transaction() as session:
            session.execute(insert(Grant).values(granted_by=granted_by, **values))

"""Looking after people: roles given and ended, the last beheerder, the yearly review, lost factors, portfolios."""

from datetime import timedelta
from uuid import UUID

import pytest
from click.testing import CliRunner
from flask import Flask
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.exc import IntegrityError

from keyservice import cli
from keyservice.accounts import invitations, joining, people, people_queries, portfolio, queries, timers
from keyservice.accounts.models import Account, FactorReset, Grant, Invitation, Passkey, PortfolioEntry, Session
from keyservice.accounts.service import give_role
from keyservice.audit.models import AuditEvent
from keyservice.database import Base, db, transaction
from keyservice.demo.people import person_id
from keyservice.kernel import clock
from keyservice.kernel.actor import ANONYMOUS, CLI, Actor, Role
from keyservice.kernel.errors import Conflict, Invalid, NotFound, Refused
from keyservice.kernel.ids import new_id
from keyservice.kernel.secret import Secret
from keyservice.outbox.models import OutboxMessage
from tests.factories.aanvragen import actor
from tests.factories.people import PASSWORD, invite, mails, propose, race, roles

pytestmark = pytest.mark.usefixtures("context")


def grant_of(login: str, role: Role | None = None) -> UUID:
    grants = queries.valid_grants(person_id(login))
    return next(grant.id for grant in grants if role in {None, grant.role})


def events(code: str) -> int:
    return db.session.scalar(select(func.count()).where(AuditEvent.code == code)) or 0


def logged_in(login: str) -> None:
    """Store a session of somebody."""
    now = clock.now()
    with transaction() as session:
        row = Session(digest=login.encode(), account_id=person_id(login), data="{}", created_at=now, seen_at=now)
        session.add(row)


def sessions(login: str) -> int:
    return db.session.scalar(select(func.count()).where(Session.account_id == person_id(login))) or 0


def uniquifier(login: str) -> str:
    db.session.expire_all()
    return db.session.get_one(Account, person_id(login)).fs_uniquifier


# --- roles


def test_a_gemeentebeheerder_gives_a_colleague_another_role_and_the_others_hear_of_it() -> None:
    give_role(CLI, person_id("anna"), Role.GEMEENTEBEHEERDER, gemeente="9998")
    until = clock.end_of_day(clock.local_date(clock.now() + timedelta(days=30)))
    people.grant_role(actor("gert"), person_id("bea"), Role.RAADPLEGEN_MUTEREN_2013, until=until)
    assert (Role.RAADPLEGEN_MUTEREN_2013, "9998") in roles(person_id("bea"))
    assert mails("account-grant") == ["anna@voorbeeldstad.example"], "not to the giver, not to another gemeente"


def test_a_role_ends_by_itself() -> None:
    give_role(CLI, person_id("bea"), Role.RAADPLEGEN_MUTEREN_2013, gemeente="9998", until=clock.now())
    assert {grant.role for grant in queries.valid_grants(person_id("bea"))} == {Role.AANVRAGER}


def test_nobody_gives_a_role_to_himself() -> None:
    with pytest.raises(Refused) as refused:
        people.grant_role(actor("gert"), person_id("gert"), Role.AANVRAGER)
    assert refused.value.code == "grant-to-oneself"


@pytest.mark.parametrize("role", [Role.RELATIEBEHEERDER, Role.AUDITOR, Role.BEHEERDER])
def test_a_gemeentebeheerder_gives_no_role_of_duo(role: Role) -> None:
    with pytest.raises(Refused):
        people.grant_role(actor("gert"), person_id("bea"), role)


def test_the_same_role_is_not_given_twice() -> None:
    with pytest.raises(Conflict) as refused:
        people.grant_role(actor("gert"), person_id("bea"), Role.AANVRAGER)
    assert refused.value.code == "grant-already"


def test_i9_a_person_or_grant_of_another_gemeente_is_not_found() -> None:
    with pytest.raises(NotFound):
        people.grant_role(actor("gert"), person_id("tom"), Role.AANVRAGER)
    sam_elsewhere = next(g.id for g in queries.valid_grants(person_id("sam")) if g.gemeente == "9999")
    for grant_id in (grant_of("tom"), grant_of("rik"), sam_elsewhere):
        with pytest.raises(NotFound):
            people.end_grant(actor("gert"), grant_id)
        with pytest.raises(NotFound):
            people.review(actor("gert"), {grant_id: True})


@pytest.mark.parametrize("login", ["anna", "rik", "ada", "sam"])
def test_who_looks_after_nobody_ends_nothing(login: str) -> None:
    with pytest.raises(NotFound):
        people.end_grant(actor(login), grant_of("bea"))


def test_a_role_that_ends_takes_the_sessions_with_it() -> None:
    logged_in("bea")
    before = uniquifier("bea")
    people.end_grant(actor("gert"), grant_of("bea"))
    assert queries.valid_grants(person_id("bea")) == []
    assert sessions("bea") == 0
    assert uniquifier("bea") != before
    assert events("grant:end") == 1


@pytest.mark.parametrize(("who", "whose"), [("gert", "gert"), ("ben", "gert"), ("ben", "ben")])
def test_the_last_beheerder_cannot_go(who: str, whose: str) -> None:
    with pytest.raises(Conflict) as refused:
        people.end_grant(actor(who), grant_of(whose))
    assert refused.value.code == "last-beheerder"


def test_two_beheerders_cannot_end_each_other_at_the_same_moment(context: Flask) -> None:
    give_role(CLI, person_id("anna"), Role.GEMEENTEBEHEERDER, gemeente="9998")
    of_gert, of_anna = grant_of("gert"), grant_of("anna", Role.GEMEENTEBEHEERDER)
    gert = actor("gert")
    db.session.remove()
    ends = race(context, lambda: people.end_grant(gert, of_gert), lambda: people.end_grant(gert, of_anna))
    assert ends == ["done", "last-beheerder"]
    assert len(queries.holders(Role.GEMEENTEBEHEERDER, "9998")) == 1


# --- the yearly review


def test_the_review_keeps_what_is_needed_ends_the_rest_and_is_recorded() -> None:
    rows = people_queries.grants_of("9998")
    ending = grant_of("bea")
    people.review(actor("gert"), {row.id: row.id != ending for row in rows})
    db.session.expire_all()
    kept = people_queries.grants_of("9998")
    assert {row.id for row in kept} == {row.id for row in rows} - {ending}
    assert all(row.reviewed_at for row in kept)
    assert (events("grant:review"), events("grant:end")) == (len(rows) - 1, 1)


def test_i3_a_review_that_would_end_the_last_beheerder_does_nothing_at_all() -> None:
    answers = {row.id: False for row in people_queries.grants_of("9998")}
    with pytest.raises(Conflict):
        people.review(actor("gert"), answers)
    assert len(people_queries.grants_of("9998")) == len(answers)
    assert events("grant:end") == 0


def made_before(days: int) -> None:
    with transaction() as session:
        session.execute(update(Grant).values(valid_from=clock.now() - timedelta(days=days)))


def test_a_review_that_is_a_year_late_is_told_once_a_month_to_every_beheerder() -> None:
    made_before(364)
    timers.remind_of_review()
    assert mails("account-review") == []
    made_before(366)
    timers.remind_of_review()
    timers.remind_of_review()
    assert mails("account-review") == ["ben@duo.example", "gert@voorbeeldstad.example"]
    assert events("grant:remind-review") == 2, "one of the gemeente that has a beheerder, one of DUO"


def test_after_the_review_nobody_is_reminded() -> None:
    made_before(366)
    people.review(actor("gert"), {row.id: True for row in people_queries.grants_of("9998")})
    timers.remind_of_review()
    assert mails("account-review") == ["ben@duo.example"]


def test_i15_what_nobody_takes_up_lapses_after_thirty_days() -> None:
    invitation, _ = invite()
    proposal = propose(Role.AUDITOR)
    people.propose_reset(actor("rik"), person_id("anna"))
    timers.lapse()
    assert (events("invitation:lapse"), events("factor-reset:lapse")) == (0, 0)
    before = clock.now() - timedelta(days=31)
    with transaction() as session:
        session.execute(update(Invitation).values(invited_at=before))
        session.execute(update(Invitation).where(Invitation.id == invitation).values(expires_at=before))
        session.execute(update(FactorReset).values(proposed_at=before))
    timers.lapse()
    timers.lapse()
    assert (events("invitation:lapse"), events("factor-reset:lapse")) == (2, 1)
    assert db.session.get_one(Invitation, proposal).ended_at
    waiting = people_queries.waiting()
    assert (waiting.resets, waiting.invitations) == ([], [])


# --- lost factors


def with_factors(login: str) -> None:
    person = person_id(login)
    with transaction() as session:
        session.execute(
            update(Account)
            .where(Account.id == person)
            .values(tf_primary_method="authenticator", tf_totp_secret="x", mf_recovery_codes=["a"])
        )
        session.execute(delete(Passkey).where(Passkey.account_id == person))
        session.execute(
            insert(Passkey).values(
                id=new_id(),
                account_id=person,
                credential_id=b"1",
                public_key=b"2",
                sign_count=0,
                backup_state=False,
                device_type="single_device",
                name="sleutel",
                usage="secondary",
                create_datetime=clock.now(),
                lastuse_datetime=clock.now(),
            )
        )


def test_two_people_and_a_call_take_lost_factors_away() -> None:
    with_factors("anna")
    logged_in("anna")
    people.propose_reset(actor("rik"), person_id("anna"))
    reset = people_queries.waiting().resets[0].id
    for who, number, code in (
        ("rik", "+31102000000", "own-proposal"),
        ("rosa", None, "not-registered-number"),
        ("rosa", "+31611111111", "not-registered-number"),
    ):
        with pytest.raises((Refused, Conflict)) as refused:
            people.confirm_reset(actor(who), reset, number)
        assert refused.value.code == code
    people.confirm_reset(actor("rosa"), reset, "+31102000000")
    db.session.expire_all()
    anna = db.session.get_one(Account, person_id("anna"))
    assert (anna.tf_primary_method, anna.tf_totp_secret, anna.mf_recovery_codes, anna.webauthn) == (
        None,
        None,
        None,
        [],
    )
    assert sessions("anna") == 0
    assert mails("account-factors-gone") == ["anna@voorbeeldstad.example"]
    assert people_queries.waiting().resets == []


def test_a_colleague_of_duo_is_asked_in_person_and_confirms_nothing_about_himself() -> None:
    people.propose_reset(actor("ben"), person_id("rik"))
    reset = people_queries.waiting().resets[0].id
    with pytest.raises(Refused):
        people.confirm_reset(actor("rik"), reset, None)
    people.confirm_reset(actor("rosa"), reset, None)
    assert events("factor-reset:confirm") == 1


@pytest.mark.parametrize(("who", "whose"), [("rik", "rik"), ("gert", "bea"), ("ada", "bea"), ("anna", "bea")])
def test_who_may_not_take_factors_away_does_not(who: str, whose: str) -> None:
    with pytest.raises((NotFound, Refused)):
        people.propose_reset(actor(who), person_id(whose))


def test_a_proposal_to_take_factors_away_is_made_once_and_can_be_withdrawn() -> None:
    people.propose_reset(actor("rik"), person_id("anna"))
    with pytest.raises(Conflict):
        people.propose_reset(actor("rosa"), person_id("anna"))
    people.withdraw_reset(actor("rosa"), people_queries.waiting().resets[0].id)
    assert people_queries.waiting().resets == []


@pytest.mark.parametrize(("about", "confirmer"), [("anna", "rik"), ("rik", "rosa"), ("rosa", "rosa")])
def test_the_database_itself_refuses_a_reset_by_one_person(about: str, confirmer: str) -> None:
    values = {"proposed_by": person_id("rik"), "confirmed_by": person_id(confirmer), "proposed_at": clock.now()}
    with pytest.raises(IntegrityError), transaction() as session:
        session.execute(insert(FactorReset).values(id=new_id(), account_id=person_id(about), **values))


# --- portfolios


def test_a_whole_portfolio_goes_over_in_one_act_with_an_event_per_gemeente() -> None:
    rik, rosa = person_id("rik"), person_id("rosa")
    portfolio.give_portfolio(actor("ben"), rik, "9999")
    portfolio.give_portfolio(actor("ben"), rosa, "9999")
    assert portfolio.hand_over(actor("ben"), rik, rosa) == 2
    assert queries.portfolio(rik) == frozenset()
    assert queries.portfolio(rosa) == {"9998", "9999"}
    assert events("portfolio:hand-over") == 2
    held = [entry for entry in portfolio.entries() if entry.account_id == rosa]
    assert len(held) == 2, "what the taker had already is not doubled"


def test_a_portfolio_ends_on_its_day_or_by_hand() -> None:
    rosa = person_id("rosa")
    portfolio.give_portfolio(actor("ben"), rosa, "9999", until=clock.now())
    assert queries.portfolio(rosa) == frozenset()
    portfolio.give_portfolio(actor("ben"), rosa, "9999")
    entry = next(entry for entry in portfolio.entries() if entry.account_id == rosa)
    portfolio.end_portfolio(actor("ben"), entry.id)
    assert queries.portfolio(rosa) == frozenset()
    with pytest.raises(NotFound):
        portfolio.end_portfolio(actor("ben"), entry.id)


@pytest.mark.parametrize("login", ["ada", "ben", "anna"])
def test_only_a_relatiebeheerder_has_a_portfolio(login: str) -> None:
    with pytest.raises(Refused):
        portfolio.give_portfolio(actor("ben"), person_id(login), "9999")
    with pytest.raises(Refused):
        portfolio.hand_over(actor("ben"), person_id("rik"), person_id(login))
    assert queries.portfolio(person_id("rik")) == {"9998"}


def test_what_is_not_there_is_not_handed_over_and_nothing_is_given_twice() -> None:
    rik, rosa = person_id("rik"), person_id("rosa")
    for giver, taker in ((rosa, rik), (rik, rik)):
        with pytest.raises(Conflict):
            portfolio.hand_over(actor("ben"), giver, taker)
    with pytest.raises(Conflict):
        portfolio.give_portfolio(actor("ben"), rik, "9998")


# --- the first two people of DUO


def first(app: Flask, monkeypatch: pytest.MonkeyPatch, login: str = "nina") -> tuple[int, str]:
    monkeypatch.setattr(cli, "create_app", lambda: app)
    arguments = ["accounts", "first-beheerder", "--email", f"{login}@duo.example", "--name", f"{login.title()} Nieuw"]
    done = CliRunner().invoke(cli.commands, arguments)
    return done.exit_code, done.output


def join_with(output: str) -> UUID:
    token, code = output.split("/uitnodiging/")[1].split("\ncode: ")
    invitation = joining.open_by_code(ANONYMOUS, token, code.strip())
    return joining.join_as_new(ANONYMOUS, invitation, name="Nieuw", password=Secret(PASSWORD))


@pytest.fixture
def empty(context: Flask) -> Flask:
    """Take everybody away."""
    with transaction() as session:
        for table in (PortfolioEntry, Grant, OutboxMessage, Invitation, Account):
            session.execute(delete(Base.metadata.tables[table.__tablename__]))
    return context


def test_an_empty_system_gets_its_first_two_people_from_the_command_line_and_they_invite_the_third(
    empty: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    people_of_duo = [join_with(first(empty, monkeypatch, login)[1]) for login in ("nina", "olaf")]
    assert [roles(person) for person in people_of_duo] == [{(Role.BEHEERDER, None)}] * 2
    assert first(empty, monkeypatch, "piet") == (1, "Refused: Er zijn al twee mensen die kunnen uitnodigen.\n")
    nina, olaf = (Actor(person, frozenset({Role.BEHEERDER}), None, "web") for person in people_of_duo)
    invitations.invite(nina, name="Piet", email="piet@duo.example", role=Role.RELATIEBEHEERDER)
    proposed = db.session.scalars(select(Invitation.id).where(Invitation.second_needed)).one()
    assert len(invitations.confirm(olaf, proposed, None).reveal()) == invitations.CODE_LENGTH


def test_a_link_that_was_lost_is_made_again_and_the_lost_one_is_worth_nothing(
    empty: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost, again = first(empty, monkeypatch)[1], first(empty, monkeypatch)[1]
    with pytest.raises(Invalid, match="code-wrong"):
        join_with(lost)
    join_with(again)


def test_who_is_left_alone_gets_a_second_person_from_the_command_line(
    context: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = update(Account).where(Account.id.in_([person_id("rik"), person_id("rosa")]))
    with transaction() as session:
        session.execute(gone.values(active=False))
    assert first(context, monkeypatch)[0] == 0


def test_a_system_in_use_gets_nobody_from_the_command_line(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    assert first(context, monkeypatch)[0] == 1
    assert db.session.scalar(select(func.count()).select_from(Invitation)) == 0

"""The life of a key that was handed over: blocked, revoked, warned about, replaced, and of a gemeente that ends."""

from datetime import date, datetime, timedelta
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from keyservice.accounts import service as accounts
from keyservice.accounts.models import Account, Grant
from keyservice.audit.queries import search
from keyservice.contacts.models import Contact
from keyservice.database import db, transaction
from keyservice.demo.people import person_id
from keyservice.gemeenten.models import Gemeente
from keyservice.issuance import key_acts, key_timers, overlap, service, succession
from keyservice.issuance.key_acts import Why
from keyservice.issuance.leaver_queries import Was, keys_of_leavers
from keyservice.issuance.models import Issuance
from keyservice.issuance.use_timers import tell_uses
from keyservice.kernel import clock
from keyservice.kernel.actor import CLI, Actor, Role
from keyservice.kernel.errors import Conflict, NotFound, Refused
from keyservice.outbox.models import OutboxMessage
from keyservice.sleutels import usage
from keyservice.sleutels.life import WARN_DAYS, Blocker, State, state, warn_on
from keyservice.sleutels.limits import Limits
from keyservice.sleutels.models import Sleutel
from keyservice.sleutels.verification import NotUsable, admit, verify
from tests.factories import walked
from tests.factories.aanvragen import actor
from tests.factories.issuance import held, issuance, issued
from tests.factories.people import race
from tests.factories.trail import unexplained
from tests.factories.waves import deliver

pytestmark = pytest.mark.usefixtures("context")
DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def no_memory(context: Flask) -> None:
    context.extensions["keyservice.limits"] = Limits()
    context.extensions["keyservice.uses"] = usage.Notebook(context)


@pytest.fixture
def key() -> tuple[UUID, str]:
    """A key that was handed over and works: its issuance, and the key."""
    issuance_id = service.issue(actor("rosa"), walked.approved().aanvraag)
    both = held(issuance_id)
    service.activate(actor("anna"), issuance_id, both.code)
    return issuance_id, both.key.reveal()


def stands(issuance_id: UUID) -> State:
    db.session.expire_all()
    return state(issuance(issuance_id).sleutel.facts, clock.now())


def opens(secret: str) -> bool:
    try:
        verify(secret)
    except NotUsable:
        return False
    return True


def told(kind: str) -> list[str]:
    """Return to whom messages of a kind were queued."""
    return sorted(db.session.scalars(select(OutboxMessage.recipient).where(OutboxMessage.kind == kind)))


def codes(code: str) -> int:
    return sum(event.code == code for event in search())


def at(moment: datetime) -> time_machine.travel:
    return time_machine.travel(moment, tick=False)


# Blocking and resuming


def test_the_gemeente_blocks_its_key_at_once_and_lets_it_work_again(key: tuple[UUID, str]) -> None:
    issuance_id, secret = key
    key_acts.suspend(actor("gert"), issuance_id, "Laptop kwijt")
    assert stands(issuance_id) is State.SUSPENDED
    with pytest.raises(NotUsable):
        verify(secret)
    assert len(told("sleutel-geblokkeerd")) >= 2
    assert key_acts.resume(actor("anna"), issuance_id, "Laptop terug") is True
    assert verify(secret).gemeente == "9998"
    key_acts.suspend(actor("anna"), issuance_id, "Weer kwijt")
    assert key_acts.resume(actor("gert"), issuance_id, "Weer terug") is True
    assert stands(issuance_id) is State.ACTIVE
    assert len(told("sleutel-geblokkeerd")) == len(told("sleutel-gedeblokkeerd")) >= 4
    assert unexplained() == []


def test_what_duo_blocked_takes_two_relatiebeheerders(key: tuple[UUID, str]) -> None:
    issuance_id, secret = key
    key_acts.suspend(actor("rik"), issuance_id, "Vreemd gebruik")
    with pytest.raises(Refused) as refused:
        key_acts.resume(actor("gert"), issuance_id, "Het is goed")
    assert refused.value.code == "resume-by-duo"
    assert key_acts.resume(actor("rik"), issuance_id, "Nagevraagd") is False
    assert told("sleutel-deblokkeren") != []
    with pytest.raises(Refused) as refused:
        key_acts.resume(actor("rik"), issuance_id, "Nog eens")
    assert refused.value.code == "own-resume"
    assert stands(issuance_id) is State.SUSPENDED
    assert key_acts.resume(actor("rosa"), issuance_id, "Gezien") is True
    assert opens(secret)
    assert unexplained() == []


def test_a_question_to_resume_lapses_after_a_week(key: tuple[UUID, str]) -> None:
    issuance_id, _ = key
    key_acts.suspend_by_program(issuance(issuance_id).sleutel_id, "mismatch")
    assert key_acts.resume(actor("rik"), issuance_id, "Nagekeken") is False
    with at(clock.now() + 7 * DAY):
        assert key_acts.resume(actor("rosa"), issuance_id, "Nu pas gezien") is False
        assert key_acts.resume(actor("rik"), issuance_id, "Bevestigd") is True
    assert stands(issuance_id) is State.ACTIVE


def test_a_block_by_the_gemeente_gives_way_to_one_by_duo_and_not_the_other_way(key: tuple[UUID, str]) -> None:
    issuance_id, _ = key
    key_acts.suspend(actor("anna"), issuance_id, "Zeker weten")
    key_acts.suspend(actor("rik"), issuance_id, "Ook wij")
    with pytest.raises(Conflict):
        key_acts.suspend(actor("gert"), issuance_id, "Nog eens")
    with pytest.raises(Refused):
        key_acts.resume(actor("anna"), issuance_id, "Toch goed")
    assert issuance(issuance_id).sleutel.suspended_by is Blocker.DUO


def test_i16_a_revoked_key_is_never_resumed(key: tuple[UUID, str]) -> None:
    issuance_id, secret = key
    key_acts.suspend(actor("anna"), issuance_id, "Kwijt")
    key_acts.revoke(actor("gert"), issuance_id, Why.EXPOSED, "Gestolen")
    assert len(told("sleutel-ingetrokken")) >= 2
    for who in ("anna", "gert", "rik"):
        with pytest.raises((Conflict, Refused)):
            key_acts.resume(actor(who), issuance_id, "Toch")
    with pytest.raises(Conflict):
        key_acts.revoke(actor("rik"), issuance_id, Why.OTHER, "Nog eens")
    with pytest.raises(NotUsable):
        verify(secret)
    assert stands(issuance_id) is State.REVOKED
    assert unexplained() == []


def test_i9_another_gemeente_finds_no_key_to_block_or_revoke(key: tuple[UUID, str]) -> None:
    for act in (
        lambda who: key_acts.suspend(who, key[0], "x"),
        lambda who: key_acts.resume(who, key[0], "x"),
        lambda who: key_acts.revoke(who, key[0], Why.OTHER, "x"),
    ):
        with pytest.raises(NotFound):
            act(actor("tom"))
    assert stands(key[0]) is State.ACTIVE


def test_while_it_is_on_its_way_a_key_is_cancelled_not_blocked() -> None:
    issuance_id = issued()
    with pytest.raises(Conflict) as conflict:
        key_acts.suspend(actor("anna"), issuance_id, "Toch niet")
    assert conflict.value.code == "issuance-underway"


# Warnings


def test_each_warning_goes_once_on_its_day_and_the_end_is_told(key: tuple[UUID, str]) -> None:
    end = issuance(key[0]).sleutel.expires_at
    for number, days in enumerate(WARN_DAYS, 1):
        morning = clock.at(warn_on(end, days))
        with at(morning - timedelta(seconds=1)):
            key_timers.warn()
        assert codes("issuance:warn") == number - 1
        with at(morning):
            key_timers.warn()
            key_timers.warn()
        assert codes("issuance:warn") == number
    mails = told("sleutel-verloopt")
    assert mails.count("g…@voorbeeldstad.example") == len(WARN_DAYS), "the gemeentebeheerder"
    assert len(set(mails)) > 1, "and the key contact"
    with at(end):
        key_timers.warn()
        key_timers.warn()
    assert (codes("issuance:warn"), codes("issuance:expire")) == (len(WARN_DAYS), 1)
    assert told("sleutel-verlopen")
    assert unexplained() == []


def test_two_workers_at_the_same_moment_warn_once(context: Flask, key: tuple[UUID, str]) -> None:
    with at(clock.at(warn_on(issuance(key[0]).sleutel.expires_at, 30))):
        db.session.rollback()
        assert race(context, *[key_timers.warn] * 3) == ["done"] * 3
        key_timers.warn()
    assert codes("issuance:warn") == 1
    mails = told("sleutel-verloopt")
    assert mails.count("g…@voorbeeldstad.example") == 1


def test_a_worker_that_was_down_sends_the_latest_warning_only(key: tuple[UUID, str]) -> None:
    end = issuance(key[0]).sleutel.expires_at
    with at(clock.at(warn_on(end, 14)) + DAY):
        key_timers.warn()
    assert codes("issuance:warn") == 1
    with at(end + 5 * DAY):
        key_timers.warn()
    assert (codes("issuance:warn"), codes("issuance:expire")) == (1, 1)


def test_nobody_is_warned_about_a_revoked_key_or_one_whose_successor_works(key: tuple[UUID, str]) -> None:
    old = issuance(key[0])
    new = service.renew(actor("rosa"), old.aanvraag_id)
    deliver(new)
    with at(clock.at(warn_on(old.sleutel.expires_at, 30))):
        key_timers.warn()
    warned = {event.subject for event in search() if event.code == "issuance:warn"}
    assert str(key[0]) not in warned
    key_acts.revoke(actor("rik"), new, Why.NOT_NEEDED, "Weg")
    with at(clock.at(warn_on(issuance(new).sleutel.expires_at, 7))):
        key_timers.warn()
    assert {event.subject for event in search() if event.code == "issuance:warn"} - warned == {str(key[0])}


@pytest.mark.parametrize("made", [date(2027, 12, 31), date(2028, 2, 29), date(2027, 3, 27), date(2027, 10, 30)])
def test_a_key_made_on_an_odd_day_works_to_the_last_second_of_a_working_day(made: date) -> None:
    with at(clock.at(made) + timedelta(hours=12)):
        issuance_id = issued()
        both = held(issuance_id)
        service.activate(actor("anna"), issuance_id, both.code)
        end = issuance(issuance_id).sleutel.expires_at
    assert made + 355 * DAY < clock.local_date(end - timedelta(seconds=1)) <= made + 365 * DAY
    with at(end - timedelta(seconds=1)):
        assert opens(both.key.reveal())
    with at(end), pytest.raises(NotUsable):
        verify(both.key.reveal())


# Replacing


@pytest.fixture
def pair(key: tuple[UUID, str]) -> tuple[UUID, str, UUID, str]:
    """An old key that works, and a new one beside it: two issuances with their keys."""
    aanvraag_id = issuance(key[0]).aanvraag_id
    new = service.renew(actor("rosa"), aanvraag_id)
    both = held(new)
    service.activate(actor("anna"), new, both.code)
    return key[0], key[1], new, both.key.reveal()


def use(secret: str) -> None:
    admit(secret, "192.0.2.7")
    usage.flush()


def run_timers() -> None:
    for timer in overlap.TIMERS:
        timer()


def test_i17_the_old_key_lives_until_the_days_after_the_first_use_of_the_new_one(
    pair: tuple[UUID, str, UUID, str],
) -> None:
    old, old_key, new, new_key = pair
    with at(clock.now() + 40 * DAY):
        run_timers()
        assert opens(old_key), "the new one was never used"
        use(new_key)
        first = clock.now()
        run_timers()
    db.session.expire_all()
    until = overlap.old_until(issuance(new))
    assert until == clock.end_of_day(clock.local_date(first) + 14 * DAY)
    assert told("sleutel-vervangen")
    with at(until - timedelta(seconds=1)):
        run_timers()
        assert opens(old_key)
    with at(until):
        run_timers()
        run_timers()
        assert stands(old) is State.REVOKED
        assert opens(new_key)
    assert issuance(old).sleutel.reason == "replaced"
    assert told("sleutel-oud-gestopt")
    assert unexplained() == []


def test_use_of_the_old_key_after_the_new_one_is_told_once_a_day(pair: tuple[UUID, str, UUID, str]) -> None:
    _old, old_key, _new, new_key = pair
    start = clock.now()
    with at(start):
        use(new_key)
        run_timers()
    for hours, expected in ((1, 1), (2, 1), (30, 2)):
        with at(start + timedelta(hours=hours)):
            use(old_key)
            run_timers()
            assert codes("issuance:use-old") == expected, hours
    assert told("sleutel-oud-gebruikt")


def test_i17_a_new_key_that_lapsed_or_was_blocked_ends_nothing(key: tuple[UUID, str]) -> None:
    aanvraag_id = issuance(key[0]).aanvraag_id
    new = service.renew(actor("rosa"), aanvraag_id)
    both = held(new)
    with pytest.raises(NotUsable):
        admit(both.key.reveal(), "192.0.2.7")
    usage.flush()
    with at(clock.now() + 60 * DAY):
        run_timers()
        assert opens(key[1])
    service.activate(actor("anna"), new, both.code)
    use(both.key.reveal())
    run_timers()
    key_acts.suspend(actor("anna"), new, "Kwijt")
    with at(clock.now() + 60 * DAY):
        run_timers()
        assert opens(key[1]), "the old one is the only one that works"


def test_with_no_days_the_old_key_ends_at_the_first_use(key: tuple[UUID, str]) -> None:
    new = service.renew(actor("rosa"), issuance(key[0]).aanvraag_id)
    with transaction() as session:
        session.execute(update(Issuance).where(Issuance.id == new).values(overlap_days=0))
    both = held(new)
    service.activate(actor("anna"), new, both.code)
    assert opens(key[1])
    use(both.key.reveal())
    run_timers()
    assert stands(key[0]) is State.REVOKED


def tries(secret: str) -> None:
    """Show a key that does not work any more, and let the worker look."""
    with pytest.raises(NotUsable):
        admit(secret, "192.0.2.7")
    usage.flush()
    tell_uses()


def test_tries_with_the_old_key_after_its_end_are_told_once_a_day(pair: tuple[UUID, str, UUID, str]) -> None:
    _old, old_key, _new, new_key = pair
    use(new_key)
    run_timers()
    morning = clock.at(clock.local_date(clock.now()) + 20 * DAY) + timedelta(hours=9)
    for hours, mails in ((0, 1), (2, 1), (23, 1), (26, 2)):
        with at(morning + timedelta(hours=hours)):
            run_timers()
            tries(old_key)
            assert told("sleutel-oud-geprobeerd").count("g…@voorbeeldstad.example") == mails, hours
    assert unexplained() == []


@pytest.mark.parametrize("end", ["expired", "revoked", "alone"])
def test_tries_with_an_old_key_are_told_when_it_ended_by_itself_and_the_new_one_works(
    key: tuple[UUID, str], end: str
) -> None:
    with at(clock.now() + 10 * DAY):  # made on one day, both would expire at the same moment
        new = service.renew(actor("rosa"), issuance(key[0]).aanvraag_id)
        deliver(new)
        if end == "revoked":  # whoever tries it then may be why it was revoked: nothing for its people to mend
            key_acts.revoke(actor("gert"), key[0], Why.EXPOSED, "Gestolen")
        elif end == "alone":
            key_acts.suspend(actor("gert"), new, "Nog niet nodig")
    with at(issuance(key[0]).sleutel.expires_at):
        tries(key[1])
    assert (told("sleutel-oud-geprobeerd") != []) is (end == "expired")


# People who left


def test_a_key_is_flagged_when_who_activated_it_has_no_role_there_any_more(key: tuple[UUID, str]) -> None:
    assert keys_of_leavers(gemeenten=["9998"]) == []
    with transaction() as session:
        session.execute(update(Grant).where(Grant.account_id == person_id("anna")).values(valid_until=clock.now()))
    found = keys_of_leavers(gemeenten=["9998"])
    assert {one.was for one in found} >= {Was.KEY, Was.ACTIVATOR}
    assert {one.sleutel for one in found} == {issuance(key[0]).sleutel_id}
    assert keys_of_leavers(gemeenten=["9999"]) == []


def test_a_key_is_flagged_when_the_account_of_its_contact_is_closed_until_another_person_takes_his_place(
    key: tuple[UUID, str],
) -> None:
    with transaction() as session:
        session.get_one(Account, person_id("anna")).active = False
    aanvraag = issuance(key[0]).aanvraag
    contact, other = aanvraag.key_contact_id, aanvraag.password_contact_id
    assert [one.contact for one in keys_of_leavers(gemeenten=["9998"]) if one.was is Was.KEY] == [contact]
    with transaction() as session:
        gone = {"retired_at": clock.now(), "replaced_by_id": other}
        session.execute(update(Contact).where(Contact.id == contact).values(**gone))
    assert {one.was for one in keys_of_leavers(gemeenten=["9998"])} == {Was.ACTIVATOR}
    key_acts.revoke(actor("gert"), key[0], Why.NOT_NEEDED, "Weg")
    assert keys_of_leavers(gemeenten=["9998"]) == []


# A gemeente that ends


def ended(code: str, last_day: date, successor: str) -> None:
    with transaction() as session:
        values = {"valid_until": last_day, "successor_code": successor}
        session.execute(update(Gemeente).where(Gemeente.code == code).values(**values))


def successor() -> Actor:
    accounts.give_role(CLI, person_id("tom"), Role.GEMEENTEBEHEERDER, gemeente="9999")
    return actor("tom")


def test_the_key_of_an_ended_gemeente_acts_for_its_successor_who_asked_for_ninety_days(key: tuple[UUID, str]) -> None:
    last_day = clock.local_date(clock.now()) + 30 * DAY
    ended("9998", last_day, "9999")
    midnight = clock.at(last_day + DAY)
    with at(midnight - timedelta(seconds=1)):
        assert verify(key[1]).gemeente == "9998"
    with at(midnight):
        with pytest.raises(NotUsable):
            verify(key[1])
        succession.stop_ended()
        assert issuance(key[0]).sleutel.suspended_by is Blocker.ENDED
        asked = succession.ask(successor(), "9998")
        with pytest.raises(Conflict):
            succession.ask(actor("tom"), "9998")
        succession.approve(actor("rik"), asked)
        assert verify(key[1]).gemeente == "9999"
        succession.stop_ended()
        assert verify(key[1]).gemeente == "9999"
    with at(clock.at(last_day + 91 * DAY)):
        with pytest.raises(NotUsable):
            verify(key[1])
        succession.stop_ended()
        assert stands(key[0]) is State.REVOKED
    assert unexplained() == []


def test_without_a_successor_who_asks_the_key_stops_with_the_gemeente(key: tuple[UUID, str]) -> None:
    last_day = clock.local_date(clock.now())
    ended("9998", last_day, "9999")
    with at(clock.at(last_day + DAY)):
        succession.stop_ended()
        with pytest.raises(NotUsable):
            verify(key[1])
        asked = succession.ask(successor(), "9998")
        succession.refuse(actor("rik"), asked, "Er is een nieuwe sleutel")
        with pytest.raises(NotUsable):
            verify(key[1])
    assert told("opvolging-afgewezen")


def test_what_the_gemeente_blocked_itself_stays_blocked_for_its_successor(key: tuple[UUID, str]) -> None:
    last_day = clock.local_date(clock.now())
    key_acts.suspend(actor("gert"), key[0], "Laptop kwijt")
    ended("9998", last_day, "9999")
    with at(clock.at(last_day + DAY)):
        succession.stop_ended()
        succession.approve(actor("rik"), succession.ask(successor(), "9998"))
        assert issuance(key[0]).sleutel.suspended_by is Blocker.GEMEENTE
        assert not opens(key[1])


def test_who_does_not_follow_a_gemeente_asks_for_nothing_and_after_ninety_days_nobody_does(
    key: tuple[UUID, str],
) -> None:
    last_day = clock.local_date(clock.now())
    who = successor()
    with pytest.raises(NotFound):
        succession.ask(who, "9998")
    ended("9998", last_day, "9999")
    with at(clock.at(last_day + 91 * DAY)), pytest.raises(NotFound):
        succession.ask(who, "9998")


def test_a_key_of_a_gemeente_that_starts_soon_sleeps_until_its_first_day() -> None:
    first_day = clock.local_date(clock.now()) + 20 * DAY
    with transaction() as session:
        session.execute(update(Gemeente).where(Gemeente.code == "9998").values(valid_from=first_day))
    issuance_id = issued()
    both = held(issuance_id)
    service.activate(actor("anna"), issuance_id, both.code)
    with pytest.raises(NotUsable) as refused:
        verify(both.key.reveal())
    assert refused.value.checked.state is State.SLEEPING
    with at(clock.at(first_day)):
        assert opens(both.key.reveal())
    sleutel = db.session.get_one(Sleutel, issuance(issuance_id).sleutel_id)
    assert clock.local_date(sleutel.expires_at) > first_day + 350 * DAY

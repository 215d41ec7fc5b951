"""A key that somebody found: showing it ends it, and tells who should know; nothing else says that it existed."""

import time
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from sqlalchemy import select, update

from keyservice.accounts import guessing
from keyservice.audit.models import AuditPrivate
from keyservice.audit.queries import EventView, of_dossier, search
from keyservice.database import db, transaction
from keyservice.issuance import leaks, service
from keyservice.issuance.models import End
from keyservice.kernel import clock
from keyservice.kernel.actor import ANONYMOUS, Actor
from keyservice.kernel.errors import Conflict, Invalid, NotFound, TooOften
from keyservice.kernel.secret import Secret
from keyservice.outbox.models import Channel, OutboxMessage
from keyservice.sleutels import service as sleutels
from keyservice.sleutels.blocking import suspend_by_program
from keyservice.sleutels.format import Omgeving, new_key
from keyservice.sleutels.life import State, state
from keyservice.sleutels.models import Sleutel
from tests.factories.aanvragen import actor
from tests.factories.issuance import Held, held, issuance, issued
from tests.factories.keys import queries

pytestmark = pytest.mark.usefixtures("context")
FINDER = Actor(None, frozenset(), None, "web", source="192.0.2.7", agent="Zoeker/1")
PLACE = "Een openbare map van een leverancier"


def show(text: str, place: str = "", by: Actor = FINDER) -> None:
    leaks.report(by, text, place)


def sleutel_of(issuance_id: UUID) -> Sleutel:
    db.session.expire_all()
    return db.session.get_one(Sleutel, issuance(issuance_id).sleutel_id)


def state_of(issuance_id: UUID) -> State:
    return state(sleutel_of(issuance_id).facts, clock.now())


def active() -> tuple[UUID, Held]:
    issuance_id = issued()
    both = held(issuance_id)
    service.activate(actor("anna"), issuance_id, both.code)
    return issuance_id, both


def told(kind: str) -> list[tuple[Channel, str]]:
    rows = db.session.scalars(select(OutboxMessage).where(OutboxMessage.kind == kind).order_by(OutboxMessage.recipient))
    return [(row.channel, row.recipient) for row in rows]


def leak_events(issuance_id: UUID) -> list[EventView]:
    return [e for e in of_dossier(issuance(issuance_id).aanvraag_id) if e.code in {"issuance:leak", "sleutel:revoke"}]


def test_a_key_that_works_is_revoked_at_once_and_its_delivery_stays_done() -> None:
    issuance_id, both = active()
    show(f"SLEUTEL={both.key.reveal()}", PLACE)
    assert (state_of(issuance_id), sleutel_of(issuance_id).reason) == (State.REVOKED, "leaked")
    assert issuance(issuance_id).end_reason is End.DONE


def test_a_sleeping_key_is_revoked_too_and_what_was_sealed_is_gone() -> None:
    issuance_id = issued()
    show(held(issuance_id).key.reveal())
    row = issuance(issuance_id)
    assert (state_of(issuance_id), row.end_reason) == (State.REVOKED, End.CANCELLED)
    assert (row.zip, row.password, row.activation_mac) == (None, None, None)


def test_a_suspended_key_is_revoked_too() -> None:
    issuance_id, both = active()
    suspend_by_program(sleutel_of(issuance_id).id, "odd-use", dossier=None)
    show(both.key.reveal())
    assert state_of(issuance_id) is State.REVOKED


def test_i16_a_leaked_key_never_returns() -> None:
    issuance_id, both = active()
    show(both.key.reveal())
    with pytest.raises(Conflict):
        sleutels.activate(actor("anna"), sleutel_of(issuance_id).id, dossier=issuance(issuance_id).aanvraag_id)


def test_both_contacts_the_gemeentebeheerders_and_the_relatiebeheerders_are_told() -> None:
    _, both = active()
    show(both.key.reveal())
    channels = sorted(channel for channel, _ in told("sleutel-gelekt"))
    assert channels == [Channel.MAIL, Channel.MAIL, Channel.SMS]  # Anna, Gert and Wim
    assert told("sleutel-gelekt-duo") != []


def test_i11_the_event_names_no_person_and_where_it_was_found_can_be_erased() -> None:
    issuance_id, both = active()
    # Somebody of another gemeente who is logged in.
    show(both.key.reveal(), PLACE, by=actor("tom"))
    events = leak_events(issuance_id)
    assert [event.code for event in events] == ["sleutel:revoke", "issuance:leak"]
    assert {(e.person, e.roles, e.gemeente) for e in events} == {(None, (), issuance(issuance_id).aanvraag.gemeente)}
    assert events[1].private["found"] == PLACE


def test_where_it_was_found_is_stored_without_the_key_and_a_key_in_it_counts() -> None:
    issuance_id, both = active()
    show("Ik vond hem hier:", f"https://voorbeeld.example/?k={both.key.reveal()}")
    assert state_of(issuance_id) is State.REVOKED
    kept = db.session.scalars(select(AuditPrivate.value).where(AuditPrivate.name == "found")).all()
    assert kept == ["https://voorbeeld.example/?k=(sleutel)"]


@pytest.mark.parametrize("text", ["", "SL-2026-00001", "asl_p_" + "a" * 38])
def test_a_number_or_a_broken_key_revokes_nothing(text: str) -> None:
    issuance_id, _ = active()
    with pytest.raises(Invalid, match="leak-without-key"):
        show(text or sleutel_of(issuance_id).number)
    assert state_of(issuance_id) is State.ACTIVE


def test_a_flood_of_bad_checksums_asks_the_database_nothing_and_costs_no_try() -> None:
    issuance_id, both = active()
    good = both.key.reveal()
    with queries() as seen:
        for _ in range(1_000):
            with pytest.raises(Invalid):
                show(good[:-1] + ("a" if good[-1] != "a" else "b"))
    assert seen == []
    show(good)
    assert state_of(issuance_id) is State.REVOKED


def test_keys_that_never_existed_slow_their_own_network_down_and_no_other() -> None:
    issuance_id, both = active()
    for _ in range(guessing.FREE_OF_SOURCE):
        show(new_key(Omgeving.PRODUCTIE).reveal())
    with pytest.raises(TooOften):
        show(new_key(Omgeving.PRODUCTIE).reveal())
    elsewhere = Actor(None, frozenset(), None, "web", source="198.51.100.9")
    show(both.key.reveal(), by=elsewhere)
    assert state_of(issuance_id) is State.REVOKED


def test_the_time_of_an_answer_does_not_tell_whether_a_key_existed() -> None:
    _, both = active()
    for key in (both.key.reveal(), new_key(Omgeving.PRODUCTIE).reveal()):
        start = time.monotonic()
        show(key)
        assert time.monotonic() - start >= leaks.ANSWER_SECONDS


def test_more_keys_than_a_report_holds_are_refused_before_the_database_is_asked() -> None:
    many = " ".join(new_key(Omgeving.PRODUCTIE).reveal() for _ in range(leaks.MOST_KEYS + 1))
    with queries() as seen, pytest.raises(Invalid, match="leak-too-many"):
        show(many)
    assert seen == []


def test_an_expired_or_revoked_key_stays_as_it_is() -> None:
    issuance_id, both = active()
    show(both.key.reveal())
    before = (sleutel_of(issuance_id).revoked_at, len(leak_events(issuance_id)), told("sleutel-gelekt"))
    show(both.key.reveal())
    assert (sleutel_of(issuance_id).revoked_at, len(leak_events(issuance_id)), told("sleutel-gelekt")) == before
    other, held_other = active_elsewhere()
    with time_machine.travel(sleutel_of(other).expires_at, tick=False):
        show(held_other.key.reveal())
        assert state_of(other) is State.EXPIRED


def active_elsewhere() -> tuple[UUID, Held]:
    issuance_id = issued("acceptatie")
    both = held(issuance_id)
    service.activate(actor("anna"), issuance_id, both.code)
    return issuance_id, both


def test_a_key_whose_row_was_changed_by_hand_is_revoked_all_the_same_and_the_change_is_recorded() -> None:
    issuance_id, both = active()
    with transaction() as session:
        session.execute(update(Sleutel).where(Sleutel.id == sleutel_of(issuance_id).id).values(gemeente="9999"))
    show(both.key.reveal())
    assert state_of(issuance_id) is State.REVOKED
    assert search(code="sleutel:damage") != []


def test_only_who_shows_the_key_of_the_row_ends_it() -> None:
    issuance_id, _ = active()
    with pytest.raises(NotFound):
        sleutels.revoke_leaked(ANONYMOUS, sleutel_of(issuance_id).id, Secret("asl_p_nietdeze"), dossier=None)
    assert state_of(issuance_id) is State.ACTIVE


def test_i3_without_its_event_a_report_changes_nothing(context: Flask) -> None:
    from tests.factories.no_events import refuse_events  # noqa: PLC0415 - only here

    issuance_id, both = active()
    refuse_events(context)
    with pytest.raises(Exception, match="no room"):
        show(both.key.reveal())
    assert state_of(issuance_id) is State.ACTIVE

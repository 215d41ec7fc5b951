"""When and from where keys are used: counted in memory, written in batches, told to whom it concerns."""

from contextlib import suppress
from datetime import timedelta
from multiprocessing import get_context
from threading import Event, Timer, current_thread
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, select
from sqlalchemy.event import listen, remove
from sqlalchemy.exc import OperationalError

from keyservice.aanvragen.models import Aanvraag
from keyservice.accounts.models import Account
from keyservice.app import create_app
from keyservice.audit.queries import of_dossier, search
from keyservice.database import db, transaction
from keyservice.issuance import service
from keyservice.issuance.use_messages import UseTold
from keyservice.issuance.use_timers import tell_uses
from keyservice.kernel import clock
from keyservice.outbox.models import Channel, OutboxMessage
from keyservice.settings import Settings
from keyservice.sleutels import service as sleutels
from keyservice.sleutels import usage
from keyservice.sleutels.blocking import suspend_by_program
from keyservice.sleutels.life import State
from keyservice.sleutels.limits import Limits
from keyservice.sleutels.models import Sleutel, SleutelUse
from keyservice.sleutels.queries import Use, use_of
from keyservice.sleutels.verification import NotUsable, admit
from tests.conftest import environ
from tests.factories.aanvragen import actor
from tests.factories.issuance import contents_of, held, issuance, issued, messages
from tests.factories.keys import DOSSIER, asleep, awake, queries, tries

pytestmark = pytest.mark.usefixtures("context")
HOME, NEIGHBOUR, AWAY, FAR = "192.0.2.7", "192.0.2.200", "198.51.100.9", "2001:db8:1:2::3"


@pytest.fixture(autouse=True)
def no_memory(context: Flask) -> None:
    context.extensions["keyservice.limits"] = Limits()
    context.extensions["keyservice.uses"] = usage.Notebook(context)


def show(key: str, *addresses: str | None) -> None:
    """Show a key from these addresses, and let it be written."""
    for address in addresses:
        with suppress(NotUsable):
            admit(key, address)
    usage.flush()


def told(sleutel_id: UUID) -> list[str]:
    tell_uses()
    codes = ("sleutel:first-use", "sleutel:use-elsewhere", "sleutel:try")
    return [event.code for event in reversed(search()) if event.code in codes and event.subject == str(sleutel_id)]


# Counting


def test_a_use_is_counted_with_its_moments_and_networks() -> None:
    sleutel_id, key = awake()
    start = clock.now()
    with time_machine.travel(start, tick=False):
        show(key, HOME, HOME, NEIGHBOUR)
    with time_machine.travel(start + timedelta(hours=1), tick=False):
        show(key, AWAY)
    with time_machine.travel(start + timedelta(hours=2), tick=False):
        show(key, HOME, FAR)
    networks = ("192.0.2.0/24", "2001:db8:1::/48", "198.51.100.0/24")
    found = use_of([sleutel_id])[sleutel_id]
    assert (found.first_at, found.last_at, found.count) == (start, start + timedelta(hours=2), 6)
    assert set(found.networks[:2]) == set(networks[:2])
    assert found.networks[2] == networks[2], "the latest first"
    assert tries(sleutel_id) == 0


def test_a_use_costs_the_request_no_query_and_a_batch_costs_one_transaction() -> None:
    _, key = awake()
    with queries() as sent:
        for _ in range(20):
            admit(key, HOME)
    assert not [query for query in sent if "sleutel_use" in query]
    with queries() as sent:
        usage.flush()
    assert len([query for query in sent if "sleutel_use" in query]) == 1
    with queries() as sent:
        usage.flush()
    assert sent == [], "nothing was noted since"


def test_tries_with_a_key_that_does_not_work_are_counted_apart_from_its_use() -> None:
    sleutel_id, key = asleep()
    show(key, HOME)
    sleutels.activate(actor("anna"), sleutel_id, dossier=DOSSIER)
    show(key, HOME, HOME)
    suspend_by_program(sleutel_id, "mismatch", dossier=DOSSIER)
    show(key, HOME)
    sleutels.revoke(actor("rosa"), sleutel_id, "cancelled", dossier=DOSSIER)
    show(key, AWAY)
    assert use_of([sleutel_id])[sleutel_id].count == 2
    assert tries(sleutel_id) == 3
    states = db.session.scalars(select(SleutelUse.state).where(SleutelUse.sleutel_id == sleutel_id))
    assert set(states) == {State.SLEEPING, State.ACTIVE, State.SUSPENDED, State.REVOKED}


def test_keys_that_were_never_used_are_not_there_and_others_do_not_mix() -> None:
    (one, key), (other, _) = awake(), awake()
    show(key, None)
    assert use_of([one, other]).keys() == {one}
    assert use_of([other]) == {}
    assert use_of([one])[one].networks == ("onbekend",)


def test_what_two_processes_noted_is_added_up(context: Flask) -> None:
    sleutel_id, key = awake()
    early, late = clock.now(), clock.now() + timedelta(seconds=5)
    books = [usage.Notebook(context), usage.Notebook(context)]
    shown = (sleutel_id, "192.0.2.0/24", State.ACTIVE)
    books[0].add({shown: usage.Noted(late, late, 2)})
    books[1].add({shown: usage.Noted(early, early, 3)})
    for book in books:
        book.write()
    assert use_of([sleutel_id]) == {sleutel_id: Use(early, late, 5, ("192.0.2.0/24",))}
    assert key


def test_what_could_not_be_written_is_written_later(context: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    sleutel_id, key = awake()
    admit(key, HOME)

    def away() -> None:
        raise OperationalError("the database is away", None, Exception())

    with monkeypatch.context() as patch:
        patch.setattr(usage, "transaction", away)
        with pytest.raises(OperationalError):
            usage.flush()
    admit(key, HOME)
    usage.flush()
    assert use_of([sleutel_id])[sleutel_id].count == 2


@pytest.mark.parametrize("error", [LookupError("anything"), OperationalError("away", None, Exception())], ids=type)
def test_whatever_failed_what_was_noted_stays_noted(
    context: Flask, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    (one, key), (two, other) = awake(), awake()
    admit(key, HOME)
    admit(other, HOME)

    def fail() -> None:
        raise error

    with monkeypatch.context() as patch:
        patch.setattr(usage, "transaction", fail)
        for _ in range(3):
            usage._notebook(context)._write_safely()
    usage.flush()
    assert [use_of([found])[found].count for found in (one, two)] == [1, 1]


def test_a_note_that_cannot_stand_is_told_in_the_log_and_takes_no_other_one_along(
    context: Flask, capsys: pytest.CaptureFixture[str]
) -> None:
    (gone, lost), (sleutel_id, kept) = awake(), awake()
    for key in (lost, lost, kept):
        admit(key, HOME)
    with transaction() as session:
        session.execute(delete(Sleutel).where(Sleutel.id == gone))  # as when an older database was put back
    usage._notebook(context)._write_safely()
    assert use_of([sleutel_id])[sleutel_id].count == 1, "what was noted with it"
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "use of a key dropped" in line)
    assert str(gone) in line
    assert "count=2" in line
    assert "192.0.2.0/24" in line
    _, later = awake()
    show(later, HOME)
    usage.flush()


def test_while_nothing_can_be_written_notes_do_not_fill_memory_and_no_use_is_lost(
    context: Flask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(usage, "MOST_NOTES", 10)
    sleutel_id, key = awake()
    for number in range(50):
        admit(key, f"10.0.{number}.1")
    book = usage._notebook(context)
    assert len(book._noted) <= 11
    assert "networks of keys no longer noted" in capsys.readouterr().out
    usage.flush()
    found = use_of([sleutel_id])[sleutel_id]
    assert found.count == 50
    assert "onbekend" in found.networks


def test_a_process_that_ends_while_nothing_can_be_written_says_what_it_takes_along(
    context: Flask, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sleutel_id, key = awake()
    admit(key, HOME)
    admit(key, HOME)

    def away() -> None:
        raise OperationalError("the database is away", None, Exception())

    with monkeypatch.context() as patch:
        patch.setattr(usage, "transaction", away)
        usage._notebook(context).close()
    (line,) = (line for line in capsys.readouterr().out.splitlines() if "use of a key dropped" in line)
    assert str(sleutel_id) in line
    assert "count=2" in line


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("::ffff:192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1::/48"),
        ("", "onbekend"),
        ("no address", "onbekend"),
    ],
)
def test_a_network_tells_an_organisation_and_no_machine(address: str, network: str) -> None:
    assert usage.network(address) == network


def test_a_process_that_serves_writes_by_itself(context: Flask) -> None:
    book = usage.Notebook(context)
    book.in_background = True
    sleutel_id, key = awake()
    now = clock.now()
    book.add({(sleutel_id, "192.0.2.0/24", State.ACTIVE): usage.Noted(now, now, 1)})
    assert book._writer is not None
    book.close()
    book._writer.join(10)
    assert not book._writer.is_alive()
    assert use_of([sleutel_id])[sleutel_id].count == 1
    assert key


def test_a_process_that_ends_waits_for_the_notes_that_are_being_written(context: Flask) -> None:
    book = usage.Notebook(context)
    sleutel_id, _key = awake()
    now = clock.now()
    db.session.rollback()
    asked, go_on = Event(), Event()

    def write_slowly(*_statement: object) -> None:
        if current_thread() is book._writer:
            asked.set()
            go_on.wait(10)

    listen(db.engine, "before_cursor_execute", write_slowly)
    try:
        book.in_background = True
        book.add({(sleutel_id, "192.0.2.0/24", State.ACTIVE): usage.Noted(now, now, 1)})
        assert asked.wait(10)
        Timer(0.3, go_on.set).start()
        book.close()
        assert use_of([sleutel_id])[sleutel_id].count == 1
    finally:
        remove(db.engine, "before_cursor_execute", write_slowly)


def note_and_end(variables: dict[str, str], key: str) -> None:
    """Show a key once, as a process of a server does that is told to stop right after."""
    app = create_app(Settings.from_environ(variables))
    usage.write_in_background(app)
    with app.app_context():
        admit(key, HOME)


def test_a_process_that_a_server_made_by_multiprocessing_writes_its_last_notes_too(context: Flask) -> None:
    # It ends without asking what `atexit` knows.
    sleutel_id, key = awake()
    db.session.rollback()
    instance = context.extensions["keyservice.settings"].instance
    variables = environ(instance, str(context.config["SQLALCHEMY_DATABASE_URI"]))
    process = get_context("forkserver").Process(target=note_and_end, args=(variables, key))
    process.start()
    process.join(60)
    assert process.exitcode == 0
    assert use_of([sleutel_id])[sleutel_id].count == 1


# Telling


def delivered(*, active: bool = True) -> tuple[UUID, UUID, str]:
    """Return aanvraag, key and its clear text of a delivery to Anna, whose receiver has a mobile only."""
    issuance_id = issued()
    things = held(issuance_id)
    if active:
        service.activate(actor("anna"), issuance_id, things.code)
    found = issuance(issuance_id)
    return found.aanvraag_id, found.sleutel_id, things.key.reveal()


def reached(aanvraag_id: UUID, kind: UseTold) -> set[str]:
    return {content.to for content in messages(aanvraag_id, kind)}


def test_the_first_use_is_told_to_both_contacts_and_the_gemeentebeheerders() -> None:
    aanvraag_id, sleutel_id, key = delivered()
    assert told(sleutel_id) == []
    show(key, HOME, HOME)
    assert told(sleutel_id) == ["sleutel:first-use"]
    beheerders = {"gert@voorbeeldstad.example"}
    assert reached(aanvraag_id, UseTold.FIRST) == {"anna@voorbeeldstad.example", "+31612345678", *beheerders}
    event = of_dossier(aanvraag_id)[-1]
    assert (event.code, event.origin, event.private["source"]) == ("sleutel:first-use", "worker", "192.0.2.0/24")
    (mail, *_) = (m for m in messages(aanvraag_id, UseTold.FIRST) if "@" in m.to)
    assert "192.0.2.0/24" in mail.values["networks"]


def test_more_use_from_the_same_network_is_told_to_nobody() -> None:
    aanvraag_id, sleutel_id, key = delivered()
    show(key, HOME)
    told(sleutel_id)
    with time_machine.travel(clock.now() + timedelta(days=30)):
        show(key, HOME, NEIGHBOUR)
        assert told(sleutel_id) == ["sleutel:first-use"]
    assert len(messages(aanvraag_id, UseTold.FIRST)) == 3


def test_use_from_another_network_is_told_and_stands_out() -> None:
    aanvraag_id, sleutel_id, key = delivered()
    show(key, HOME)
    told(sleutel_id)
    show(key, AWAY)
    assert told(sleutel_id) == ["sleutel:first-use", "sleutel:use-elsewhere"]
    event = of_dossier(aanvraag_id)[-1]
    assert (event.fields["networks"], event.private["source"]) == (2, "198.51.100.0/24")
    assert len(messages(aanvraag_id, UseTold.ELSEWHERE)) == 3


def test_a_first_use_from_two_networks_at_once_is_both() -> None:
    _, sleutel_id, key = delivered()
    show(key, HOME, AWAY)
    assert told(sleutel_id) == ["sleutel:first-use", "sleutel:use-elsewhere"]


def test_networks_that_change_all_day_give_an_event_each_and_one_mail_a_day() -> None:
    aanvraag_id, sleutel_id, key = delivered()
    with time_machine.travel(clock.at(clock.local_date(clock.now()) + timedelta(days=1)) + timedelta(hours=9)):
        for number in range(5):
            show(key, f"10.0.{number}.1")
            tell_uses()
        assert told(sleutel_id) == ["sleutel:first-use", *["sleutel:use-elsewhere"] * 4]
        assert len(messages(aanvraag_id, UseTold.ELSEWHERE)) == 3


def test_a_sleeping_key_that_is_tried_is_told_once_a_day() -> None:
    aanvraag_id, sleutel_id, key = delivered(active=False)
    morning = clock.at(clock.local_date(clock.now()) + timedelta(days=1)) + timedelta(hours=9)
    for hours, events in ((0, 1), (2, 1), (23, 1), (26, 2), (30, 2)):
        with time_machine.travel(morning + timedelta(hours=hours), tick=False):
            show(key, HOME, HOME)
            assert told(sleutel_id) == ["sleutel:try"] * events
            assert len(messages(aanvraag_id, UseTold.ASLEEP)) == 3 * events
    assert of_dossier(aanvraag_id)[-1].fields["state"] == "sleeping"


@pytest.mark.parametrize("state", [State.SUSPENDED, State.REVOKED, State.EXPIRED])
def test_other_keys_that_do_not_work_are_an_event_a_day_and_no_mail(state: State) -> None:
    aanvraag_id, sleutel_id, key = delivered()
    moment = clock.now()
    if state is State.SUSPENDED:
        suspend_by_program(sleutel_id, "mismatch", dossier=aanvraag_id)
    elif state is State.REVOKED:
        sleutels.revoke(actor("rosa"), sleutel_id, "cancelled", dossier=aanvraag_id)
    else:
        moment = db.session.get_one(Sleutel, sleutel_id).expires_at + timedelta(hours=1)
    before = db.session.query(OutboxMessage).count()
    with time_machine.travel(moment):
        show(key, HOME)
        assert told(sleutel_id) == ["sleutel:try"]
        show(key, HOME)
        assert told(sleutel_id) == ["sleutel:try"]
    assert of_dossier(aanvraag_id)[-1].fields["state"] == state
    assert db.session.query(OutboxMessage).count() == before


def test_a_key_without_people_to_tell_is_still_told_to_the_trail() -> None:
    sleutel_id, key = awake()  # no delivery belongs to it
    show(key, HOME)
    assert told(sleutel_id) == ["sleutel:first-use"]


def test_after_its_people_were_erased_nobody_is_mailed() -> None:
    aanvraag_id, sleutel_id, key = delivered()
    with transaction() as session:
        session.get_one(Aanvraag, aanvraag_id).erased_at = clock.now()
    show(key, HOME)
    assert told(sleutel_id) == ["sleutel:first-use"]
    assert messages(aanvraag_id, UseTold.FIRST) == []


def test_who_is_contact_and_beheerder_at_once_gets_one_mail() -> None:
    aanvraag_id, sleutel_id, key = delivered()
    with transaction() as session:
        gert = session.scalars(select(Account).where(Account.email == "gert@voorbeeldstad.example")).one()
        gert.email = "Anna@voorbeeldstad.example"
    show(key, HOME)
    told(sleutel_id)
    assert [m.to for m in messages(aanvraag_id, UseTold.FIRST) if "@" in m.to] == ["anna@voorbeeldstad.example"]


@pytest.mark.parametrize("active", [True, False])
def test_every_message_about_use_can_be_written(active: bool) -> None:  # noqa: FBT001 - a value of the table
    aanvraag_id, sleutel_id, key = delivered(active=active)
    show(key, HOME, AWAY)
    told(sleutel_id)
    written = {kind: final for kind, final in contents_of(aanvraag_id).items() if kind[0] in set(UseTold)}
    kinds = {UseTold.FIRST, UseTold.ELSEWHERE} if active else {UseTold.ASLEEP}
    assert written.keys() == {(kind, channel) for kind in kinds for channel in (Channel.MAIL, Channel.SMS)}
    assert all(b"{{" not in final and b"None" not in final for final in written.values())

"""I3 for what the program does by itself, and for its commands: without its event nothing changes."""

from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import click
import pytest
import time_machine
from flask import Flask
from sqlalchemy import delete, select, text, update
from sqlalchemy.exc import DBAPIError

from keyservice import cli, settings, worker
from keyservice.aanvragen.models import Aanvraag
from keyservice.accounts import invitations
from keyservice.accounts.models import Account, Grant, Invitation, PortfolioEntry
from keyservice.berichtenboek.models import Copy
from keyservice.database import Base, db, transaction
from keyservice.demo.people import person_id
from keyservice.gemeenten.models import Gemeente
from keyservice.gemeenten.service import load_register
from keyservice.issuance import ring_keys, service
from keyservice.issuance.models import Issuance
from keyservice.kernel import clock
from keyservice.kernel.actor import Role
from keyservice.kernel.ids import new_id
from keyservice.kernel.seal import SEALING_RINGS
from keyservice.outbox.bounces import take_in
from keyservice.outbox.models import Delivery, OutboxMessage
from keyservice.sleutels import asking
from keyservice.sleutels.models import Sleutel, SleutelUse
from tests.conftest import backend_of
from tests.factories.aanvragen import actor
from tests.factories.no_events import TRAIL, changed, content, refuse_events
from tests.factories.post import queue, row
from tests.factories.rights import HERE, THERE, Things, populate
from tests.factories.waves import deliver, started, working
from tests.usecases.test_bounces import sample

Work = Callable[[], object]
# Timers that need no event, and why.
WITHOUT_EVENT = {
    "keyservice.contacts.timers.wipe_passwords": "its code had expired, and the practice zip holds nothing",
    "keyservice.accounts.sessions.delete_expired": "the session was over",
    "keyservice.accounts.guessing.delete_old": "the counter was over",
    "keyservice.accounts.devices.tell_many_failures": "each refused guess is an event already",
    "keyservice.accounts.devices.forget_unused": "the cookie was over",
    "keyservice.outbox.beats.forget_dead": "it only tells which workers live",
    "keyservice.portaal.machine.forget_answers": "each registration it told of has its event",
    "keyservice.audit.status.tell_broken": "it only writes to the log",
    "keyservice.worker._forget": "the counter was over",
}
# After how many days each timer is tried. Earlier `remind` tells of new aanvragen: that event is the submitting.
DAYS = (3, 8, 31, 61, 380)
# What each command writes is tried below, or it writes nothing in the database.
COMMANDS = {
    "asking-system add": "below",
    "asking-system end": "below",
    "asking-system list": "reads",
    "accounts first-beheerder": "below",
    "audit accept-restore": "tests/usecases/test_restore.py",
    "audit export": "the event alone",
    "audit verify": "the event alone",
    "backup": "reads",
    "check-key": "reads",
    "create-rings": "files only",
    "demo": "a database of its own",
    "issuance unreadable": "reads",
    "migrate": "below: the register; the schema is no act",
    "outbox bounce": "below",
    "portaal load": "tests/usecases/test_portaal_loading.py",
    "retention run": "tests/usecases/test_retention.py",
    "rings list": "reads",
    "rings reseal": "tests/usecases/test_lasting_rings.py",
    "rings retire": "tests/usecases/test_lasting_rings.py",
    "rings rotate": "tests/usecases/test_lasting_rings.py",
    "run": "a database of its own",
    "worker": "below: the timers",
}


def renewed(pakket: str) -> UUID:
    """Return the issuance of a new key that was delivered beside the old one."""
    issuance_id = service.renew(actor("rosa"), working(pakket=pakket))
    deliver(issuance_id)
    return issuance_id


def name(work: Work) -> str:
    return f"{work.__module__}.{work.__qualname__}"


def refused(app: Flask, work: Work) -> set[str]:
    """Do something whose event cannot be written, as the worker would; return which tables changed all the same."""
    before = content(app)
    refuse_events(app)
    with app.app_context(), suppress(DBAPIError):
        work()
    half = changed(before, content(app))
    with app.app_context():
        db.session.rollback()
        db.session.execute(text(f"DROP TRIGGER no_event{' ON audit_event' * (db.engine.dialect.name != 'sqlite')}"))
        db.session.commit()
    return half


def done(app: Flask, work: Work) -> set[str]:
    """Do something; return which tables changed beside the trail."""
    before = content(app)
    with app.app_context():
        work()
    return changed(before, content(app)) - TRAIL


@pytest.fixture
def waiting(tmp_path: Path) -> Iterator[Callable[[], Flask]]:
    """Return a function that gives the application with something for every timer to do, each time anew."""
    with backend_of("sqlite", tmp_path) as backend:
        app, database = backend.app, tmp_path / "keyservice.sqlite"
        with app.app_context():
            working(pakket="Pakket voor de ronde")
            started()
            _unseen, seen = renewed("Nieuwe sleutel"), renewed("Nieuwe sleutel in gebruik")
            things = populate()[HERE]
            assert isinstance(things, Things)
            with transaction() as session:
                only = Aanvraag.id == things.aanvragen["approved"]
                session.execute(update(Aanvraag).where(only).values(pakket_versie="2.0"))
                # A holder of the berichtenboek who was told of an older version.
                session.execute(update(Copy).where(Copy.id == things.held_copy).values(told_version=0))
                # An old key beside a new one that is used; and the keys of a gemeente that ended.
                yesterday = clock.local_date(clock.now()) - timedelta(days=1)
                session.execute(update(Issuance).where(Issuance.id == seen).values(first_used_at=clock.now()))
                session.execute(update(Gemeente).where(Gemeente.code == THERE).values(valid_until=yesterday))
                # A role that no event explains.
                role = {"role": Role.AANVRAGER, "gemeente": HERE, "valid_from": clock.now()}
                session.add(Grant(id=new_id(), account_id=person_id("tom"), **role))
                # A key that was used, of which nobody was told.
                moments = {"first_at": clock.now(), "last_at": clock.now()}
                for sleutel in session.scalars(select(Sleutel.id)):
                    session.add(SleutelUse(sleutel_id=sleutel, network="192.0.2.0/24", count=1, **moments))

        def flush() -> None:
            with app.app_context():
                db.session.execute(text("PRAGMA wal_checkpoint(TRUNCATE)"))
                db.session.remove()
                db.engine.dispose()

        flush()
        beginning = database.read_bytes()

        def again() -> Flask:
            flush()
            database.write_bytes(beginning)
            return app

        yield again


@pytest.mark.timeout(300)
def test_i3_no_timer_changes_anything_when_its_event_cannot_be_written(waiting: Callable[[], Flask]) -> None:
    half, nothing = [], set()
    start = clock.now()
    timers = [timer for timer in worker.TIMERS if name(timer) not in WITHOUT_EVENT and timer != ring_keys.look_after]
    for timer in timers:
        app = waiting()
        for days in DAYS:
            with time_machine.travel(start + timedelta(days=days), tick=False):
                half += [f"{name(timer)}: {table}" for table in refused(app, timer)]
                if done(app, timer):
                    break
        else:
            nothing.add(name(timer))
    assert half == []
    assert nothing == set(), "let `waiting` leave something for it to do"
    assert WITHOUT_EVENT.keys() <= {name(timer) for timer in worker.TIMERS}


def test_i3_no_ring_key_is_destroyed_and_no_message_ends_when_that_cannot_be_written(
    waiting: Callable[[], Flask],
) -> None:
    app, start = waiting(), clock.now()
    with app.app_context():
        rings = settings.rings()
    with time_machine.travel(start + timedelta(days=8), tick=False):
        rings.rotate()
    with time_machine.travel(start + timedelta(days=61), tick=False):
        before = {ring: [key.id for key in rings.keys(ring)] for ring in SEALING_RINGS}
        assert refused(app, ring_keys.look_after) == set()
        kept = {ring: {key.id for key in rings.keys(ring)} for ring in SEALING_RINGS}
        assert all(kept[ring] >= set(before[ring]) for ring in SEALING_RINGS)
        assert "outbox_message" in done(app, ring_keys.look_after)
        assert not kept["outbox"] <= {key.id for key in rings.keys("outbox")}


def _register() -> Work:
    with transaction() as session:
        session.execute(update(Gemeente).where(~Gemeente.fictive).values(province="Een andere"))
    return load_register


def _first_beheerder() -> Work:
    with transaction() as session:
        for table in (PortfolioEntry, Grant, OutboxMessage, Invitation, Account):
            session.execute(delete(Base.metadata.tables[table.__tablename__]))
    return lambda: invitations.first_beheerder("Nina Nieuw", "nina@duo.example")


def _bounce() -> Work:
    queue()
    with transaction() as session:
        session.execute(update(OutboxMessage).values(status=Delivery.SENT, sent_at=clock.now(), content=None))
    report = sample("exim", row().id)
    return lambda: take_in(report)


def _asker() -> Work:
    return lambda: asking.add("cvs")


def _asker_gone() -> Work:
    asking.add("cvs")
    return lambda: asking.end("cvs")


@pytest.mark.parametrize("prepare", [_register, _first_beheerder, _bounce, _asker, _asker_gone])
def test_i3_no_command_changes_anything_when_its_event_cannot_be_written(
    app: Flask, prepare: Callable[[], Work]
) -> None:
    with app.app_context():
        command = prepare()
    assert refused(app, command) == set()
    assert done(app, command)


def test_i3_of_every_command_is_said_what_it_writes() -> None:
    def names(group: click.Group, before: str = "") -> Iterator[str]:
        for short, command in group.commands.items():
            whole = f"{before} {short}".strip()
            yield from names(command, whole) if isinstance(command, click.Group) else [whole]

    assert set(names(cli.commands)) == COMMANDS.keys()

"""Ring keys rotate by themselves, and are destroyed: an old backup cannot be opened any more."""

import email
import email.policy
import json
import re
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from threading import Event
from uuid import UUID

import pytest
import time_machine
from flask import Flask
from flask_migrate import stamp
from sqlalchemy import LargeBinary, select, update

from keyservice import backup as backups
from keyservice import settings, worker
from keyservice.accounts.sessions import LONGEST
from keyservice.app import create_app
from keyservice.audit.models import AuditEvent
from keyservice.audit.queries import of_dossier
from keyservice.contacts import service as contacts
from keyservice.contacts.queries import practice_password
from keyservice.database import Base, db, transaction
from keyservice.issuance import ring_keys, service
from keyservice.kernel import clock, rotation
from keyservice.kernel.errors import Conflict
from keyservice.kernel.seal import SEALED, SEALING_RINGS, Place, Rings, SealBroken
from keyservice.kernel.secret import Secret
from keyservice.kernel.zips import read_zip
from keyservice.outbox.channels.sms_file import SMS_FOLDER
from keyservice.outbox.delivery import deliver_due
from keyservice.outbox.models import Delivery, OutboxMessage
from keyservice.settings import Mode, SettingsError
from keyservice.sleutels.life import State, state
from tests.factories import letters
from tests.factories.aanvragen import actor
from tests.factories.backups import Sealed, opened, programs, sealed_values
from tests.factories.contacts import unproven
from tests.factories.issuance import approved, held, issuance, issued, token_of
from tests.factories.post import app_for_post, queue, row
from tests.fakes import Behaviour, mail_server

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
DOSSIER = UUID(int=42)


@pytest.fixture
def rings(context: Flask, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rings:
    """Give the program rings of its own whose sealing keys are fresh; other tests share theirs."""
    folder = tmp_path / "rings"
    shutil.copytree(settings.rings().folder, folder)
    for ring in SEALING_RINGS:
        (folder / f"{ring}.json").unlink()
    (folder / ".destroy.lock").unlink(missing_ok=True)
    own = Rings.create(folder)
    monkeypatch.setitem(context.extensions, "keyservice.rings", own)
    return own


@pytest.fixture
def start() -> datetime:
    return clock.now()


@pytest.fixture
def on_day(start: datetime) -> Iterator[Callable[[float], None]]:
    """Return a function that moves the clock to so many days after the start of the test."""
    travelling: list[time_machine.travel] = []

    def go(days: float) -> None:
        end()
        travelling.append(time_machine.travel(start + days * DAY, tick=False))
        travelling[-1].start()

    def end() -> None:
        while travelling:
            travelling.pop().stop()

    yield go
    end()


def opening(values: list[Sealed], rings: Rings) -> int:
    """Return how many sealed values some rings open."""
    opened_now = 0
    for ring, blob, place in values:
        try:
            rings.unseal(ring, blob, place)
        except SealBroken:
            continue
        opened_now += 1
    return opened_now


def newest(rings: Rings, ring: str = "outbox") -> bytes:
    return rings.keys(ring)[0].id


def has(rings: Rings, key_id: bytes, ring: str = "outbox") -> bool:
    return key_id in {key.id for key in rings.keys(ring)}


def events_of(code: str) -> list[dict[str, object]]:
    db.session.expire_all()
    rows = db.session.scalars(select(AuditEvent).where(AuditEvent.code == code)).all()
    return [json.loads(event.canonical)["fields"] for event in rows]


# The list of what is sealed


def test_every_column_that_is_sealed_is_in_the_list_and_can_be_emptied() -> None:
    for columns in SEALED.values():
        for table, name in columns:
            column = Base.metadata.tables[table].c[name]
            assert isinstance(column.type, LargeBinary)
            assert column.nullable, "what nobody needs any more is wiped"


def test_a_parked_form_lives_shorter_than_a_key_is_kept() -> None:
    assert LONGEST < rotation.KEPT_FOR


# A key goes when no row needs it


def test_a_key_stays_while_a_row_needs_it_and_goes_when_none_does(
    rings: Rings, on_day: Callable[[float], None]
) -> None:
    queue(dossier=DOSSIER)
    first = newest(rings)
    on_day(7)
    ring_keys.look_after()
    assert newest(rings) != first
    on_day(9)
    ring_keys.look_after()
    assert has(rings, first)
    with transaction() as session:
        session.execute(update(OutboxMessage).values(status=Delivery.SENT, content=None, final=None))
    ring_keys.look_after()
    assert has(rings, first), "looked less than an hour ago"
    on_day(9.05)
    ring_keys.look_after()
    assert not has(rings, first)
    destroyed = [event for event in events_of("ring:destroy") if event["ring"] == "outbox"]
    assert destroyed == [{"ring": "outbox", "key": first.hex(), "values": 0}]
    assert events_of("message:expire") == []


def test_a_key_that_nothing_needs_stays_for_a_day_after_its_last_seal(
    rings: Rings, on_day: Callable[[float], None]
) -> None:
    first = newest(rings)
    for days, there in ((7, True), (7.9, True), (8, False)):
        on_day(days)
        ring_keys.look_after()
        assert has(rings, first) is there, days


def test_a_key_stays_for_an_act_that_sealed_with_it_and_has_not_committed_yet(
    rings: Rings, context: Flask, on_day: Callable[[float], None]
) -> None:
    if db.engine.dialect.name == "sqlite":
        db.session.rollback()
    first, sealed, go_on = newest(rings), Event(), Event()

    def act() -> None:
        with context.app_context(), transaction():
            queue()
            sealed.set()
            assert go_on.wait(20)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(act)
        assert sealed.wait(20)
        on_day(7)  # the key stops sealing in the middle of the act
        rings.rotate()
        on_day(7.9)
        for ring in SEALING_RINGS:
            ring_keys.destroy_old(ring)
        assert ring_keys.users("outbox")[first] == 0, "the row is not there for anybody else yet"
        assert has(rings, first)
        go_on.set()
        running.result(20)
    on_day(8)
    db.session.rollback()
    for ring in SEALING_RINGS:
        ring_keys.destroy_old(ring)
    message = row()
    assert message.content
    assert rings.unseal("outbox", message.content, Place("outbox_message", "content", message.id))


def test_two_workers_destroy_a_key_once(rings: Rings, context: Flask, on_day: Callable[[float], None]) -> None:
    on_day(7)
    rings.rotate()
    on_day(9)

    def look(_: int) -> None:
        with context.app_context():
            ring_keys.look_after()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(look, range(4)))
    assert {len(rings.keys(ring)) for ring in SEALING_RINGS} == {1}
    assert len(events_of("ring:destroy")) == 3


def test_a_worker_that_is_stuck_holds_no_other_one_up(rings: Rings, on_day: Callable[[float], None]) -> None:
    on_day(7)
    rings.rotate()
    on_day(9)
    with rings.alone("destroy"):
        ring_keys.look_after()
        assert len(rings.keys("zip")) == 2
    ring_keys.look_after()
    assert len(rings.keys("zip")) == 1


# After 45 days, whatever needs it


def test_a_message_that_waited_45_days_for_a_person_ends_with_an_event(
    rings: Rings, on_day: Callable[[float], None]
) -> None:
    queue("old", dossier=DOSSIER)
    with transaction() as session:
        session.execute(update(OutboxMessage).values(status=Delivery.DEAD))
    first = newest(rings)
    on_day(20)
    queue("newer", dossier=DOSSIER)
    on_day(44.9)
    ring_keys.look_after()
    assert has(rings, first)
    assert row("old").status is Delivery.DEAD
    on_day(45)
    ring_keys.look_after()
    assert not has(rings, first)
    ended = row("old")
    assert (ended.status, ended.content, ended.final) == (Delivery.CANCELLED, None, None)
    assert [event.code for event in of_dossier(DOSSIER)] == ["message:expire"]
    assert {"ring": "outbox", "key": first.hex(), "values": 1} in events_of("ring:destroy")
    assert row("newer").status is Delivery.WAITING, "what was sealed later is left alone"


@pytest.mark.usefixtures("rings")
def test_a_worker_that_stood_still_for_months_goes_on(context: Flask, on_day: Callable[[float], None]) -> None:
    issuance_id = issued()
    on_day(100)
    worker.run_timers(context)
    on_day(101.1)
    worker.run_timers(context)
    assert {len(settings.rings().keys(ring)) for ring in SEALING_RINGS} == {1}
    assert issuance(issuance_id).ended_at is not None
    aanvraag_id = approved(pakket="Ander pakket")
    assert held(service.issue(actor("rosa"), aanvraag_id)).key.reveal()


# An old backup


def _one_of_each(app: Flask, behaviour: Behaviour) -> UUID:
    """Leave something in every column that is sealed; return the issuance."""
    case = unproven()
    contacts.send_practice_zip(actor("anna"), case.key, case.aanvraag)
    issuance_id = service.issue(actor("rosa"), approved(pakket="Pakket van dag 0"))
    behaviour.answers = ["451 later"] * 9
    behaviour.refused["weg@voorbeeldstad.example"] = "550 no such mailbox"
    queue("never", to="weg@voorbeeldstad.example")
    with mail_server(behaviour) as port, app_for_post(app, port):
        deliver_due()
    assert row("never").status is Delivery.DEAD, "and nobody will ever look at it"
    queue("not tried yet")
    letters.letter_of(letters.received("acceptatie"))
    return issuance_id


def test_i6_a_backup_of_day_0_opens_nothing_with_the_rings_of_day_46_while_the_program_goes_on(
    rings: Rings,
    context: Flask,
    tmp_path: Path,
    on_day: Callable[[float], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("PATH", programs())
    behaviour = Behaviour()
    stamp()
    _one_of_each(context, behaviour)
    backup = backups.make(tmp_path).path
    behaviour.answers = []
    url = db.engine.url.render_as_string(hide_password=False)
    with opened(backup, url) as engine:
        values = sealed_values(engine)
    there = {(ring, place.table, place.column) for ring, _, place in values}
    everywhere = {(ring, *column) for ring, columns in SEALED.items() for column in columns}
    assert there == everywhere, "a new column: let _one_of_each leave something there"
    first = Rings(shutil.copytree(rings.folder, tmp_path / "rings of day 0"))

    with mail_server(behaviour) as port, app_for_post(context, port):
        for day in range(1, 47):
            on_day(day)
            if day == 1:
                assert opening(values, rings) == len(values), "it does open, as long as the keys are there"
            if day == 40:
                later = service.issue(actor("rosa"), approved(pakket="Pakket van dag 40"))
            worker.run_once(context)
            db.session.rollback()

        assert opening(values, rings) == 0
        assert opening(values, first) == len(values), "it is the keys that are gone, not the values"

        assert row("never").status is Delivery.CANCELLED

        zip_data, token = _last_key_mail(behaviour)
        service.confirm_receipt(actor("anna"), token)
        worker.run_once(context)
        (text,) = read_zip(zip_data, _last_password(context)).values()
        lines = text.decode().splitlines()
        service.activate(
            actor("anna"), later, next(line for line in lines[lines.index("Uw activatiecode:") :][1:] if line)
        )
        assert state(issuance(later).sleutel.facts, clock.now()) is State.ACTIVE


def _last_key_mail(behaviour: Behaviour) -> tuple[bytes, Secret]:
    """Return the zip, and the token of the link, of the mail that arrived last with a key."""
    mails = [email.message_from_bytes(mail.content, policy=email.policy.SMTP) for mail in behaviour.mails]
    for mail in reversed(mails):
        assert isinstance(mail, EmailMessage)
        body = mail.get_body(("plain",))
        found = re.search(r"/ontvangst/(\S+)", body.get_content() if body else "")
        if found:
            (attachment,) = mail.iter_attachments()
            return attachment.get_content(), Secret(found[1])
    raise AssertionError("no mail with a key arrived")


def _last_password(app: Flask) -> Secret:
    folder: Path = app.extensions["keyservice.settings"].instance / "postvak" / SMS_FOLDER
    text = max(folder.glob("*.txt")).read_text()
    found = re.search(r"(?:[2-9A-Z]{4}-){6}[2-9A-Z]{4}", text)
    assert found
    return Secret(found[0])


# What a lost ring key means for people


def _lose_the_keys(rings: Rings) -> None:
    for ring in SEALING_RINGS:
        rings.path(ring).unlink()
    Rings.create(rings.folder)


def test_a_delivery_whose_ring_keys_are_gone_is_listed_told_cancelled_and_issued_again(rings: Rings) -> None:
    lost = issued()
    token = token_of(issuance(lost).aanvraag_id)
    assert ring_keys.unreadable() == []
    _lose_the_keys(rings)
    assert [row.id for row in ring_keys.unreadable()] == [lost]
    acts: tuple[Callable[[], None], ...] = (
        lambda: service.confirm_receipt(actor("anna"), token),
        lambda: service.resend_zip(actor("rosa"), lost),
        lambda: service.release(actor("rik"), lost, "+31102000000", "Gebeld."),
    )
    for act in acts:
        with pytest.raises(Conflict) as refused:
            act()
        assert refused.value.code == "seal-broken"
    assert issuance(lost).received_at is None, "nothing was half done"
    service.cancel(actor("rosa"), lost, "De database is teruggezet.")
    assert ring_keys.unreadable() == []
    again = service.reissue(actor("rosa"), issuance(lost).aanvraag_id)
    assert held(again).key.reveal()


def test_a_practice_zip_whose_ring_key_is_gone_is_as_if_it_was_never_sent(rings: Rings) -> None:
    case = unproven()
    contacts.send_practice_zip(actor("anna"), case.key, case.aanvraag)
    assert practice_password(case.key) is not None
    _lose_the_keys(rings)
    assert practice_password(case.key) is None
    contacts.send_practice_zip(actor("anna"), case.key, case.aanvraag)
    assert practice_password(case.key) is not None


# The start


@pytest.mark.parametrize("away", ["mac.json", "outbox.json", ".write.lock"])
def test_production_does_not_start_without_a_ring_or_where_it_cannot_rotate_them(
    rings: Rings, context: Flask, away: str
) -> None:
    conf = replace(context.extensions["keyservice.settings"], rings=rings.folder, mode=Mode.PRODUCTION)
    create_app(conf)
    (rings.folder / away).unlink()
    (rings.folder / away).mkdir()  # root may read and write every file, but not a folder
    with pytest.raises(SettingsError, match=f"{away}: .* `keyservice create-rings`"):
        create_app(conf)
    assert away == ".write.lock" or list((rings.folder / away).iterdir()) == [], "nothing was made there"

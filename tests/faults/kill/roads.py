"""The roads of one key, walked by people who look where things stand and do the next thing, whatever happened before.

So a road can be walked to its end by one process, or by one that is killed and another that starts after it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType
from uuid import UUID

import time_machine
from flask import Flask

from keyservice import worker
from keyservice.aanvragen import review
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Status, Step
from keyservice.contacts.models import Part
from keyservice.database import db
from keyservice.issuance import letters, queries, receiving, service
from keyservice.issuance.models import End, Issuance
from keyservice.kernel import clock
from keyservice.kernel.secret import Secret
from keyservice.outbox.channels.letter import LetterProvider
from keyservice.outbox.message import Content
from keyservice.outbox.models import LetterStatus, OutboxMessage
from tests.factories.aanvragen import actor, ready
from tests.factories.contacts import letter_contact, logins_only
from tests.faults.kill.world import World, key_and_code

MOST_STEPS = 40
CLOCK = "clock"
Act = Callable[[World, Issuance], None]


@dataclass(frozen=True)
class Road:
    """How an issued key reaches its gemeente: `prepare` makes an aanvraag that was sent, `act` is the next thing."""

    prepare: Callable[[], UUID]
    act: Act


class RoadBlocked(Exception):
    """Nobody got on: a state without an exit."""


def walk(app: Flask, world: World, road: Road, aanvraag_id: UUID) -> None:
    """Walk a road to its end from wherever it stands; the worker goes round after every act."""
    for _ in range(MOST_STEPS):
        worker.run_once(app)
        with app.app_context():
            if _ended(aanvraag_id):
                break
            _next_act(world, road, aanvraag_id)
    else:
        raise RoadBlocked
    worker.run_once(app)


def _ended(aanvraag_id: UUID) -> bool:
    issuances = queries.of_aanvraag(aanvraag_id)
    return bool(issuances) and issuances[-1].end_reason is End.DONE


def _next_act(world: World, road: Road, aanvraag_id: UUID) -> None:
    aanvraag = db.session.get_one(Aanvraag, aanvraag_id)
    if aanvraag.status is Status.SUBMITTED:
        review.take_step(actor("rik"), aanvraag_id, Step.TAKE_UP)
    elif aanvraag.status is Status.IN_REVIEW:
        review.approve(actor("rik"), aanvraag_id, "Gebeld en gecontroleerd")
    elif aanvraag.status is Status.APPROVED:
        service.issue(actor("rosa"), aanvraag_id)
    else:
        newest = queries.of_aanvraag(aanvraag_id)[-1]
        if newest.ended_at is None:
            road.act(world, newest)
        else:
            service.reissue(actor("rosa"), aanvraag_id)


def _by_mail_and_sms(world: World, issuance: Issuance) -> None:
    # The link of the newest mail is the one that works: older ones belong to an issuance that has ended.
    _mail, token, data = world.zip_mails()[-1]
    if issuance.received_at is None:
        service.confirm_receipt(actor("anna"), Secret(token))
        return
    password = world.password_from_sms(issuance.z_number)
    if password is None:
        raise RoadBlocked("the password was sent and no sms came")
    service.activate(actor("anna"), issuance.id, key_and_code(data, password)[1])


def _cancelled_first(world: World, issuance: Issuance) -> None:
    if issuance.number == 1:
        service.cancel(actor("rik"), issuance.id, "De contactpersoon is ziek")
    else:
        _by_mail_and_sms(world, issuance)


def _lapsed_first(world: World, issuance: Issuance) -> None:
    if issuance.number == 1:
        _move_clock(world, issuance.deadline + timedelta(minutes=1))
    elif len(world.written(CLOCK)) == 1:
        _move_clock(world, clock.now() + timedelta(days=2))  # by then the worker destroys the ring keys of before
    else:
        _by_mail_and_sms(world, issuance)


def _move_clock(world: World, moment: datetime) -> None:
    world.write_down(CLOCK, moment.isoformat().encode())
    time_machine.travel(moment).start()


def _released_by_hand(world: World, issuance: Issuance) -> None:
    if issuance.released_at is None:
        service.release(actor("rik"), issuance.id, "+31102000000", "De knop deed het niet")
        return
    password = world.password_from_sms(issuance.z_number)
    if password is None:
        raise RoadBlocked("the password was released and no sms came")
    service.activate(actor("anna"), issuance.id, key_and_code(world.zip_mails()[-1][2], password)[1])


def _by_logging_in(world: World, issuance: Issuance) -> None:
    zip_name, password_name = f"zip-{issuance.number}", f"password-{issuance.number}"
    zips, passwords = world.written(zip_name), world.written(password_name)
    if not zips:
        world.write_down(zip_name, receiving.fetch_zip(actor("anna"), issuance.id))
    elif issuance.received_at is None:
        receiving.report_receipt(actor("anna"), issuance.id)
    elif issuance.password_sent_at is None:
        world.write_down(password_name, receiving.show_password(actor("bea"), issuance.id).reveal().encode())
    elif not passwords:
        # Shown, and nobody saw it: at most once means that the way out is another key.
        receiving.disown(actor("bea"), issuance.id, Part.PASSWORD)
    else:
        _key, code = key_and_code(zips[-1], Secret(passwords[-1].decode()))
        service.activate(actor("anna"), issuance.id, code)


def _by_letter(world: World, issuance: Issuance) -> None:
    letter = queries.letters_of([issuance.id]).get(issuance.id)
    if letter is None:
        _by_mail_and_sms(world, issuance)  # up to the receipt
    elif letter.status is LetterStatus.WAITING:
        world.write_down(f"letter-{issuance.number}", letters.open_letter(actor("rik"), letter.id))
    elif not world.written(f"letter-{issuance.number}"):
        # Opened, and the printer got nothing: at most once means that the way out is another key.
        letters.fail(actor("rik"), letter.id, LetterStatus.FAILED, "De printer gaf niets")
    elif letter.status is LetterStatus.OPENED:
        letters.mark_posted(actor("rik"), letter.id)
    else:
        password = Secret(world.written(letter.number)[-1].decode())
        service.activate(actor("anna"), issuance.id, key_and_code(world.zip_mails()[-1][2], password)[1])


def read_letters(world: World) -> None:
    """Write down, in this process from now on, what a reader reads in each letter: the password."""
    rendering = LetterProvider.render

    def render(self: LetterProvider, row: OutboxMessage, content: Content, control_line: str) -> bytes:
        world.write_down(content.values["number"], content.values["password"].encode())
        return rendering(self, row, content, control_line)

    setattr(LetterProvider, "render", render)  # noqa: B010 - that is what a harness does


def _sent() -> UUID:
    return ready(status=Status.SUBMITTED)


def _sent_for_a_letter() -> UUID:
    aanvraag_id = ready(pakket="Briefpakket", status=Status.SUBMITTED)
    letter_contact(aanvraag_id)
    return aanvraag_id


def _sent_for_logins() -> UUID:
    aanvraag_id = ready(pakket="Inlogpakket", status=Status.SUBMITTED)
    logins_only(aanvraag_id, "anna", "bea")
    return aanvraag_id


ROADS: Mapping[str, Road] = MappingProxyType(
    {
        "mail and sms": Road(_sent, _by_mail_and_sms),
        "download and page": Road(_sent_for_logins, _by_logging_in),
        "mail and letter": Road(_sent_for_a_letter, _by_letter),
        "cancelled, then again": Road(_sent, _cancelled_first),
        "lapsed, then again": Road(_sent, _lapsed_first),
        "released by hand": Road(_sent, _released_by_hand),
    }
)


def clock_after_crash(world: World) -> time_machine.travel:
    """Return the clock of the process that starts after a crash: past the lease of what the dead one had claimed."""
    moved = world.written(CLOCK)
    stopped = datetime.fromisoformat(moved[-1].decode()) if moved else clock.now()
    return time_machine.travel(stopped + timedelta(minutes=6))

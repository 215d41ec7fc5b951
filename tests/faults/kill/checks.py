"""What must hold after a crash and a restart: each check yields what is broken, beginning with the invariant."""

import base64
import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any
from uuid import UUID

from sqlalchemy import select

from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Status
from keyservice.audit import verifier
from keyservice.audit.models import AuditEvent
from keyservice.database import Base, db
from keyservice.issuance.messages import KEY_MAIL, PASSWORD_SMS
from keyservice.issuance.models import End, Issuance
from keyservice.kernel import clock
from keyservice.kernel.secret import Secret
from keyservice.kernel.zips import ZipUnreadable
from keyservice.outbox.models import Channel, Delivery, Letter, OutboxMessage
from keyservice.sleutels.life import State, state
from keyservice.sleutels.models import Sleutel
from keyservice.sleutels.service import find, intact
from tests.faults.kill.world import World, key_and_code

MOST_COPIES = 2  # of one mail, after one crash
# Where an event leaves an aanvraag; the roads begin with one that was sent.
STATUS_AFTER = {
    "aanvraag:take-up": Status.IN_REVIEW,
    "aanvraag:approve": Status.APPROVED,
    "aanvraag:issue": Status.ISSUED,
}
END_AFTER = {
    "issuance:finish": End.DONE,
    "issuance:cancel": End.CANCELLED,
    "issuance:disown": End.CANCELLED,
    "issuance:lapse": End.LAPSED,
    "letter:fail": End.CANCELLED,
}


@dataclass(frozen=True)
class Scene:
    """One road after its end: the program's rows and what the world holds."""

    world: World
    aanvraag: Aanvraag
    log: bytes

    @cached_property
    def events(self) -> list[dict[str, Any]]:
        """Return the events of the dossier in order, from their canonical bytes."""
        query = select(AuditEvent).where(AuditEvent.dossier == self.aanvraag.id).order_by(AuditEvent.dossier_number)
        return [json.loads(row.canonical) for row in db.session.scalars(query)]

    @cached_property
    def issuances(self) -> list[Issuance]:
        """Return the issuances in order."""
        query = select(Issuance).where(Issuance.aanvraag_id == self.aanvraag.id).order_by(Issuance.number)
        return list(db.session.scalars(query))

    @cached_property
    def letters(self) -> dict[UUID, Letter]:
        """Return the letter of each issuance that has one."""
        return {row.subject: row for row in db.session.scalars(select(Letter))}

    @cached_property
    def messages(self) -> list[OutboxMessage]:
        """Return every message of the queue."""
        return list(db.session.scalars(select(OutboxMessage)))

    def codes(self, subject: UUID) -> Counter[str]:
        """Return how often each event happened to a thing."""
        return Counter(event["event"] for event in self.events if event["subject"] == str(subject))


def broken(scene: Scene) -> list[str]:
    """Return everything that does not hold; empty when all is well."""
    return [fault for check in CHECKS for fault in check(scene)]


def _i1_each_key_has_its_issuance(scene: Scene) -> Iterator[str]:
    keys = set(db.session.scalars(select(Sleutel.id)))
    if keys != {issuance.sleutel_id for issuance in scene.issuances}:
        yield "I1: a key without an issuance, or an issuance without a key"
    for issuance in scene.issuances:
        if issuance.approval.aanvraag_id != scene.aanvraag.id or scene.codes(issuance.id)["issuance:start"] != 1:
            yield f"I1: issuance {issuance.number} without approval or event"
        if not any(message.dedup_key.startswith(f"zip:{issuance.id}:") for message in scene.messages):
            yield f"I1: issuance {issuance.number} without a message about its zip"


def _i2_an_active_key_has_its_events(scene: Scene) -> Iterator[str]:
    states = [state(issuance.sleutel.facts, clock.now()) for issuance in scene.issuances]
    if states != [State.REVOKED] * (len(states) - 1) + [State.ACTIVE]:
        yield f"I2: the keys ended as {states}"
    for issuance in scene.issuances:
        codes = scene.codes(issuance.sleutel_id)
        wanted = {"sleutel:make": 1, "sleutel:activate": int(issuance.end_reason is End.DONE)}
        if any(codes[code] != count for code, count in wanted.items()) or not intact(issuance.sleutel):
            yield f"I2: key {issuance.sleutel.number} has {dict(codes)}, or a MAC that does not fit"


def _i3_i12_the_events_tell_the_state(scene: Scene) -> Iterator[str]:
    moved = [STATUS_AFTER[event["event"]] for event in scene.events if event["event"] in STATUS_AFTER]
    if moved != [Status.IN_REVIEW, Status.APPROVED, Status.ISSUED] or scene.aanvraag.status is not Status.ISSUED:
        yield f"I12: the aanvraag is {scene.aanvraag.status} after {moved}"
    for issuance in scene.issuances:
        codes, letter = scene.codes(issuance.id), scene.letters.get(issuance.id)
        codes += scene.codes(letter.id) if letter else Counter()
        ends = [END_AFTER[code] for code in codes.elements() if code in END_AFTER]
        sent = codes["issuance:hand-over"] + codes["issuance:show"]
        facts = {
            "end": ([issuance.end_reason], ends),
            "received": (issuance.received_at is not None, codes["issuance:receive"] == 1),
            "released": (issuance.released_at is not None, codes["issuance:release"] == 1),
            "password sent": (int(issuance.password_sent_at is not None), sent),
            "revoked": (
                int(issuance.sleutel.revoked_at is not None),
                scene.codes(issuance.sleutel_id)["sleutel:revoke"],
            ),
        }
        for name, (stored, told) in facts.items():
            if stored != told:
                yield f"I12: issuance {issuance.number}, {name}: stored {stored}, events say {told}"
    for message in scene.messages:
        offered = scene.codes(message.id)["message:offer"]
        if message.dossier == scene.aanvraag.id and offered != (message.status is Delivery.SENT):
            yield f"I3: {message.kind} is {message.status} with {offered} events"


def _i4_the_trail_is_whole(scene: Scene) -> Iterator[str]:
    if [event["number"] for event in scene.events] != list(range(1, len(scene.events) + 1)):
        yield "I4: the events of the dossier are not numbered 1..n"
    report = verifier.verify()
    yield from (f"I4: {fault}" for fault in report.faults.kept)
    if report.waiting:
        yield f"I4: {report.waiting} events are not in the tree"


def _i5_nothing_is_lost_or_stuck(scene: Scene) -> Iterator[str]:
    copies, texts = scene.world.copies(), scene.world.texts()
    for message in scene.messages:
        if message.status not in {Delivery.SENT, Delivery.CANCELLED}:
            yield f"I5: {message.kind} is still {message.status} ({message.last_error})"
        elif message.status is Delivery.SENT and message.channel is Channel.MAIL:
            count = len(copies.get(_message_id(message), []))
            if not 1 <= count <= MOST_COPIES:
                yield f"I5: {message.kind} was sent and arrived {count} times"
        elif message.status is Delivery.SENT and message.channel is Channel.LETTER:
            if message.id not in {letter.id for letter in scene.letters.values()}:
                yield f"I5: letter {message.kind} was sent and is not kept"
        elif message.status is Delivery.SENT and sum(str(message.id) in name for name in texts) != 1:
            yield f"I5: sms {message.kind} was sent and is not there once"


def _i5_repeats_are_the_same(scene: Scene) -> Iterator[str]:
    known = {_message_id(message) for message in scene.messages}
    for message_id, mails in scene.world.copies().items():
        if len(set(mails)) != 1:
            yield f"I5: the repeat of {message_id} differs from the first"
        if message_id not in known:
            yield f"I3: mail {message_id} arrived and no row tells of it"


def _message_id(message: OutboxMessage) -> str:
    return f"<{message.id}@localhost>"


def _i6_nothing_stands_in_clear(scene: Scene) -> Iterator[str]:
    hay = b"\n".join([*_rows(), scene.log, *(path.read_bytes() for path in scene.world.instance.glob("*.sqlite*"))])
    for name, secret in secrets(scene):
        spellings = (secret.encode(), secret.encode().hex().encode(), base64.b64encode(secret.encode())[:-4])
        if any(spelling in hay for spelling in spellings):
            yield f"I6: a {name} stands in the database or a log"


def secrets(scene: Scene) -> Iterator[tuple[str, str]]:
    """Yield every secret that the people hold: of each key, its password, its code and its link."""
    mails = [(token, data) for _mail, token, data in scene.world.zip_mails()]
    yield from (("link", token) for token, _data in mails)
    for issuance in scene.issuances:
        texted = scene.world.password_from_sms(issuance.z_number)
        letter = scene.letters.get(issuance.id)
        pages = scene.world.written(f"password-{issuance.number}") + (
            scene.world.written(letter.number) if letter else []
        )
        shown = [Secret(data.decode()) for data in pages]
        for password in [texted, *shown]:
            if password is None:
                continue
            yield "password", password.reveal()
            yield from _opened([data for _token, data in mails], password)
            yield from _opened(scene.world.written(f"zip-{issuance.number}"), password)


def _opened(zips: list[bytes], password: Secret) -> Iterator[tuple[str, str]]:
    for data in zips:
        try:
            key, code = key_and_code(data, password)
        except ZipUnreadable:  # that of another issuance
            continue
        yield from (("key", key), ("activation code", code))


def _rows() -> Iterator[bytes]:
    for table in Base.metadata.tables.values():
        for row in db.session.execute(select(table)):
            yield from (value if isinstance(value, bytes) else str(value).encode() for value in row)


def _i7_a_page_shows_at_most_once(scene: Scene) -> Iterator[str]:
    for issuance in scene.issuances:
        for what in ("password", "letter"):
            if len(scene.world.written(f"{what}-{issuance.number}")) > 1:
                yield f"I7: the {what} of issuance {issuance.number} was shown twice"


def _i13secrets_went_to_the_approved_contacts(scene: Scene) -> Iterator[str]:
    for mail, _token, _data in scene.world.zip_mails():
        if mail["To"] != "anna@voorbeeldstad.example":
            yield f"I13: a zip went to {mail['To']}"
    for text in scene.world.texts().values():
        if "Wachtwoord" in text and not text.startswith("Aan: +31612345678\n"):
            yield "I13: a password went to another number"


def _i14_no_password_before_receipt_or_release(scene: Scene) -> Iterator[str]:
    for issuance in scene.issuances:
        order = [event["event"] for event in scene.events if event["subject"] == str(issuance.id)]
        given = [n for n, code in enumerate(order) if code in {"issuance:hand-over", "issuance:show"}]
        allowed = [n for n, code in enumerate(order) if code in {"issuance:receive", "issuance:release"}]
        if given and not (allowed and allowed[0] < given[0]):
            yield f"I14: the password of issuance {issuance.number} went first"
    zips = {str(issuance.id) for issuance in scene.issuances}
    for message in scene.messages:
        if message.kind == PASSWORD_SMS and message.dedup_key.split(":")[1] not in zips:
            yield "I14: a password without an issuance"


def _i15_everything_sealed_is_gone(scene: Scene) -> Iterator[str]:
    for issuance in scene.issuances:
        if issuance.ended_at is None or issuance.zip or issuance.password or issuance.activation_mac:
            yield f"I15: issuance {issuance.number} has not ended, or holds something sealed"
    for message in scene.messages:
        if message.kind in {KEY_MAIL, PASSWORD_SMS} and (message.content or message.final):
            yield f"I15: {message.kind} still holds its content"


def _i16_a_revoked_key_stays_revoked(scene: Scene) -> Iterator[str]:
    for issuance in scene.issuances:
        facts = issuance.sleutel.facts
        later = clock.now() + timedelta(days=366)
        if facts.revoked_at and {state(facts, clock.now()), state(facts, later)} != {State.REVOKED}:
            yield f"I16: key {issuance.sleutel.number} came back"


def _the_key_that_was_delivered_works(scene: Scene) -> Iterator[str]:
    keys = [Secret(secret) for name, secret in secrets(scene) if name == "key"]
    active = [row for key in keys if (row := find(key)) and state(row.facts, clock.now()) is State.ACTIVE]
    if {row.id for row in active} != {scene.issuances[-1].sleutel_id}:
        yield "I1: the key in the last zip is not the one that works"


CHECKS: tuple[Callable[[Scene], Iterator[str]], ...] = (
    _i1_each_key_has_its_issuance,
    _i2_an_active_key_has_its_events,
    _i3_i12_the_events_tell_the_state,
    _i4_the_trail_is_whole,
    _i5_nothing_is_lost_or_stuck,
    _i5_repeats_are_the_same,
    _i6_nothing_stands_in_clear,
    _i7_a_page_shows_at_most_once,
    _i13secrets_went_to_the_approved_contacts,
    _i14_no_password_before_receipt_or_release,
    _i15_everything_sealed_is_gone,
    _i16_a_revoked_key_stays_revoked,
    _the_key_that_was_delivered_works,
)

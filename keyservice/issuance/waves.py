"""A wave: one person prepares the list, another one starts it, and the worker renews key by key (ADR 22).

Each renewal is an ordinary issuance in a transaction of its own, together with its place on the list: a crash between
two of them loses none and does none twice. The lock on the wave lets one worker at a time renew, so a pause or stop
holds from the moment that it is answered.
"""

import hashlib
from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import update

from keyservice import audit
from keyservice.audit import EventType
from keyservice.database import AWAY, execute_count, transaction
from keyservice.issuance import events, wave_messages, wave_queries
from keyservice.issuance.eligibility import Renewal, cases, judge
from keyservice.issuance.service import hand_out_next
from keyservice.issuance.wave_models import Wave, WaveItem
from keyservice.issuance.wave_queries import Wanted
from keyservice.issuance.wave_workflow import TABLE, Result, WaveStatus, WaveStep
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER, Actor, Role
from keyservice.kernel.errors import Conflict, Invalid, Refused
from keyservice.kernel.ids import new_id
from keyservice.kernel.telling import told
from keyservice.outbox.delivery import BATCH
from keyservice.outbox.queries import due
from keyservice.outbox.service import enqueue

log = structlog.get_logger()


def prepare(actor: Actor, name: str, reason: str, wanted: Wanted) -> UUID:
    """Make the list of keys to renew, each with why it cannot be when that is so; return the wave.

    Raises Refused, or Invalid when no key fits.
    """
    with transaction() as session:
        actor.require(Role.RELATIEBEHEERDER)
        keys = wave_queries.keys_to_renew(wanted)
        if not keys:
            raise Invalid("wave-empty")
        expected = wave_queries.obstacles(keys, [actor.person, *wave_queries.relatiebeheerders()])
        now = clock.now()
        wave = Wave(
            id=new_id(),
            name=name,
            reason=reason,
            omgeving=wanted.omgeving,
            expires_until=wanted.expires_until,
            gemeenten=list(wanted.gemeenten) if wanted.gemeenten is not None else None,
            status=WaveStatus.PREPARED,
            status_since=now,
            prepared_by=actor.person,
            prepared_at=now,
        )
        session.add(wave)
        session.flush()
        session.add_all(
            WaveItem(wave_id=wave.id, position=n, aanvraag_id=key[0], sleutel_id=key[1], expected=expected[key[0]])
            for n, key in enumerate(keys, 1)
        )
        _record(
            events.WAVE_PREPARED,
            actor,
            wave,
            omgeving=wanted.omgeving,
            expires_until=wanted.expires_until,
            gemeenten=wave.gemeenten,
            items=len(keys),
            able=sum(code is None for code in expected.values()),
            list=list_digest([aanvraag for aanvraag, _ in keys]),
            name=name,
            reason=reason,
        )
        for message in wave_messages.prepared(wave, len(keys)):
            enqueue(message)
    return wave.id


def start(actor: Actor, wave_id: UUID) -> None:
    """Let a wave run that somebody else prepared (I8). Raises NotFound, Refused or Conflict."""
    with transaction():
        wave = _for_act(actor, wave_id)
        require_startable(actor, wave)
        _move(wave, WaveStep.START, started_by=actor.person, started_at=clock.now())
        seen = list_digest([item.aanvraag_id for item in wave_queries.items(wave_id)])
        _record(events.WAVE_STARTED, actor, wave, list=seen)


def require_startable(actor: Actor, wave: Wave) -> None:
    """Raise Refused for who prepared a wave, and Conflict when it waits for nobody any more."""
    if actor.person == wave.prepared_by:
        raise Refused("own-wave")
    if wave.status is not WaveStatus.PREPARED:
        raise Conflict("wave-moved", status=wave.status)


def pause(actor: Actor, wave_id: UUID, reason: str) -> None:
    """Let a wave rest; the key that is being made is finished. Raises NotFound, Refused or Conflict."""
    _halt(actor, wave_id, WaveStep.PAUSE, events.WAVE_PAUSED, reason)


def resume(actor: Actor, wave_id: UUID, reason: str) -> None:
    """Let a wave go on that rested. Raises NotFound, Refused or Conflict."""
    _halt(actor, wave_id, WaveStep.RESUME, events.WAVE_RESUMED, reason)


def stop(actor: Actor, wave_id: UUID, reason: str) -> None:
    """End a wave; what was renewed stays so. Raises NotFound, Refused or Conflict."""
    _halt(actor, wave_id, WaveStep.STOP, events.WAVE_STOPPED, reason)


def lapse(wave_id: UUID) -> None:
    """End a wave that nobody started, or went on with, for too long; a timer's act."""
    with transaction():
        wave = wave_queries.wave(wave_id, lock=True)
        _move(wave, WaveStep.LAPSE)
        _record(events.WAVE_LAPSED, WORKER, wave)


def renew_next(wave_id: UUID) -> bool:
    """Give the next of a running wave its turn; return whether another one may follow at once.

    It waits while a whole batch of messages waits to be sent: so no other message is ever behind more than that, and a
    wave goes no faster than its mails do. When all have had their turn the wave is finished. A fault with one is
    written down at that one, and leaves the others alone.
    """
    position = 0
    try:
        with transaction():
            wave = wave_queries.wave(wave_id, lock=True)
            if wave.status is not WaveStatus.RUNNING:
                return False
            item = wave_queries.next_item(wave_id)
            if item is None:
                _finish(wave)
                return False
            if due(BATCH) >= BATCH:
                return False
            position = item.position
            _renew(wave, item)
    except AWAY:  # the database is away: its turn comes again
        raise
    except Exception as error:  # noqa: BLE001 - one bad row must not hold up the whole wave
        # Without a traceback: its values may be secrets.
        log.error("renewal failed", wave=str(wave_id), position=position, **told(error))  # noqa: TRY400 - see above
        return _fail(wave_id, position)
    return True


def list_digest(aanvragen: Sequence[UUID]) -> str:
    """Return the SHA-256 (hex) of a list: the event of preparing and that of starting show that it was the same."""
    return hashlib.sha256("\n".join(map(str, aanvragen)).encode()).hexdigest()


def _renew(wave: Wave, item: WaveItem) -> None:
    """Judge one of the list anew, and hand out its key in the name of one of the two people of the wave."""
    aanvraag = wave_queries.locked_aanvraag(item.aanvraag_id)
    found = judge(cases([aanvraag.id])[aanvraag.id], clock.now())
    if isinstance(found, str):
        _refuse(wave, item, found)
    elif found.sleutel.id != item.sleutel_id:
        _refuse(wave, item, "renewed-meanwhile")
    elif (issuer := _issuer(wave, found)) is None:
        _refuse(wave, item, "no-issuer")
    else:
        _judged(item, result=Result.DONE, issuance_id=hand_out_next(issuer, found, wave))


def _issuer(wave: Wave, found: Renewal) -> Actor | None:
    """Return who issues a key: who started the wave, or (four eyes) who prepared it; both must still be allowed to."""
    able = set(wave_queries.relatiebeheerders())
    people = [person for person in (wave.started_by, wave.prepared_by) if person in able]
    issuer = wave_queries.issuer(found, people)
    return Actor(issuer, frozenset({Role.RELATIEBEHEERDER}), None, WORKER.origin) if issuer else None


def _refuse(wave: Wave, item: WaveItem, reason: str) -> None:
    aanvraag_id = item.aanvraag_id
    _judged(item, result=Result.REFUSED, refused=reason)
    audit.record(
        events.WAVE_REFUSED,
        WORKER,
        dossier=aanvraag_id,
        gemeente=wave_queries.locked_aanvraag(aanvraag_id).gemeente,
        result=audit.Result.REFUSED,
        wave=wave.id,
        reason=reason,
    )


def _fail(wave_id: UUID, position: int) -> bool:
    with transaction() as session:
        wave = wave_queries.wave(wave_id, lock=True)
        item = session.get(WaveItem, (wave_id, position), populate_existing=True)
        if item is None or item.result is not Result.WAITING:
            return False
        _refuse(wave, item, "failed")
    return True


def _judged(item: WaveItem, **values: object) -> None:
    where = (WaveItem.wave_id == item.wave_id, WaveItem.position == item.position, WaveItem.result == Result.WAITING)
    if not execute_count(update(WaveItem).where(*where).values(judged_at=clock.now(), **values)):
        raise Conflict("changed-meanwhile")


def _finish(wave: Wave) -> None:
    count = wave_queries.counts([wave.id])[wave.id]
    _move(wave, WaveStep.FINISH)
    _record(events.WAVE_FINISHED, WORKER, wave, done=count.done, refused=count.refused)
    for message in wave_messages.finished(wave, count.done, count.refused):
        enqueue(message)


def _halt(actor: Actor, wave_id: UUID, step: WaveStep, event: EventType, reason: str) -> None:
    with transaction():
        wave = _for_act(actor, wave_id)
        _move(wave, step, halted_by=actor.person, halt_reason=reason)
        _record(event, actor, wave, reason=reason)


def _for_act(actor: Actor, wave_id: UUID) -> Wave:
    actor.require(Role.RELATIEBEHEERDER)
    return wave_queries.wave(wave_id, lock=True)


def _move(wave: Wave, step: WaveStep, **changes: object) -> None:
    """Take a step by compare-and-swap. Raises Conflict when the wave stands elsewhere by now."""
    seen, to = TABLE[step]
    where = (Wave.id == wave.id, Wave.status.in_(seen))
    if not execute_count(update(Wave).where(*where).values(status=to, status_since=clock.now(), **changes)):
        raise Conflict("wave-moved", status=wave.status)


def _record(event: EventType, actor: Actor, wave: Wave, **values: object) -> None:
    fields: dict[str, Any] = values
    audit.record(event, actor, subject=wave.id, **fields)

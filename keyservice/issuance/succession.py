"""Keys of a gemeente that ended: its successor asks, a relatiebeheerder decides, and time stops them (ADR 33)."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Row, select, update

from keyservice import audit
from keyservice.aanvragen.models import Aanvraag
from keyservice.database import db, execute_count, one_by_one, transaction
from keyservice.gemeenten.models import Gemeente
from keyservice.gemeenten.queries import gemeente
from keyservice.issuance import key_messages, succession_messages
from keyservice.issuance.key_acts import suspend_by_program
from keyservice.issuance.key_messages import Notice
from keyservice.issuance.models import Issuance
from keyservice.issuance.queries import dossier_of, of_sleutel
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER, Actor, Role
from keyservice.kernel.errors import Conflict, NotFound
from keyservice.kernel.ids import new_id
from keyservice.outbox.service import enqueue
from keyservice.sleutels import events
from keyservice.sleutels import service as sleutels
from keyservice.sleutels.blocking import resume_for_successor
from keyservice.sleutels.life import Blocker, State, state
from keyservice.sleutels.models import Sleutel
from keyservice.sleutels.queries import locked
from keyservice.sleutels.succession import gemeente_of, last_moment, predecessors, standing_of, succession
from keyservice.sleutels.succession_models import Succession

CAUSE = "gemeente-ended"


def ask(actor: Actor, code: str) -> UUID:
    """Ask, for the successor, that the keys of an ended gemeente act for it until 90 days after the end.

    Raises Refused, NotFound (the actor's gemeente does not follow that one, or too late), or Conflict (asked already).
    """
    actor.require(Role.GEMEENTEBEHEERDER)
    with transaction() as session:
        ended = next((one for one in predecessors(actor.gemeente or "", clock.now()) if one.code == code), None)
        if ended is None:
            raise NotFound("gemeente")
        if standing_of(code) is not None:
            raise Conflict("succession-asked")
        row = Succession(
            id=new_id(), gemeente=code, successor=actor.gemeente, asked_by=actor.person, asked_at=clock.now()
        )
        session.add(row)
        session.flush()
        audit.record(events.SUCCESSION_ASKED, actor, subject=row.id, ended=code, successor=row.successor)
        for message in succession_messages.asked(row, ended):
            enqueue(message)
        return row.id


def approve(actor: Actor, succession_id: UUID) -> None:
    """Let the keys of an ended gemeente act for its successor; those that stopped at the end work again.

    Raises Refused, NotFound, or Conflict (decided already, or too late).
    """
    with transaction():
        row, ended = _waiting(actor, succession_id)
        until = last_moment_of(ended)
        if clock.now() >= until:
            raise Conflict("succession-too-late")
        _decide(row, actor, until=until)
        audit.record(
            events.SUCCESSION_APPROVED, actor, subject=row.id, gemeente=row.successor, ended=ended.code, until=until
        )
        for sleutel_id in _living(Sleutel.gemeente == ended.code):
            resume_for_successor(actor, sleutel_id, dossier=dossier_of(sleutel_id))
        for message in succession_messages.decided(row, ended):
            enqueue(message)


def refuse(actor: Actor, succession_id: UUID, explanation: str) -> None:
    """Refuse what a successor asked. Raises Refused, NotFound, or Conflict (decided already)."""
    with transaction():
        row, ended = _waiting(actor, succession_id)
        _decide(row, actor, until=None)
        audit.record(
            events.SUCCESSION_REFUSED,
            actor,
            subject=row.id,
            gemeente=row.successor,
            ended=ended.code,
            text=explanation,
        )
        for message in succession_messages.decided(row, ended):
            enqueue(message)


def stop_ended() -> None:
    """Stop the keys of ended gemeenten: block them at the end unless they act for the successor, revoke them later."""
    ended = select(Gemeente.code).where(Gemeente.valid_until < clock.local_date(clock.now()))
    one_by_one(_living(Sleutel.gemeente.in_(ended)), _stop)


TIMERS: tuple[Callable[[], object], ...] = (stop_ended,)


def keys_of(code: str) -> Sequence[Row[*tuple[Any, ...]]]:
    """Return the living keys of an ended gemeente: without people, for its successor does not know those."""
    query = (
        select(Sleutel, Aanvraag.pakket, Aanvraag.leverancier)
        .join(Issuance, Issuance.sleutel_id == Sleutel.id)
        .join(Aanvraag, Aanvraag.id == Issuance.aanvraag_id)
        .where(Sleutel.id.in_(_living(Sleutel.gemeente == code)))
    )
    return db.session.execute(query.order_by(Sleutel.number)).all()


def last_moment_of(ended: Gemeente) -> datetime:
    """Return when the keys of an ended gemeente stop at the latest. Raises Conflict when it has no last day."""
    if ended.valid_until is None:
        raise Conflict("succession-too-late")
    return last_moment(ended.valid_until)


def _waiting(actor: Actor, succession_id: UUID) -> tuple[Succession, Gemeente]:
    actor.require(Role.RELATIEBEHEERDER)
    row = succession(succession_id, lock=True)
    ended = gemeente(row.gemeente)
    if ended is None:
        raise NotFound("gemeente")
    if row.decided_by is not None:
        raise Conflict("succession-decided")
    return row, ended


def _decide(row: Succession, actor: Actor, **values: object) -> None:
    where = (Succession.id == row.id, Succession.decided_by.is_(None))
    decided = update(Succession).where(*where).values(decided_by=actor.person, decided_at=clock.now(), **values)
    if not execute_count(decided):
        raise Conflict("succession-decided")
    db.session.refresh(row)


def _living(*where: Any) -> list[UUID]:
    lives = (Sleutel.revoked_at.is_(None), Sleutel.expires_at > clock.now())
    return list(db.session.scalars(select(Sleutel.id).where(*lives, *where)))


def _stop(sleutel_id: UUID) -> None:
    with transaction():
        sleutel, now = locked(sleutel_id), clock.now()
        own = gemeente(sleutel.gemeente)
        if own is None or state(sleutel.facts, now) in {State.REVOKED, State.EXPIRED}:
            return
        if gemeente_of(own.code, now) is not None:
            return
        if now < last_moment_of(own):
            suspend_by_program(sleutel_id, CAUSE, Blocker.ENDED)
            return
        sleutels.revoke(WORKER, sleutel_id, CAUSE, dossier=dossier_of(sleutel_id))
        issuance = of_sleutel(sleutel_id)
        if issuance is not None:
            for message in key_messages.told(Notice.REVOKED, issuance):
                enqueue(message)

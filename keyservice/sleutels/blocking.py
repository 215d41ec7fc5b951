"""Suspending a key, and letting it work again. To suspend only takes, so one person or the program may do it at once.

Who may let it work again follows from who or what suspended it (`life.Blocker`, ADR 33).
"""

from dataclasses import replace
from uuid import UUID

from sqlalchemy import update

from keyservice.database import execute_count, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER, Actor, Role
from keyservice.kernel.errors import Conflict, Refused
from keyservice.sleutels import events, queries
from keyservice.sleutels.life import Blocker, State, resume_asked, state
from keyservice.sleutels.models import Sleutel
from keyservice.sleutels.service import intact, record, require_own, write

ASKED = "asked"
"""The cause of a block by a person; why, the person says in words."""
_GEMEENTE = (Role.AANVRAGER, Role.GEMEENTEBEHEERDER)


def suspend(actor: Actor, sleutel_id: UUID, explanation: str, *, dossier: UUID | None) -> None:
    """Block a key at once, as a person.

    A block by the gemeente gives way to one by DUO. Raises Refused, NotFound, or Conflict (blocked already, works no
    more).
    """
    actor.require(Role.RELATIEBEHEERDER, *_GEMEENTE)
    by = Blocker.DUO if actor.has(Role.RELATIEBEHEERDER) else Blocker.GEMEENTE
    with transaction():
        sleutel = queries.locked(sleutel_id)
        require_own(actor, sleutel)
        if state(sleutel.facts, clock.now()) in {State.REVOKED, State.EXPIRED}:
            raise Conflict("sleutel-over")
        if not _block(actor, sleutel, by, ASKED, dossier=dossier, text=explanation):
            raise Conflict("sleutel-suspended")


def suspend_by_program(sleutel_id: UUID, cause: str, *, dossier: UUID | None, by: Blocker = Blocker.PROGRAM) -> bool:
    """Block a key as the program itself; `cause` is a code. Return whether that changed anything.

    A key that works no more anyway stays as it is.
    """
    with transaction():
        sleutel = queries.locked(sleutel_id)
        return sleutel.revoked_at is None and _block(WORKER, sleutel, by, cause, dossier=dossier, text=None)


def resume(actor: Actor, sleutel_id: UUID, explanation: str, *, dossier: UUID | None) -> bool:
    """Let a suspended key work again; return False when a second relatiebeheerder must confirm that yet.

    What the gemeente suspended, an aanvrager or gemeentebeheerder of it resumes; what DUO or the program suspended, two
    relatiebeheerders do. Raises Refused, NotFound, or Conflict (not suspended, damaged, the gemeente has ended).
    """
    actor.require(Role.RELATIEBEHEERDER, *_GEMEENTE)
    with transaction():
        sleutel = _suspended(actor, sleutel_id)
        if sleutel.facts.blocker is Blocker.ENDED:
            raise Conflict("resume-by-succession")
        if sleutel.facts.blocker is Blocker.GEMEENTE:
            if not actor.has(*_GEMEENTE):
                raise Refused("resume-by-gemeente")
        elif not actor.has(Role.RELATIEBEHEERDER):
            raise Refused("resume-by-duo")
        elif resume_asked(sleutel.facts, clock.now()) in {None, actor.person}:
            _ask(actor, sleutel, explanation, dossier)
            return False
        _unblock(actor, sleutel, dossier, explanation)
        return True


def resume_for_successor(actor: Actor, sleutel_id: UUID, *, dossier: UUID | None) -> bool:
    """Let a key work again that stopped at the end of its gemeente; any other block stays. Return whether it did."""
    actor.require(Role.RELATIEBEHEERDER)
    with transaction():
        sleutel = queries.locked(sleutel_id)
        stopped = state(sleutel.facts, clock.now()) is State.SUSPENDED and sleutel.facts.blocker is Blocker.ENDED
        if not stopped or not intact(sleutel):
            return False
        _unblock(actor, sleutel, dossier, None)
        return True


def _suspended(actor: Actor, sleutel_id: UUID) -> Sleutel:
    sleutel = queries.locked(sleutel_id)
    require_own(actor, sleutel)
    if state(sleutel.facts, clock.now()) is not State.SUSPENDED:
        raise Conflict("sleutel-not-suspended")
    if not intact(sleutel):
        raise Conflict("sleutel-damaged")
    return sleutel


def _ask(actor: Actor, sleutel: Sleutel, explanation: str, dossier: UUID | None) -> None:
    if resume_asked(sleutel.facts, clock.now()) == actor.person:
        raise Refused("own-resume")
    write(sleutel, replace(sleutel.facts, resume_asked_by=actor.person, resume_asked_at=clock.now()), sleutel.reason)
    record(events.RESUME_ASKED, actor, sleutel, dossier, text=explanation)


def _block(actor: Actor, sleutel: Sleutel, by: Blocker, cause: str, *, dossier: UUID | None, text: str | None) -> bool:
    """Write the block, unless there is one that does not give way. Return whether it was written.

    To a row that was changed from outside no new MAC is given: that would make good what somebody wrote there.
    """
    present = sleutel.facts.blocker
    if present is not None and not present.yields_to(by):
        return False
    block = {"suspended_at": clock.now(), "suspended_by": by, "resume_asked_by": None, "resume_asked_at": None}
    if intact(sleutel):
        write(sleutel, replace(sleutel.facts, **block), sleutel.reason)  # type: ignore[arg-type]  # the fields of Facts
    else:
        execute_count(update(Sleutel).where(Sleutel.id == sleutel.id).values(**block))
    record(events.SUSPENDED, actor, sleutel, dossier, cause=cause, by=by, text=text)
    return True


def _unblock(actor: Actor, sleutel: Sleutel, dossier: UUID | None, explanation: str | None) -> None:
    by = sleutel.facts.blocker
    free = {"suspended_at": None, "suspended_by": None, "resume_asked_by": None, "resume_asked_at": None}
    write(sleutel, replace(sleutel.facts, **free), sleutel.reason)  # type: ignore[arg-type]  # the fields of Facts
    record(events.RESUMED, actor, sleutel, dossier, by=by, text=explanation)

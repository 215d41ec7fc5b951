"""Making, waking and revoking keys, and finding the row of one that is shown.

A MAC over the digest and every fact of a row is written in the same statement as the facts: who can write in the
database but has no ring can neither make a key nor change one unseen.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import Row, insert, update

from keyservice import audit, settings
from keyservice.database import execute_count, next_number, table_of, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import GEMEENTE_ROLES, WORKER, Actor, Role
from keyservice.kernel.errors import Conflict, NotFound
from keyservice.kernel.ids import new_id
from keyservice.kernel.seal import SealBroken
from keyservice.kernel.secret import Secret
from keyservice.sleutels import events, limits, queries
from keyservice.sleutels.format import Omgeving, check_format, digest, new_key
from keyservice.sleutels.life import Facts
from keyservice.sleutels.models import Sleutel, facts_of

log = structlog.get_logger()
LIFE_DAYS = 365  # calendar days at most: a key ends on the last working day on or before the last of them
LEAKED = "leaked"
_PURPOSE = "sleutel"
_INSERT = insert(table_of(Sleutel))
Kept = Sleutel | Row[*tuple[Any, ...]]
"""A key as an object, or as the bare row that the hot path reads."""


def make(
    actor: Actor, *, gemeente: str, omgeving: Omgeving, dossier: UUID, not_before: datetime | None = None
) -> tuple[UUID, Secret]:
    """Make a key that sleeps until it is activated; return its id and, this once, the key itself. Raises Refused.

    `not_before` is the first moment at which it can work, when that is not now: its year counts from then.
    """
    actor.require(Role.RELATIEBEHEERDER)
    key, now = new_key(omgeving), clock.now()
    starts = max(now, not_before or now)
    last_day = clock.working_day_on_or_before(clock.local_date(starts) + timedelta(days=LIFE_DAYS))
    facts = Facts(not_before=starts, expires_at=clock.end_of_day(last_day))
    with transaction() as session:
        values: dict[str, Any] = {
            "id": new_id(),
            "number": next_number("sleutel", "SL", clock.local(now).year),
            "gemeente": gemeente,
            "omgeving": omgeving,
            "digest": digest(key),
            "not_before": facts.not_before,
            "expires_at": facts.expires_at,
        }
        sleutel = Sleutel(**values)  # not of the session: the MAC and the row are written in one statement
        session.execute(_INSERT, {**values, "mac": settings.rings().mac(_PURPOSE, *_parts(sleutel, facts, None))})
        audit.record(
            events.MADE,
            actor,
            dossier=dossier,
            subject=sleutel.id,
            gemeente=gemeente,
            number=sleutel.number,
            omgeving=omgeving,
            expires_at=facts.expires_at,
            not_before=facts.not_before,
        )
    return sleutel.id, key


def activate(actor: Actor, sleutel_id: UUID, *, dossier: UUID) -> None:
    """Wake a sleeping key.

    Raises Refused, NotFound (other gemeente), or Conflict: revoked or active already (I16), or its row was changed.
    """
    with transaction():
        actor.require(Role.AANVRAGER, Role.GEMEENTEBEHEERDER)
        sleutel = queries.locked(sleutel_id)
        if not intact(sleutel):
            log.error("the MAC of a key does not fit", sleutel=sleutel.number)
            raise Conflict("sleutel-damaged")
        require_own(actor, sleutel)
        if sleutel.activated_at is not None or sleutel.revoked_at is not None:
            raise Conflict("sleutel-not-sleeping")
        write(sleutel, replace(sleutel.facts, activated_at=clock.now()), None)
        record(events.ACTIVATED, actor, sleutel, dossier)


def revoke(
    actor: Actor, sleutel_id: UUID, reason: str, *, dossier: UUID | None, explanation: str | None = None
) -> None:
    """End a key for good (I16); `reason` is a code. Raises Refused, NotFound, or Conflict when it is revoked already.

    A key whose row was changed from outside is revoked too: that only takes.
    """
    if actor != WORKER:
        actor.require(Role.RELATIEBEHEERDER, *GEMEENTE_ROLES)
    with transaction():
        sleutel = queries.locked(sleutel_id)
        if intact(sleutel):
            require_own(actor, sleutel)
        _revoke(actor, sleutel, reason, dossier, explanation)


def revoke_leaked(actor: Actor, sleutel_id: UUID, key: Secret, *, dossier: UUID | None) -> None:
    """End a key for good for whoever shows it, without any role: who has it is the proof that it leaked.

    Raises NotFound when the key is not that of the row, or Conflict when it is revoked already.
    """
    with transaction():
        sleutel = queries.locked(sleutel_id)
        if digest(key) != sleutel.digest:
            raise NotFound("sleutel")
        _revoke(actor, sleutel, LEAKED, dossier)


def _revoke(actor: Actor, sleutel: Sleutel, reason: str, dossier: UUID | None, explanation: str | None = None) -> None:
    if sleutel.revoked_at is not None:
        raise Conflict("sleutel-revoked")
    if not intact(sleutel):
        record(events.DAMAGED, actor, sleutel, dossier)
    write(sleutel, replace(sleutel.facts, revoked_at=clock.now()), reason)
    record(events.REVOKED, actor, sleutel, dossier, reason=reason, text=explanation)


def require_own(actor: Actor, sleutel: Sleutel) -> None:
    """Raise NotFound when a key is of another gemeente than the one acted for (I9)."""
    if actor.gemeente not in {None, sleutel.gemeente}:  # DUO and the worker act for none
        raise NotFound("sleutel")


def find(key: Secret) -> Sleutel | None:
    """Return the row of a key that somebody shows, whatever its state; None when there is none.

    A mistyped key is recognised by its checksum, without the database. A row whose MAC does not fit counts as absent;
    that is logged and recorded.
    """
    if check_format(key.reveal()) is not None:
        return None
    sleutel = queries.by_digest(key)
    if sleutel is None or intact(sleutel):
        return sleutel
    alarm(sleutel)
    return None


def intact(sleutel: Kept) -> bool:
    """Tell whether the MAC of a row fits its digest and facts."""
    try:
        return settings.rings().mac_fits(sleutel.mac, _PURPOSE, *_parts(sleutel, facts_of(sleutel), sleutel.reason))
    except SealBroken:  # a ring key that never existed: somebody made the MAC up
        return False


def alarm(sleutel: Kept) -> None:
    """Tell of a key that was shown and whose row was changed from outside.

    At most once a minute per key and process: whoever holds such a key must not be able to fill the trail.
    """
    if limits.current().alarms.take(sleutel.id):
        return
    log.error("the MAC of a key does not fit", sleutel=sleutel.number)
    with transaction():
        record(events.DAMAGED, WORKER, sleutel, None)


def write(sleutel: Sleutel, facts: Facts, reason: str | None) -> None:
    """Replace the facts by compare-and-swap: the MAC that was seen covers them all. Raises Conflict."""
    values = {
        "activated_at": facts.activated_at,
        "suspended_at": facts.suspended_at,
        "revoked_at": facts.revoked_at,
        "suspended_by": facts.suspended_by,
        "resume_asked_by": facts.resume_asked_by,
        "resume_asked_at": facts.resume_asked_at,
        "reason": reason,
        "mac": settings.rings().mac(_PURPOSE, *_parts(sleutel, facts, reason)),
    }
    seen = (Sleutel.id == sleutel.id, Sleutel.mac == sleutel.mac, Sleutel.revoked_at.is_(None))
    if not execute_count(update(Sleutel).where(*seen).values(**values)):
        raise Conflict("changed-meanwhile")


def _parts(sleutel: Kept, facts: Facts, reason: str | None) -> tuple[str, ...]:
    moments = (facts.not_before, facts.expires_at, facts.activated_at, facts.suspended_at, facts.revoked_at)
    fixed = (str(sleutel.id), sleutel.number, sleutel.gemeente, sleutel.omgeving, sleutel.digest.hex())
    # Only of a key that was blocked by somebody: so the MACs of rows from before these columns stay good.
    block = (facts.suspended_by or "", str(facts.resume_asked_by or ""), _text(facts.resume_asked_at))
    return (*fixed, *(_text(moment) for moment in moments), reason or "", *(block if any(block) else ()))


def _text(moment: datetime | None) -> str:
    return moment.isoformat(timespec="microseconds") if moment else ""


def record(
    event: audit.EventType, actor: Actor, sleutel: Kept, dossier: UUID | None, **values: str | int | None
) -> UUID:
    """Write an event about a key; return its id."""
    more: dict[str, Any] = {"number": sleutel.number, **values}
    return audit.record(event, actor, dossier=dossier, subject=sleutel.id, gemeente=sleutel.gemeente, **more)

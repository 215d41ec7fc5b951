"""What the worker watches: keys and roles against their events, and the file outside against the database.

A key or role that no event explains was written by somebody else: it is stopped, and each round says so in the log,
for whoever watches over the machine, until people have put it right.
"""

from collections.abc import Callable, Iterable
from uuid import UUID

import structlog
from sqlalchemy import Connection, select

from keyservice import audit
from keyservice.accounts.models import Grant
from keyservice.accounts.people import stop_grant
from keyservice.audit import rows
from keyservice.audit.status import tell_broken
from keyservice.database import db, one_by_one, transaction
from keyservice.integrity import state
from keyservice.integrity.events import MISMATCH
from keyservice.integrity.state import Mismatch
from keyservice.issuance.key_acts import suspend_by_program
from keyservice.issuance.queries import dossier_of
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER
from keyservice.sleutels import service as sleutels
from keyservice.sleutels.life import Blocker
from keyservice.sleutels.models import Sleutel
from keyservice.sleutels.queries import locked

log = structlog.get_logger()
CAUSE = "mismatch"


def keys_and_roles() -> None:
    """Stop the keys and roles that no event explains."""
    with rows.snapshot() as connection:
        over = _over(connection)
        found = [one for one in _unexplained(connection) if one.key not in over]
    for mismatch in found:
        log.error("stored state that no event explains", row=mismatch.where, what=mismatch.what)
    one_by_one(_ids(found, "sleutel"), _stop_key)
    one_by_one(_ids(found, "role_grant"), _stop_role)


TIMERS: tuple[Callable[[], object], ...] = (tell_broken, keys_and_roles)


def _over(connection: Connection) -> set[str]:
    """Return the keys and roles that give nothing any more; `keyservice audit verify --state` tells of them too."""
    revoked = select(rows.plain(Sleutel.id)).where(Sleutel.revoked_at.is_not(None))
    ended = select(rows.plain(Grant.id)).where(Grant.valid_until <= clock.now())
    return {*connection.scalars(revoked), *connection.scalars(ended)}


def _unexplained(connection: Connection) -> Iterable[Mismatch]:
    yield from state.mismatches(connection, (state.KEYS, state.GRANTS), (*state.KEY_EVENTS, *state.GRANT_EVENTS))
    yield from state.false_macs(connection)


def _ids(found: Iterable[Mismatch], table: str) -> list[UUID]:
    # Once each; what is gone has nothing to stop.
    return list(dict.fromkeys(UUID(one.key) for one in found if one.table == table and not one.gone))


def _again(table: str, row_id: UUID) -> list[Mismatch]:
    """Look again while the row is locked: the first look may have fallen into an act."""
    return [one for one in _unexplained(db.session.connection()) if one.table == table and one.key == row_id.hex]


def _stop_key(sleutel_id: UUID) -> None:
    with transaction():
        sleutel = locked(sleutel_id)
        found = _again("sleutel", sleutel_id)
        if not found or sleutel.revoked_at is not None:
            return
        # Written back to what it was before it was revoked: it never returns (I16).
        revoked = any("revoked_at" in one.columns for one in found)
        if sleutel.facts.blocker is Blocker.PROGRAM and not revoked:
            return
        _record(found)
        if revoked:
            sleutels.revoke(WORKER, sleutel_id, CAUSE, dossier=dossier_of(sleutel_id))
        else:
            suspend_by_program(sleutel_id, CAUSE)


def _stop_role(grant_id: UUID) -> None:
    with transaction():
        found = _again("role_grant", grant_id)
        if found and stop_grant(grant_id):
            _record(found)


def _record(found: Iterable[Mismatch]) -> None:
    for one in found:
        audit.record(MISMATCH, WORKER, subject=UUID(one.key), table=one.table, row=one.key, columns=list(one.columns))

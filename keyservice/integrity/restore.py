"""Going on with an older database, after two people have accepted that (ADR 26).

What happened after the backup is gone, save what the file outside knows: every key that was revoked since is revoked
again (I16), and every other key that something happened to is blocked until people have looked. A key that was made
since is not in this database, and so cannot work.
"""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import select

from keyservice import audit, settings
from keyservice.accounts.people_queries import DUO_INVITERS
from keyservice.audit import outside, restored, sealer
from keyservice.audit.checkpoint import Checkpoint
from keyservice.audit.events import RESTORE_ACCEPTED, RESTORE_PROPOSED
from keyservice.audit.faults import Faults, Kind
from keyservice.audit.file_check import read_file
from keyservice.audit.models import AuditCheckpoint
from keyservice.audit.restored import Restored
from keyservice.audit.verifier import Report
from keyservice.database import db, exclusive, transaction
from keyservice.integrity import told
from keyservice.issuance.key_acts import suspend_by_program
from keyservice.issuance.queries import dossier_of
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER, Actor
from keyservice.kernel.errors import Conflict
from keyservice.sleutels import service as sleutels
from keyservice.sleutels.models import Sleutel

WITHIN = timedelta(hours=1)
CAUSE = "restore"
# What an older database of the same history shows: it is behind, keys work again, and what waited to be sealed is old.
EXPECTED = frozenset({Kind.BEHIND, Kind.REVIVED, Kind.UNSEALED})


def accept(actor: Actor, report: Report) -> bool:
    """Accept that this database is an older one; `report` is that of a full verify a moment ago.

    Returns False for the first person: within an hour another one must accept the same. With the second one the keys
    that the file outside tells of are revoked or blocked, the file says that it goes on from here, and sealing goes on.
    Raises Refused (role), or Conflict: the database is not behind the file, or is no older state of the same history.
    """
    actor.require(*DUO_INVITERS)
    if not report.faults.kinds[Kind.BEHIND]:
        raise Conflict("restore-not-needed")
    if set(report.faults.kinds) - EXPECTED:
        raise Conflict("restore-damaged")
    with outside.locked(settings.current().checkpoints) as file:
        published = sealer.published(file)
        with transaction():
            exclusive("audit-seal")
            last = sealer.newest()
            if published is None or last is None or last.size >= published.size:
                raise Conflict("restore-not-needed" if last else "restore-damaged")
            first = _first_person(actor, last, published)
            if first is None:
                size, root = last.size, last.root
                audit.record(RESTORE_PROPOSED, actor, size=size, root=root, published=published.size)
                return False
            _redo(actor, first, last, published)
            lines = _lines(last, published)
        outside.append(file, lines)
    sealer.seal(whole=True)
    return True


def _first_person(actor: Actor, last: AuditCheckpoint, published: Checkpoint) -> UUID | None:
    """Return who else accepted the same within the last hour."""
    wanted = (last.size, last.root.hex(), published.size)
    for one in told.events(db.session.connection(), (RESTORE_PROPOSED,)):
        same = (one.fields["size"], one.fields["root"], one.fields["published"]) == wanted
        if same and one.at > clock.now() - WITHIN and one.person and UUID(one.person) != actor.person:
            return UUID(one.person)
    return None


def _redo(actor: Actor, first: UUID, last: AuditCheckpoint, published: Checkpoint) -> None:
    """Revoke and block what the file outside knows to have happened since."""
    file = read_file(None, sealer.public_keys(), Faults())
    revoked = {str(key.line["revoked"]) for key in file.keys if "revoked" in key.line}
    since = [key for key in file.keys if key.size > last.size and not file.given_up(key.number, key.size)]
    touched = {str(key.line["touched"]) for key in since if "touched" in key.line} - revoked
    for sleutel_id in _working(revoked):
        sleutels.revoke(WORKER, sleutel_id, CAUSE, dossier=dossier_of(sleutel_id))
    for sleutel_id in _working(touched):
        suspend_by_program(sleutel_id, CAUSE)
    audit.record(
        RESTORE_ACCEPTED,
        actor,
        size=last.size,
        root=last.root,
        published=published.size,
        first=first,
        revoked=sorted(revoked),
        suspended=sorted(touched),
    )


def _working(keys: set[str]) -> list[UUID]:
    """Return those of the keys that this database has, and that were not revoked in it."""
    ids = [UUID(key) for key in keys]
    return list(db.session.scalars(select(Sleutel.id).where(Sleutel.id.in_(ids), Sleutel.revoked_at.is_(None))))


def _lines(last: AuditCheckpoint, published: Checkpoint) -> list[outside.Line]:
    accepted = Restored(published.size, published.root, last.size, last.root)
    text = restored.sign(sealer.origin(), accepted, sealer.signing_key())
    return [{"restored": text}, sealer.checkpoint_line(last)]

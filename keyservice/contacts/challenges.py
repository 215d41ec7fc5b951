"""The life of one code that was sent to a contact: made, tried, ended. Called inside the transaction of a use case."""

from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select, update

from keyservice import settings
from keyservice.contacts import messages
from keyservice.contacts.models import MOST_TRIES, Challenge, Contact
from keyservice.database import db, execute_count
from keyservice.kernel import clock
from keyservice.kernel.ids import new_id, normalise_code
from keyservice.kernel.secret import Secret
from keyservice.outbox.service import cancel

MOST_PER_HOUR = 5
_MAC = "contact-code"


def new(contact: Contact, code: Secret, dossier: UUID | None, lives: timedelta) -> Challenge:
    """Return a new challenge, not yet stored; the ones before it, and their messages that still wait, end here."""
    end_all(contact)
    challenge_id, now = new_id(), clock.now()
    return Challenge(
        id=challenge_id,
        contact_id=contact.id,
        dossier=dossier,
        address=contact.address,
        code_mac=settings.rings().mac(_MAC, str(challenge_id), code.reveal()),
        created_at=now,
        expires_at=now + lives,
        tries=0,
    )


def decoy() -> Challenge:
    """Return a challenge that nobody has, so that an unknown Z-number costs as much work as a known one."""
    challenge_id = new_id()
    return Challenge(id=challenge_id, code_mac=settings.rings().mac(_MAC, str(challenge_id), ""), tries=0)


def try_code(challenge: Challenge, typed: str) -> bool:
    """Count a try and tell whether the code fits; the count is one UPDATE, so that no two tries are counted as one."""
    challenge_id, mac = challenge.id, challenge.code_mac
    counted = execute_count(
        update(Challenge)
        .where(Challenge.id == challenge_id, Challenge.tries < MOST_TRIES, Challenge.expires_at > clock.now())
        .values(tries=Challenge.tries + 1)
    )
    fits = settings.rings().mac_fits(mac, _MAC, str(challenge_id), normalise_code(typed))
    # After the last try the password of the practice zip has no use any more.
    execute_count(
        update(Challenge)
        .where(Challenge.id == challenge_id, Challenge.tries >= MOST_TRIES)
        .values(practice_password=None)
    )
    return bool(counted) and fits


def end_all(contact: Contact) -> None:
    """End every code of a contact that is still open; how many were sent stays known."""
    now = clock.now()
    execute_count(
        update(Challenge)
        .where(Challenge.contact_id == contact.id, Challenge.expires_at > now)
        .values(expires_at=now, practice_password=None)
    )
    cancel(messages.prefix(contact))


def too_often(contact: Contact) -> bool:
    """Tell whether a contact was sent as many codes in the last hour as one may get."""
    recent = (Challenge.contact_id == contact.id, Challenge.created_at > clock.now() - timedelta(hours=1))
    return (db.session.scalar(select(func.count()).where(*recent)) or 0) >= MOST_PER_HOUR

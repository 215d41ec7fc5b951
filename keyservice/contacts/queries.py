"""Reading contacts: who they are, what was proven, and what still lacks before an approval."""

from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from keyservice import settings
from keyservice.accounts.models import Account
from keyservice.contacts.independence import Party, conflicts
from keyservice.contacts.models import MOST_TRIES, Challenge, Contact, Part, Vouching
from keyservice.database import db
from keyservice.gemeenten.phones import is_mobile
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import NotFound
from keyservice.kernel.mailbox import canonical_mailbox
from keyservice.kernel.seal import Place
from keyservice.kernel.secret import Secret

# A vouching is good for a year per contact (`design.md` 2.2).
VOUCHING_HOLDS = timedelta(days=365)
AccountOf = Callable[[str | None], UUID | None]


def contact(contact_id: UUID) -> Contact | None:
    """Return a contact by id."""
    return db.session.get(Contact, contact_id)


def contact_for(actor: Actor, contact_id: UUID) -> Contact:
    """Return a contact that the actor may act on, locked until the transaction ends.

    Raises NotFound when it is unknown or of another gemeente (I9).
    """
    query = select(Contact).where(Contact.id == contact_id).with_for_update()
    found = db.session.scalar(query.execution_options(populate_existing=True))
    if found is None or not (actor.has(Role.RELATIEBEHEERDER) or found.gemeente == actor.gemeente):
        raise NotFound("contact")
    return found


def newest_challenge(contact_id: UUID) -> Challenge | None:
    """Return the last code that was sent to a contact: only that one counts."""
    query = select(Challenge).where(Challenge.contact_id == contact_id)
    return db.session.scalar(query.order_by(Challenge.created_at.desc()).limit(1))


def practice_password(contact_id: UUID) -> Secret | None:
    """Return the password of the practice zip that waits for its code, or None when there is none."""
    challenge = newest_challenge(contact_id)
    if challenge is None or challenge.practice_password is None or not usable(challenge):
        return None
    place = Place(Challenge.__tablename__, "practice_password", challenge.id)
    return Secret(settings.rings().unseal("password", challenge.practice_password, place).decode())


def usable(challenge: Challenge) -> bool:
    """Tell whether the code of a challenge still proves something."""
    return challenge.used_at is None and challenge.tries < MOST_TRIES and clock.now() < challenge.expires_at


def party(contact: Contact, account_of: AccountOf | None = None) -> Party:
    """Return what independence asks of a contact: its account (any spelling of the mailbox) and its own mobile.

    An office line is shared by colleagues and says nothing about who somebody is. `account_of` finds accounts for who
    asks about many contacts; else they are looked up one by one.
    """
    mobile = contact.mobile or (contact.phone if contact.phone and is_mobile(contact.phone) else None)
    account = (account_of or account_with)(contact.mailbox)
    return Party(contact.id, account, contact.name, contact.mailbox, mobile)


def account_finder() -> AccountOf:
    """Read all accounts once, and return what `account_with` tells about each mailbox."""
    rows = db.session.execute(select(Account.id, Account.email).order_by(Account.created_at.desc()))
    known = {canonical_mailbox(email): account for account, email in rows}
    return lambda mailbox: known.get(canonical_mailbox(mailbox)) if mailbox else None


def account_with(mailbox: str | None) -> UUID | None:
    """Return the account whose mail address is the same mailbox, in whatever spelling."""
    if not mailbox:
        return None
    wanted = canonical_mailbox(mailbox)
    domain = f"@{wanted.rpartition('@')[2]}"
    rows = db.session.execute(select(Account.id, Account.email).where(Account.email.endswith(domain, autoescape=True)))
    return next((account for account, email in rows if canonical_mailbox(email) == wanted), None)


def missing(
    key: Contact | None, password: Contact | None, now: datetime, account_of: AccountOf | None = None
) -> tuple[str, ...]:
    """Return codes of what still lacks before approval (`design.md` 2.2); empty when both are ready.

    key-address, key-vouched, password-address, password-vouched (only a call counts), password-confirmed,
    not-independent.
    """
    checks = {
        "key-address": key is not None and key.verified,
        "key-vouched": key is not None and vouched(key, now),
        "password-address": password is not None and password.verified,
        "password-vouched": password is not None and vouched(password, now),
        "password-confirmed": password is not None and password.confirmed_at is not None,
        "not-independent": key is None
        or password is None
        or not conflicts(party(key, account_of), party(password, account_of)),
    }
    return tuple(code for code, fine in checks.items() if not fine)


def vouched(contact: Contact, now: datetime) -> bool:
    """Tell whether somebody vouched for a contact less than a year ago; for the password only a call counts."""
    enough = contact.part is Part.KEY or contact.vouched_how is Vouching.CALL
    return enough and contact.vouched_at is not None and now < contact.vouched_at + VOUCHING_HOLDS


def obstacle(actor: Actor, contact: Contact, requesters: Collection[UUID | None]) -> str | None:
    """Return the code of why this gemeentebeheerder cannot vouch for a contact, or None when he can.

    `requesters` are those who started and sent the aanvraag.
    """
    if not actor.has(Role.GEMEENTEBEHEERDER):
        return "role"
    if contact.part is not Part.KEY:
        return "vouching-takes-a-call"
    if actor.person in requesters or actor.person == contact.proposed_by:
        return "vouching-for-own-proposal"
    return "vouching-for-oneself" if account_with(contact.mailbox) == actor.person else None

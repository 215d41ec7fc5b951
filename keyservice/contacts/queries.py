"""Reading contacts: who they are, what was proven, and what still lacks before an approval."""

from collections.abc import Callable, Collection, Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from sqlalchemy import select

from keyservice import settings
from keyservice.accounts.models import Account
from keyservice.contacts.independence import Party, conflicts
from keyservice.contacts.models import MOST_TRIES, Challenge, Contact, Part, Via, Vouching
from keyservice.database import db
from keyservice.gemeenten.phones import is_mobile
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import NotFound
from keyservice.kernel.mailbox import canonical_mailbox
from keyservice.kernel.seal import Place, SealBroken
from keyservice.kernel.secret import Secret

# How long the proof of an address, a confirmation and a vouching are good: a year per contact (ADR 21).
HOLDS = timedelta(days=365)
AccountOf = Callable[[str | None], UUID | None]


def contact(contact_id: UUID) -> Contact | None:
    """Return a contact by id."""
    return db.session.get(Contact, contact_id)


def contact_for(actor: Actor, contact_id: UUID) -> Contact:
    """Return a contact that the actor may act on, locked until the transaction ends.

    Raises NotFound when it is unknown, erased, or of another gemeente (I9).
    """
    query = select(Contact).where(Contact.id == contact_id, Contact.erased_at.is_(None)).with_for_update()
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
    try:
        return Secret(settings.rings().unseal("password", challenge.practice_password, place).decode())
    except SealBroken:  # a restored database: its ring keys are gone, and a new practice zip helps
        return None


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
    key: Contact | None,
    password: Contact | None,
    now: datetime,
    requesters: Collection[UUID | None] = (),
    account_of: AccountOf | None = None,
) -> tuple[str, ...]:
    """Return codes of what still lacks before approval (ADR 5); empty when both are ready.

    key-address, key-vouched, password-address, password-vouched, password-confirmed, not-independent. `requesters` are
    those who started and sent the aanvraag: nobody vouches for his own. Of somebody who gets a letter the call proves
    all: nothing but password-vouched can lack.
    """
    by_letter = password is not None and password.via is Via.LETTER
    checks = {
        "key-address": key is not None and proven(key, now),
        "key-vouched": key is not None and vouched(key, now) and _not_by(key, requesters),
        "password-address": password is not None and (by_letter or proven(password, now)),
        "password-vouched": password is not None and _called_about(key, password, now),
        "password-confirmed": password is not None and (by_letter or holds(password.confirmed_at, now)),
        "not-independent": key is None
        or password is None
        or not conflicts(party(key, account_of), party(password, account_of)),
    }
    return tuple(code for code, fine in checks.items() if not fine)


def holds(since: datetime | None, now: datetime) -> bool:
    """Tell whether what was proven, confirmed or vouched for at a moment is good now."""
    return since is not None and now < since + HOLDS


def proven(contact: Contact, now: datetime) -> bool:
    """Tell whether the present address was proven less than a year ago."""
    return contact.verified and holds(contact.verified_at, now)


def vouched(contact: Contact, now: datetime) -> bool:
    """Tell whether somebody vouched for a contact less than a year ago; for the password only a call counts."""
    enough = contact.part is Part.KEY or contact.vouched_how is Vouching.CALL
    return enough and holds(contact.vouched_at, now)


def _not_by(contact: Contact, requesters: Collection[UUID | None]) -> bool:
    return contact.vouched_how is Vouching.CALL or contact.vouched_by not in requesters


def _called_about(key: Contact | None, password: Contact, now: datetime) -> bool:
    """Tell whether a call vouches for a password contact beside this key contact, and for a letter proves the rest."""
    by_letter = password.via is Via.LETTER
    reached = not by_letter or (proven(password, now) and holds(password.confirmed_at, now))
    return reached and vouched(password, now) and _told_apart(key, password, now)


def _told_apart(key: Contact | None, password: Contact, now: datetime) -> bool:
    """Tell whether a call was about these two together (ADR 21): else one person could be both."""
    if key is None:
        return True  # nobody to be told apart from; the key contact itself is missing
    by_key = key.vouched_how is Vouching.CALL and vouched(key, now) and key.vouched_beside == password.fingerprint
    return by_key or password.vouched_beside == key.fingerprint


def of_gemeente(code: str) -> Sequence[Contact]:
    """Return the contacts of a gemeente that have a name, those that are offered no more last, then by name."""
    query = select(Contact).where(Contact.gemeente == code, Contact.name != "", Contact.erased_at.is_(None))
    found = db.session.scalars(query.order_by(Contact.name, Contact.created_at.desc())).all()
    return sorted(found, key=lambda contact: contact.retired_at is not None)


def offered(code: str, part: Part, present: UUID | None = None) -> list[Contact]:
    """Return the people who can be chosen for a part: each once, as the row on which the newest proof stands.

    `present` is the contact that stands there now: that row goes before others of the same person.
    """
    query = select(Contact).where(
        Contact.gemeente == code,
        Contact.part == part,
        Contact.name != "",
        Contact.function != "",
        Contact.retired_at.is_(None),
    )
    rows = [
        row
        for row in db.session.scalars(query)
        if (row.address or row.via is Via.LETTER) and (part is Part.PASSWORD or row.phone)
    ]
    rows.sort(key=lambda row: (row.id == present, _newest(row), row.created_at), reverse=True)
    people: dict[tuple[object, ...], Contact] = {}
    for row in rows:
        people.setdefault((row.via, row.name, row.function, row.mailbox, row.phone, row.mobile), row)
    return sorted(people.values(), key=lambda row: row.name.casefold())


def _newest(contact: Contact) -> tuple[datetime, datetime]:
    never = datetime.min.replace(tzinfo=UTC)
    return contact.vouched_at or never, contact.verified_at or never


def successor(contact: Contact | None) -> Contact | None:
    """Return who now stands where a contact stood: itself, the last of who replaced it, or nobody any more."""
    while contact is not None and contact.replaced_by_id is not None:
        contact = db.session.get(Contact, contact.replaced_by_id)
    return contact if contact is not None and contact.retired_at is None else None


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

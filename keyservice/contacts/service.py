"""What is done with contacts: propose, prove an address by a code, confirm."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select

from keyservice import audit, settings
from keyservice.accounts import guessing
from keyservice.audit import EventType
from keyservice.contacts import challenges, events, messages, queries
from keyservice.contacts.models import MOST_TRIES, VIAS, Challenge, Contact, Part, Via
from keyservice.contacts.practice import PRACTICE_ENTRY, practice_text
from keyservice.database import db, transaction
from keyservice.gemeenten.phones import parse_mobile, parse_phone
from keyservice.gemeenten.queries import registered_address
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import Conflict, Invalid, NotFound, Refused
from keyservice.kernel.ids import digit_code, new_id, normalise_z_number, readable_code, z_number
from keyservice.kernel.mailbox import parse_email
from keyservice.kernel.passwords import new_password
from keyservice.kernel.seal import Place
from keyservice.kernel.secret import Secret
from keyservice.kernel.text import clean
from keyservice.kernel.zips import build_zip
from keyservice.outbox.service import enqueue

PRACTICE_LIVES = timedelta(days=7)
SMS_LIVES = timedelta(minutes=10)
_CODE_LENGTH = 8
_PROVERS = (Role.AANVRAGER, Role.GEMEENTEBEHEERDER)
# What makes a contact another one: proof, confirmation and vouching were about these.
_IDENTITY = ("via", "name", "mailbox", "mobile")
_FACTS = (
    *("verified_address", "verified_at", "verified_account", "confirmed_at"),
    *("vouched_by", "vouched_how", "vouched_number", "vouched_at", "vouched_beside"),
)


def propose(
    actor: Actor,
    part: Part,
    *,
    gemeente: str,
    name: str,
    function: str,
    via: Via | None = None,
    mailbox: str | None = None,
    phone: str | None = None,
    mobile: str | None = None,
    contact_id: UUID | None = None,
    shared: bool = False,
    dossier: UUID | None = None,
) -> UUID:
    """Make a contact, or change one, and return its id; what stays the same writes nothing.

    Without `via` it is the first way of its part. Another way, name, mailbox or mobile forgets proof, confirmation and
    vouching. A contact that is `shared` with another aanvraag stays as it is there: the change makes a new one.

    Raises Refused (no aanvrager), NotFound (other gemeente than the one acted for, contact of another part), Conflict
    (a letter without an address in the register), and Invalid for an address that no form checked or a way of the other
    part.
    """
    via = via or VIAS[part][0]
    if via not in VIAS[part]:
        raise Invalid("contact-address")
    values = {"via": via, **cleaned(name=name, function=function, mailbox=mailbox, phone=phone, mobile=mobile)}
    fields: dict[str, object] = {"part": part}
    with transaction():
        actor.require(Role.AANVRAGER)
        if gemeente != actor.gemeente:
            raise NotFound("gemeente")
        if via is Via.LETTER and registered_address(gemeente) is None:
            raise Conflict("no-registered-address")
        if contact_id is None:
            contact = new_contact(actor, part, gemeente, values)
            event = events.PROPOSED
        else:
            contact = queries.contact_for(actor, contact_id)
            if (contact.part, contact.gemeente) != (part, gemeente):
                raise NotFound("contact")
            changed = {column for column, value in values.items() if value != getattr(contact, column)}
            if not changed:
                return contact.id
            forgets = not changed.isdisjoint(_IDENTITY)
            fields["copied_from"] = contact.id if shared else None
            if shared:
                contact = _copied(actor, contact, values)
            event, fields = events.CHANGED, fields | {"proof_forgotten": forgets}
            _change(actor, contact, values, forgets=forgets)
        record(event, actor, contact, dossier, **fields, **values)
        return contact.id


def cleaned(*, name: str, function: str, **addresses: str | None) -> dict[str, str | None]:
    """Return the values as they are stored. Raises Invalid for an address that is none.

    No form may be trusted with what goes into the head of a mail.
    """
    parsers = {"mailbox": parse_email, "phone": parse_phone, "mobile": parse_mobile}
    try:
        parsed = {column: parsers[column](text) if text else None for column, text in addresses.items()}
    except ValueError as error:
        raise Invalid("contact-address") from error
    return {"name": clean(name), "function": clean(function), **parsed}


def new_contact(actor: Actor, part: Part, gemeente: str, values: Mapping[str, str | None]) -> Contact:
    """Store a contact of which nothing is proven yet; who acts is its proposer."""
    contact = Contact(
        id=new_id(),
        gemeente=gemeente,
        part=part,
        z_number=_free_z_number(),
        proposed_by=person_of(actor),
        created_at=clock.now(),
        **values,
    )
    db.session.add(contact)
    db.session.flush()
    return contact


def _copied(actor: Actor, contact: Contact, values: Mapping[str, str | None]) -> Contact:
    """Store the same person again, with all that was proven, to be changed apart from where else it is used."""
    copy = new_contact(actor, contact.part, contact.gemeente, {name: getattr(contact, name) for name in values})
    for column in ("proposed_by", *_FACTS):
        setattr(copy, column, getattr(contact, column))
    return copy


def _free_z_number() -> str:
    while True:
        number = z_number()
        if db.session.scalar(select(Contact.id).where(Contact.z_number == number)) is None:
            return number


def _change(actor: Actor, contact: Contact, values: Mapping[str, str | None], *, forgets: bool) -> None:
    for column, value in values.items():
        setattr(contact, column, value)
    if forgets:
        # Whoever names a person or an address is its proposer, and may not vouch for it (CHECK).
        for column in _FACTS:
            setattr(contact, column, None)
        contact.proposed_by = person_of(actor)
        challenges.end_all(contact)


def send_practice_zip(actor: Actor, contact_id: UUID, dossier: UUID) -> None:
    """Mail a zip with a code to the mailbox of a key contact; its password waits on the page for 7 days.

    Raises NotFound, Refused or Conflict (no mailbox, proven already, more than 5 in an hour).
    """
    with transaction() as session:
        contact = to_prove(actor, contact_id, Via.MAIL)
        code, password = Secret(readable_code(_CODE_LENGTH)), new_password()
        challenge = challenges.new(contact, code, dossier, PRACTICE_LIVES)
        place = Place(Challenge.__tablename__, "practice_password", challenge.id)
        challenge.practice_password = settings.rings().seal("password", password.reveal().encode(), place)
        session.add(challenge)
        enqueue(messages.practice_zip(contact, challenge, build_zip(practice_text(code), password, PRACTICE_ENTRY)))
        record(events.PRACTICE_SENT, actor, contact, dossier)


def prove_mailbox(actor: Actor, contact_id: UUID, code: str, dossier: UUID) -> None:
    """Prove a mailbox by the code inside its practice zip.

    Raises NotFound, Conflict (proven already, no zip waits for a code) or Invalid with the tries that are `left`: a
    wrong code is counted and recorded all the same.
    """
    with transaction():
        contact = queries.contact_for(actor, contact_id)
        actor.require(*_PROVERS)
        if queries.proven(contact, clock.now()):
            raise Conflict("contact-already-proven")
        challenge = queries.newest_challenge(contact.id)
        if challenge is None or challenge.practice_password is None or not queries.usable(challenge):
            raise Conflict("no-code-sent")
        fits = challenges.try_code(challenge, code)
        if fits:
            _use(contact, challenge)
            record(events.MAILBOX_PROVEN, actor, contact, dossier)
        else:
            audit.record_refusal(actor, "contact:prove-mailbox", "code-wrong", dossier=dossier)
        left = MOST_TRIES - challenge.tries
    if not fits:
        raise Invalid("code-wrong", left=left)


def send_sms_code(actor: Actor, contact_id: UUID, dossier: UUID) -> None:
    """Send a code to the mobile of a password contact, good for 10 minutes. Raises NotFound or Conflict."""
    with transaction():
        _send_sms(actor, to_prove(actor, contact_id, Via.SMS), dossier)


def confirm_by_code(actor: Actor, z_number: str, code: str) -> None:
    """Prove the mobile of a password contact and take the confirmation "Ja, ik ontvang het wachtwoord", in one.

    Raises Invalid, the same for an unknown number, a wrong code and one that is used up; each way does the same work
    and writes once, so that the time of the answer tells nothing either. Raises TooOften after many tries of one
    source.
    """
    guess = guessing.attempt(guessing.Kind.Z_NUMBER, None, actor.source)
    with transaction():
        contact = _by_z_number(z_number)
        challenge = queries.newest_challenge(contact.id) if contact else None
        fits = challenges.try_code(challenge or challenges.decoy(), code)
        if not (contact and challenge and fits):
            audit.record_refusal(actor, "contact:confirm", "code-wrong")
        elif challenge.used_at is None:  # a second click on the button is no other confirmation
            _use(contact, challenge)
            contact.confirmed_at = challenge.used_at
            record(events.CONFIRMED, actor, contact, challenge.dossier)
    if not fits:
        raise Invalid("code-wrong")
    guess.right()


def request_new_code(actor: Actor, z_number: str) -> None:
    """Send a new code to a password contact who was sent one before; silently does nothing for anybody else.

    Raises TooOften after many requests of one source.
    """
    guessing.attempt(guessing.Kind.Z_NUMBER, None, actor.source)
    with transaction():
        contact = _by_z_number(z_number)
        earlier = queries.newest_challenge(contact.id) if contact else None
        asked = contact is not None and contact.via is Via.SMS and not queries.holds(contact.confirmed_at, clock.now())
        if contact and earlier and asked and not challenges.too_often(contact):
            _send_sms(actor, contact, earlier.dossier)
        else:
            audit.record_refusal(actor, "contact:send-sms", "no-new-code")


def _by_z_number(typed: str) -> Contact | None:
    wanted = normalise_z_number(typed)
    query = select(Contact).where(Contact.z_number == wanted, Contact.via == Via.SMS)
    return db.session.scalar(query.with_for_update().execution_options(populate_existing=True))


def to_prove(actor: Actor, contact_id: UUID, *vias: Via) -> Contact:
    """Return a contact who gets something in one of these ways and has still to prove it, or again, locked.

    Raises NotFound, Refused (neither aanvrager nor gemeentebeheerder) or Conflict.
    """
    contact = queries.contact_for(actor, contact_id)
    actor.require(*_PROVERS)
    if contact.via not in vias or contact.address is None:
        raise Conflict("contact-without-address")
    now = clock.now()
    if queries.proven(contact, now) and (contact.part is Part.KEY or queries.holds(contact.confirmed_at, now)):
        raise Conflict("contact-already-proven")
    if challenges.too_often(contact):
        raise Conflict("too-often")
    return contact


def _send_sms(actor: Actor, contact: Contact, dossier: UUID | None) -> None:
    code = Secret(digit_code(_CODE_LENGTH))
    challenge = challenges.new(contact, code, dossier, SMS_LIVES)
    db.session.add(challenge)
    enqueue(messages.sms_code(contact, challenge, code))
    record(events.SMS_SENT, actor, contact, dossier)


def _use(contact: Contact, challenge: Challenge) -> None:
    challenge.used_at, challenge.practice_password = clock.now(), None
    contact.verified_address, contact.verified_at = challenge.address, challenge.used_at


def person_of(actor: Actor) -> UUID:
    """Return who acts. Raises Refused when nobody is logged in."""
    if actor.person is None:
        raise Refused("role")
    return actor.person


def record(event: EventType, actor: Actor, contact: Contact, dossier: UUID | None, **fields: object) -> None:
    """Write an event about a contact."""
    values: dict[str, Any] = fields
    audit.record(event, actor, dossier=dossier, subject=contact.id, gemeente=contact.gemeente, **values)

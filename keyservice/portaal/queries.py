"""Finding people and what is registered about them: in the own gemeente only, and by the law of one's role (I9)."""

from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import ColumnElement, and_, select

from keyservice.database import db
from keyservice.kernel.actor import Actor, Role
from keyservice.kernel.errors import NotFound, Refused
from keyservice.kernel.secret import Secret
from keyservice.kernel.text import fold
from keyservice.portaal import birth, bsn
from keyservice.portaal.models import Inburgeraar, Kind, ProcessingLog, Registration
from keyservice.portaal.rules import Wet
from keyservice.sleutels.models import Sleutel

ROLE_OF: Mapping[Wet, Role] = MappingProxyType(
    {Wet.WI2013: Role.RAADPLEGEN_MUTEREN_2013, Wet.WI2021: Role.RAADPLEGEN_MUTEREN_2021}
)
ROLES = tuple(ROLE_OF.values())
MOST_FOUND = 20


def wetten_of(actor: Actor) -> frozenset[Wet]:
    """Return the laws whose people somebody may see: by role; a key sees those of its gemeente, the rules say more."""
    if actor.sleutel:
        return frozenset(Wet)
    return frozenset(wet for wet, role in ROLE_OF.items() if actor.has(role))


def require_role(actor: Actor) -> None:
    """Raise Refused for who may see nobody."""
    if not wetten_of(actor):
        raise Refused("role")


def may_see(actor: Actor) -> ColumnElement[bool]:
    """Return the condition on the people that an actor may see."""
    return and_(Inburgeraar.gemeente == actor.gemeente, Inburgeraar.wet.in_(wetten_of(actor)))


def by_bsn(actor: Actor, number: Secret) -> Inburgeraar | None:
    """Return the person with a BSN, if this actor may see him."""
    return db.session.scalar(select(Inburgeraar).where(may_see(actor), Inburgeraar.bsn_digest.in_(bsn.digests(number))))


def by_name(actor: Actor, surname: str, birth_date: str) -> Sequence[Inburgeraar]:
    """Return the people with a surname, its prefix typed or not, and a birth date, of which less may be known."""
    born = db.session.scalars(
        select(Inburgeraar).where(may_see(actor), Inburgeraar.birth_date.in_(birth.may_be(birth_date)))
    )
    wanted = fold(surname)
    found = [row for row in born if wanted in {fold(row.surname), fold(f"{row.prefix}{row.surname}")}]
    return sorted(found, key=lambda row: (row.name, row.birth_date))[:MOST_FOUND]


def person_for(actor: Actor, person_id: UUID, *, locked: bool = False) -> Inburgeraar:
    """Return a person that this actor may see. Raises NotFound, also for one of another gemeente or law."""
    query = select(Inburgeraar).where(may_see(actor), Inburgeraar.id == person_id)
    if locked:
        query = query.with_for_update().execution_options(populate_existing=True)
    found = db.session.scalar(query)
    if found is None:
        raise NotFound("inburgeraar")
    return found


def anybody(person_id: UUID) -> Inburgeraar | None:
    """Return a person of any gemeente: to log about whom somebody was denied."""
    return db.session.get(Inburgeraar, person_id)


def versions(person_id: UUID) -> Sequence[Registration]:
    """Return everything that was registered about a person, newest first."""
    query = select(Registration).where(Registration.inburgeraar_id == person_id)
    return db.session.scalars(query.order_by(Registration.number.desc())).all()


def newest(person_id: UUID) -> Registration | None:
    """Return the newest version about a person, also when it is a withdrawal."""
    query = select(Registration).where(Registration.inburgeraar_id == person_id)
    return db.session.scalar(query.order_by(Registration.number.desc()).limit(1))


def counting(version: Registration | None) -> Registration | None:
    """Return the newest version when it counts; a withdrawn registration does not."""
    return None if version is None or version.kind is Kind.WITHDRAW else version


def numbers(versions_: Iterable[Registration]) -> dict[UUID, str]:
    """Return the numbers of the keys that registered something, by id."""
    wanted = {version.by_sleutel for version in versions_ if version.by_sleutel}
    return dict(db.session.execute(select(Sleutel.id, Sleutel.number).where(Sleutel.id.in_(wanted))).all())


def by_messages(sleutel: UUID, message_keys: Iterable[str]) -> dict[str, Registration]:
    """Return what a key registered by messages with these names."""
    query = select(Registration).where(Registration.by_sleutel == sleutel, Registration.message_key.in_(message_keys))
    return {str(found.message_key): found for found in db.session.scalars(query)}


def by_digests(actor: Actor, digests: Iterable[bytes]) -> dict[bytes, Inburgeraar]:
    """Return the people with one of these digests that this actor may see, by it.

    They are locked, in one order: else two messages about the same people would wait for each other.
    """
    query = select(Inburgeraar).where(may_see(actor), Inburgeraar.bsn_digest.in_(digests)).order_by(Inburgeraar.id)
    found = db.session.scalars(query.with_for_update().execution_options(populate_existing=True))
    return {person.bsn_digest: person for person in found}


def newest_of(people: Iterable[UUID]) -> dict[UUID, Registration]:
    """Return the newest version about each of these people, by person."""
    query = select(Registration).where(Registration.inburgeraar_id.in_(people)).order_by(Registration.number)
    return {version.inburgeraar_id: version for version in db.session.scalars(query)}


def looks_at(number: Secret) -> Sequence[ProcessingLog]:
    """Return every look at the data of the person with a BSN, newest first."""
    query = select(ProcessingLog).where(ProcessingLog.data_subject_id.in_(bsn.pseudonyms(number)))
    return db.session.scalars(query.order_by(ProcessingLog.start_time.desc())).all()


def version(registration_id: UUID) -> Registration | None:
    """Return a version by its id, about anybody."""
    return db.session.get(Registration, registration_id)

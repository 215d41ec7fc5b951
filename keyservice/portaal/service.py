"""What is done with inburgeraars: find, look, register, correct, withdraw. Each look is logged (`processing`)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from keyservice import audit, settings
from keyservice.accounts import guessing
from keyservice.audit import EventType
from keyservice.database import db
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.kernel.errors import Conflict, Invalid, NotFound
from keyservice.kernel.ids import new_id
from keyservice.kernel.secret import Secret
from keyservice.kernel.text import clean
from keyservice.portaal import bsn, bsn_text, events, queries
from keyservice.portaal.models import Inburgeraar, Kind, Registration
from keyservice.portaal.processing import Activity, Look, processing
from keyservice.portaal.rules import Channel, Facts, Fault, Frame, faults
from keyservice.portaal.versions import mac_of

_EVENTS: dict[Kind, EventType] = {
    Kind.REGISTER: events.REGISTERED,
    Kind.CORRECT: events.CORRECTED,
    Kind.WITHDRAW: events.WITHDRAWN,
}


def find_by_bsn(actor: Actor, number: Secret) -> Inburgeraar | None:
    """Return the person with a BSN in the own gemeente, under a law of one's role.

    Raises Refused, or TooOften for who finds nobody many times: numbers are not there to be tried.
    """
    guess = _guess(actor)
    with processing(actor, Activity.SEARCH) as look:
        look.at_bsn(number)
        queries.require_role(actor)
        found = queries.by_bsn(actor, number)
    if found:
        guess.right()
    return found


def find_by_name(actor: Actor, surname: str, birth_date: str) -> Sequence[Inburgeraar]:
    """Return who has a surname and a birth date, in the own gemeente. Raises Refused, TooOften."""
    guess = _guess(actor)
    with processing(actor, Activity.SEARCH) as look:
        queries.require_role(actor)
        found = queries.by_name(actor, surname, birth_date)
        for person in found:
            look.at(person)
    if found:
        guess.right()
    return found


def _guess(actor: Actor) -> guessing.Guess:
    return guessing.attempt(guessing.Kind.SEARCH, None, str(actor.person))


@dataclass(frozen=True)
class Card:
    """A person as a page shows him: `bsn` is masked, `versions` are newest first."""

    person: Inburgeraar
    versions: Sequence[Registration]
    bsn: str

    @property
    def current(self) -> Registration | None:
        """Return the version that counts, if any."""
        return queries.counting(next(iter(self.versions), None))

    @property
    def seen(self) -> int:
        """Return the number of the newest version, 0 for none."""
        return next((version.number for version in self.versions), 0)


def view(actor: Actor, person_id: UUID) -> Card:
    """Return a person and all that is registered. Raises NotFound, Refused."""
    with processing(actor, Activity.VIEW) as look:
        person = person_looked_at(actor, person_id, look)
        return Card(person, queries.versions(person_id), bsn.masked(bsn.unseal(person.bsn, person_id)))


def show_bsn(actor: Actor, person_id: UUID) -> Secret:
    """Return somebody's BSN, for who must type it elsewhere. Raises NotFound, Refused."""
    with processing(actor, Activity.SHOW_BSN) as look:
        person = person_looked_at(actor, person_id, look)
        look.event = audit.record(events.BSN_SHOWN, actor, subject=person_id)
        return bsn.unseal(person.bsn, person_id)


def register(
    actor: Actor,
    person_id: UUID,
    facts: Facts,
    *,
    seen: int,
) -> UUID:
    """Register whether somebody signed; return the id of the version.

    `seen` is the number of the newest version that the page showed, 0 for none. After a refusal it may be registered
    again: both are kept, the newest counts. Whoever sends the same twice did it once.

    Raises Refused, NotFound, Invalid (with `faults`), or Conflict: somebody was faster, or it is signed already.
    """
    with processing(actor, Activity.REGISTER) as look:
        person = person_looked_at(actor, person_id, look, locked=True)
        if done := _done_before(actor, _after(person_id, seen), Kind.REGISTER, facts):
            return done
        version = registered(actor, person, _newest(person_id, seen), facts)
        return _keep(actor, version, look)


def registered(
    actor: Actor,
    person: Inburgeraar,
    newest: Registration | None,
    facts: Facts,
    *,
    message_key: str | None = None,
) -> Registration:
    """Return the version that registers something about a person, not stored yet; its MAC and event still lack.

    Raises Invalid (with `faults`), or Conflict: it is signed already.
    """
    require_unsigned(queries.counting(newest))
    facts = _judged(person, facts, Channel.MACHINE if actor.sleutel else Channel.WEB)
    return _version(actor, person, newest, Kind.REGISTER, facts, message_key=message_key)


def registration(actor: Actor, registration_id: UUID) -> tuple[Registration, bool]:
    """Return a version about a person of the own gemeente, and whether it counts. Raises NotFound, Refused."""
    with processing(actor, Activity.VIEW) as look:
        found = queries.version(registration_id)
        if found is None:
            raise NotFound("registration")
        person_looked_at(actor, found.inburgeraar_id, look)
        return found, queries.counting(queries.newest(found.inburgeraar_id)) is found


def correct(actor: Actor, person_id: UUID, facts: Facts, reason: str, *, seen: int) -> UUID:
    """Correct what is registered, with the reason; the earlier version is kept. Return the id of the new one.

    Raises Refused, NotFound, Invalid (with `faults`), or Conflict: somebody was faster, or nothing is registered.
    """
    with processing(actor, Activity.CORRECT) as look:
        person = person_looked_at(actor, person_id, look, locked=True)
        if done := _done_before(actor, _after(person_id, seen), Kind.CORRECT, facts, reason):
            return done
        current = require_registered(queries.counting(newest := _newest(person_id, seen)))
        found = _reason_faults(reason)
        if facts == current.facts:
            found.append(Fault("ondertekend", "niets-veranderd", "Verander iets, of ga terug"))
        facts = _judged(person, facts, Channel.WEB, found)
        version = _version(actor, person, newest, Kind.CORRECT, facts, correction=clean(reason, lines=True))
        return _keep(actor, version, look)


def withdraw(actor: Actor, person_id: UUID, reason: str, *, seen: int) -> UUID:
    """Take back what is registered, with the reason: from then on nothing is. Return the id of the version.

    Raises Refused, NotFound, Invalid (with `faults`), or Conflict: somebody was faster, or nothing is registered.
    """
    with processing(actor, Activity.WITHDRAW) as look:
        person = person_looked_at(actor, person_id, look, locked=True)
        if done := _done_before(actor, _after(person_id, seen), Kind.WITHDRAW, Facts(), reason):
            return done
        require_registered(queries.counting(newest := _newest(person_id, seen)))
        if found := _reason_faults(reason):
            raise Invalid("registration-faulty", faults=found)
        version = _version(actor, person, newest, Kind.WITHDRAW, Facts(), correction=clean(reason, lines=True))
        return _keep(actor, version, look)


def require_unsigned(current: Registration | None) -> None:
    """Let something be registered beside what counts now. Raises Conflict."""
    if current is not None and current.ondertekend:
        raise Conflict("already-signed")


def require_registered(current: Registration | None) -> Registration:
    """Return what counts now, for who corrects or withdraws it. Raises Conflict."""
    if current is None:
        raise Conflict("nothing-registered")
    return current


def person_looked_at(actor: Actor, person_id: UUID, look: Look, *, locked: bool = False) -> Inburgeraar:
    """Return a person, noted in the look: also one that this actor may not see. Raises NotFound, Refused."""
    queries.require_role(actor)
    try:
        person = queries.person_for(actor, person_id, locked=locked)
    except NotFound:
        if denied := queries.anybody(person_id):
            look.at(denied)
        raise
    look.at(person)
    return person


def _newest(person_id: UUID, seen: int) -> Registration | None:
    newest = queries.newest(person_id)
    if seen != (newest.number if newest else 0):
        raise Conflict("registered-meanwhile")
    return newest


def _after(person_id: UUID, seen: int) -> Registration | None:
    """Return the newest version if it came right after the one that the page showed."""
    newest = queries.newest(person_id)
    return newest if newest and newest.number == seen + 1 else None


def _done_before(
    actor: Actor, version: Registration | None, kind: Kind, facts: Facts, correction: str = ""
) -> UUID | None:
    """Return a version if it is what this person sends now: a button pressed twice."""
    if version is None or (version.kind, version.by_person) != (kind, actor.person):
        return None
    same = (version.facts, version.correction or "") == (_cleaned(facts), clean(correction, lines=True))
    return version.id if same else None


def _cleaned(facts: Facts) -> Facts:
    """Return the facts as they are stored."""
    text = clean(facts.toelichting, lines=True) if facts.toelichting else None
    return replace(facts, toelichting=text or None)


def _judged(person: Inburgeraar, facts: Facts, channel: Channel, found: Sequence[Fault] = ()) -> Facts:
    """Return the facts as they are stored. Raises Invalid with all faults."""
    facts = _cleaned(facts)
    if every := [*faults(person.wet, facts, frame(channel)), *found]:
        raise Invalid("registration-faulty", faults=every)
    return facts


def frame(channel: Channel) -> Frame:
    """Return within what a registration is judged now."""
    rules = settings.current().portaal
    return Frame(channel, clock.local_date(clock.now()), rules.reasons, rules.openings)


def _reason_faults(reason: str) -> list[Fault]:
    if not clean(reason, lines=True):
        return [Fault("correction", "verbetering-zonder-reden", "Leg uit waarom u dit verandert")]
    if bsn_text.stands_in(reason):
        return [Fault("correction", "bsn-in-reden", "Haal het BSN uit de uitleg")]
    return []


def _version(
    actor: Actor,
    person: Inburgeraar,
    newest: Registration | None,
    kind: Kind,
    facts: Facts,
    *,
    message_key: str | None = None,
    correction: str | None = None,
) -> Registration:
    return Registration(
        id=new_id(),
        inburgeraar_id=person.id,
        number=newest.number + 1 if newest else 1,
        kind=kind,
        gemeente=person.gemeente,
        at=clock.now(),
        by_person=actor.person,
        by_sleutel=actor.sleutel,
        message_key=message_key,
        correction=correction,
        **vars(facts),
    )


def _keep(actor: Actor, version: Registration, look: Look) -> UUID:
    """Store a version with its event."""
    private: dict[str, Any] = {} if version.kind is Kind.REGISTER else {"reason": version.correction}
    version.event = look.event = audit.record(
        _EVENTS[version.kind],
        actor,
        subject=version.inburgeraar_id,
        registration=version.id,
        number=version.number,
        sleutel=version.by_sleutel,
        **private,
    )
    version.mac = mac_of(version)
    db.session.add(version)
    db.session.flush()
    return version.id

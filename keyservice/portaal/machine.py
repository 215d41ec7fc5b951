"""What a machine registers by a key: up to 1,000 people in one message, of whom each has a result of his own.

All of it is one transaction with a few statements, however many people. A message that comes again, because the
connection broke, is not done again: it gets the answer of the first time.
"""

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass
from datetime import timedelta
from uuid import UUID

from sqlalchemy import delete

from keyservice import audit
from keyservice.database import claim, db, execute_count, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.kernel.errors import Conflict, Invalid, NotFound, UseCaseError
from keyservice.kernel.secret import Secret
from keyservice.portaal import bsn, queries
from keyservice.portaal.events import REGISTERED
from keyservice.portaal.models import Inburgeraar, MachineMessage, Registration
from keyservice.portaal.processing import Activity, Look, Subject, ended, processing
from keyservice.portaal.rules import Facts
from keyservice.portaal.service import registered
from keyservice.portaal.versions import mac_of

KEEP_ANSWERS = timedelta(days=7)
"""After it the same message is judged anew; what it registered is still found by its name, and not doubled."""


@dataclass(frozen=True)
class Item:
    """What a message says of one person; `bsn` is None when what was sent cannot be one."""

    bsn: Secret | None
    facts: Facts


Result = UUID | UseCaseError
"""The id of what was registered, or why it was not: NotFound, Invalid (with `faults`, or of the BSN), or Conflict."""


def register(actor: Actor, name: UUID, items: Sequence[Item], tell: Callable[[Sequence[Result]], str]) -> str:
    """Register what a message holds, and return the answer that `tell` makes of the results, in the order of `items`.

    `name` is what the machine calls its message. Raises Conflict: the first one with this name is still at work
    (`nog-bezig`), or it held something else (`kenmerk-hergebruikt`).
    """
    with processing(actor, Activity.REGISTER) as look:
        sleutel = _key(actor)
        if not claim(f"message {sleutel} {name}"):
            raise Conflict("nog-bezig")
        macs = bsn.macs_of_message((item.bsn, [str(fact) for fact in astuple(item.facts)]) for item in items)
        earlier = db.session.get(MachineMessage, (sleutel, name))
        if earlier is None:
            answer = tell(_Work(actor, name, items, look).done())
            db.session.add(MachineMessage(sleutel_id=sleutel, name=name, at=clock.now(), mac=macs[0], answer=answer))
            return answer
        if earlier.mac not in macs:
            raise Conflict("kenmerk-hergebruikt")
        return earlier.answer


def find(actor: Actor, number: Secret) -> tuple[Inburgeraar, Registration | None] | None:
    """Return the person of the own gemeente with a BSN, and what is registered and counts."""
    with processing(actor, Activity.SEARCH) as look:
        look.at_bsn(number)
        person = queries.by_bsn(actor, number)
        return (person, queries.counting(queries.newest(person.id))) if person else None


def _key(actor: Actor) -> UUID:
    if actor.sleutel is None:
        raise TypeError("a machine acts by a key")
    return actor.sleutel


class _Work:
    """A message in hand: all that it is judged by is read at once, and all that it gives is stored at once."""

    def __init__(self, actor: Actor, name: UUID, items: Sequence[Item], look: Look) -> None:
        self.actor, self.name, self.items, self.look = actor, name, items, look
        digests = [digest for item in items if item.bsn for digest in bsn.digests(item.bsn)]
        self.people = queries.by_digests(actor, digests)
        self.newest = queries.newest_of([person.id for person in self.people.values()])
        self.earlier = queries.by_messages(_key(actor), [self._key_of(place) for place in range(len(items))])
        self.made: list[tuple[Registration, Subject]] = []

    def done(self) -> list[Result]:
        """Register, and return the result of each."""
        results = [self._result(place, item) for place, item in enumerate(self.items)]
        self._keep()
        return results

    def _key_of(self, place: int) -> str:
        return f"{self.name}/{place}"

    def _result(self, place: int, item: Item) -> Result:
        if item.bsn is None:
            return Invalid("bsn-ongeldig")
        subject = self.look.at_bsn(item.bsn)
        try:
            return self._registered(self._key_of(place), item, item.bsn, subject)
        except UseCaseError as error:
            subject.status = ended(error)
            return error

    def _registered(self, key: str, item: Item, number: Secret, subject: Subject) -> UUID:
        person = next((found for digest in bsn.digests(number) if (found := self.people.get(digest))), None)
        if person is None:
            raise NotFound("inburgeraar-onbekend")
        if earlier := self.earlier.get(key):
            if (earlier.inburgeraar_id, earlier.facts) != (person.id, item.facts):
                raise Conflict("kenmerk-hergebruikt")
            return earlier.id
        version = registered(self.actor, person, self.newest.get(person.id), item.facts, message_key=key)
        self.newest[person.id] = version
        self.made.append((version, subject))
        return version.id

    def _keep(self) -> None:
        """Store what was registered, each with its event."""
        said = [
            (v.inburgeraar_id, {"registration": v.id, "number": v.number, "sleutel": v.by_sleutel})
            for v, _ in self.made
        ]
        for (version, subject), event in zip(self.made, audit.record_each(REGISTERED, self.actor, said), strict=True):
            version.event = subject.event = event
            version.mac = mac_of(version)
            db.session.add(version)


def forget_answers() -> None:
    """Delete the answers of long ago (a timer of the worker)."""
    with transaction():
        execute_count(delete(MachineMessage).where(MachineMessage.at < clock.now() - KEEP_ANSWERS))

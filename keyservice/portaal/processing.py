"""The processing log: each look at somebody's data, with the fields of Logboek Dataverwerkingen. Also a denied one.

It stands apart from the audit trail, and names the event of the same act. It tells a person who looked at his data,
which the trail does not: there nobody is found by his BSN.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from sqlalchemy import insert

from keyservice.database import db, table_of, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.kernel.errors import NotFound, Refused
from keyservice.kernel.ids import new_id
from keyservice.kernel.secret import Secret
from keyservice.kernel.trace import new_span
from keyservice.portaal import bsn
from keyservice.portaal.models import Inburgeraar, LookStatus, ProcessingLog

_INSERT = insert(table_of(ProcessingLog))


class Activity(StrEnum):
    """What is done with somebody's data; stands in the register of processing activities (AVG art. 30)."""

    SEARCH = "portaal-zoeken"
    LIST = "portaal-overzicht"
    VIEW = "portaal-inzien"
    SHOW_BSN = "portaal-bsn-tonen"
    REGISTER = "portaal-vastleggen"
    CORRECT = "portaal-verbeteren"
    WITHDRAW = "portaal-intrekken"
    LOAD = "portaal-inlezen"
    EXPORT = "portaal-verstrekken"


@dataclass
class Subject:
    """Somebody whom a look is about; `status` and `event` are those of the whole look unless he has his own."""

    pseudonym: bytes | None
    status: LookStatus | None = None
    event: UUID | None = None


@dataclass
class Look:
    """What becomes known during a look: whom it is about, and its event in the audit trail."""

    subjects: list[Subject] = field(default_factory=list)
    event: UUID | None = None

    def at_bsn(self, number: Secret) -> Subject:
        """Note that the look is about the person with a BSN, whether there is one or not."""
        self.subjects.append(Subject(bsn.pseudonym(number)))
        return self.subjects[-1]

    def at(self, person: Inburgeraar) -> None:
        """Note that the look is about a person."""
        self.at_bsn(bsn.unseal(person.bsn, person.id))


def ended(error: Exception) -> LookStatus:
    """Return how a look ended that this error ended: denied, or failed."""
    return LookStatus.UNSET if isinstance(error, NotFound | Refused) else LookStatus.ERROR


@contextmanager
def processing(actor: Actor, activity: Activity) -> Iterator[Look]:
    """Open the transaction of a use case that looks at somebody's data; the look is logged in it.

    When it ends with an error, nothing of it stays but the look: denied (NotFound, Refused), or failed. Without its log
    there is no look.
    """
    look, begun = Look(), clock.now()
    status = LookStatus.ERROR
    span = new_span(actor.trace)

    def write() -> None:
        common: dict[str, object] = {
            "trace_id": span.trace_id,
            "span_id": span.span_id,
            "parent_span_id": span.parent_id,
            "name": activity.value,
            "start_time": begun,
            "end_time": clock.now(),
            "processing_activity_id": f"urn:sleuteluitgifte:verwerking:{activity}",
            "data_subject_id_type": "BSN",
            "person": actor.person,
            "sleutel": actor.sleutel,
            "gemeente": actor.gemeente,
            "origin": actor.origin,
        }
        stays = status is LookStatus.OK  # else nothing of it does, for nobody
        rows = [
            common
            | {
                "id": new_id(),
                "data_subject_id": subject.pseudonym,
                "status": (stays and subject.status) or status,
                "event": (subject.event or look.event) if stays else None,
            }
            for subject in look.subjects or [Subject(None)]
        ]
        db.session.execute(_INSERT, rows)

    try:
        with transaction():
            yield look
            status = LookStatus.OK
            write()
    except Exception as error:
        status = ended(error)
        with transaction():
            write()
        raise

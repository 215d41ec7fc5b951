"""What time does to an aanvraag: it tells and reminds relatiebeheerders, ends what waits too long, and notices changes.

The worker calls each of `TIMERS` every tick. Each row has its own transaction; a failure with one is logged and leaves
the others alone. A repeat does nothing: the state or the count of reminders has moved on.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from types import MappingProxyType
from uuid import UUID

from sqlalchemy import ColumnElement, or_, select

from keyservice import audit
from keyservice.aanvragen import events, queries, review, review_messages, service
from keyservice.aanvragen.content import content_hash
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import DRAFT_DAYS, LAPSE_DAYS, REMIND_WORKING_DAYS, Status
from keyservice.accounts.models import Account
from keyservice.accounts.queries import holders, responsible
from keyservice.database import db, one_by_one, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER, Role
from keyservice.outbox.service import enqueue

# After how many working days relatiebeheerders hear of an aanvraag that stands where it stands. `reminders` counts
# how many of these moments have passed; a new state starts at 0 again.
MOMENTS: Mapping[Status, tuple[int, ...]] = MappingProxyType(
    {
        Status.SUBMITTED: (0, *REMIND_WORKING_DAYS),
        Status.IN_REVIEW: REMIND_WORKING_DAYS,
        Status.APPROVED: REMIND_WORKING_DAYS,
    }
)


def remind() -> None:
    """Tell relatiebeheerders of new aanvragen at once, and of waiting and unissued ones after 2 and 5 working days."""
    few = ((Aanvraag.status == status) & (Aanvraag.reminders < len(days)) for status, days in MOMENTS.items())
    _each(or_(*few), lambda aanvraag: _passed(aanvraag) > aanvraag.reminders, _remind)


def return_changed() -> None:
    """Send approved aanvragen back to review when what was approved is no longer what stands there."""
    _each(Aanvraag.status == Status.APPROVED, _changed, lambda aanvraag: review.return_to_review(aanvraag.id))


def lapse() -> None:
    """End what nobody moved for 60 days, or for 30 days after approval."""
    _each(or_(*(_older(status, days) for status, days in LAPSE_DAYS.items())), _always, review.lapse)


def discard_drafts() -> None:
    """Delete drafts that were started more than 30 days ago."""
    _each(_older(Status.DRAFT, DRAFT_DAYS), _always, lambda aanvraag: service.discard_stale(aanvraag.id))


TIMERS: tuple[Callable[[], object], ...] = (remind, return_changed, lapse, discard_drafts)


def _each(where: ColumnElement[bool], due: Callable[[Aanvraag], bool], act: Callable[[Aanvraag], None]) -> None:
    """Act on each row that is due, after looking again inside its own transaction."""
    # Looking first keeps rows that need nothing from taking the one writer's place that SQLite has.
    found = [aanvraag.id for aanvraag in db.session.scalars(select(Aanvraag).where(where)) if due(aanvraag)]

    def again(aanvraag_id: UUID) -> None:
        with transaction() as session:
            row = session.scalar(select(Aanvraag).where(Aanvraag.id == aanvraag_id, where).with_for_update())
            if row is not None and due(row):
                act(row)

    one_by_one(found, again)


def _always(_aanvraag: Aanvraag) -> bool:
    return True


def _older(status: Status, days: int) -> ColumnElement[bool]:
    return (Aanvraag.status == status) & (Aanvraag.status_since < clock.now() - timedelta(days=days))


def _passed(aanvraag: Aanvraag) -> int:
    """Return how many moments of telling have passed in this state."""
    return clock.reminders_passed(aanvraag.status_since, MOMENTS[aanvraag.status])


def _remind(aanvraag: Aanvraag) -> None:
    passed, status = _passed(aanvraag), aanvraag.status
    new = status is Status.SUBMITTED and passed == 1
    # A released aanvraag is not new again: the key of its first mail holds the moment of submission.
    since = aanvraag.submitted_at if new else aanvraag.status_since
    key = f"aanvraag-remind:{aanvraag.id}:{status}:{since:%Y%m%dT%H%M%S.%f}:{passed}"
    kind = _kind(status, new=new)
    for reader in _readers(aanvraag, new=new):
        enqueue(review_messages.to_reviewer(kind, key, aanvraag, reader))
    if not new:
        audit.record(events.REMINDED, WORKER, dossier=aanvraag.id, gemeente=aanvraag.gemeente, reminder=passed)
    aanvraag.reminders = passed


def _kind(status: Status, *, new: bool) -> str:
    if status is Status.APPROVED:
        return "aanvraag-unissued"
    return "aanvraag-new" if new else "aanvraag-reminder"


def _readers(aanvraag: Aanvraag, *, new: bool) -> Sequence[Account]:
    """Return who hears of it: of a new one those of the portfolio, if any; of what waits all."""
    return responsible(aanvraag.gemeente) if new else holders(Role.RELATIEBEHEERDER)


def _changed(aanvraag: Aanvraag) -> bool:
    approval = queries.valid_approval(aanvraag.id)
    return approval is not None and content_hash(queries.current_content(aanvraag)) != approval.content_hash

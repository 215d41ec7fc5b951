"""What time does to a delivery: it reminds who must act, and after 30 days it ends what nobody finished.

The worker calls each of `TIMERS` every tick. Each row has its own transaction; a failure with one is logged and leaves
the others alone. A repeat does nothing: the count of reminders or the end has moved on.
"""

from collections.abc import Callable, Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import ColumnElement, select, update

from keyservice import audit
from keyservice.aanvragen.workflow import REMIND_WORKING_DAYS
from keyservice.accounts.queries import holders
from keyservice.database import db, execute_count, one_by_one, transaction
from keyservice.issuance import events, key_timers, messages, overlap, service, steps, succession, wave_timers
from keyservice.issuance.messages import Reminder
from keyservice.issuance.models import Issuance
from keyservice.issuance.queries import AT_DUO, letters_at_duo
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER, Role
from keyservice.outbox.models import Letter
from keyservice.outbox.service import enqueue

REMIND_DAYS = (3, 7, 14, 21, 28)  # calendar days after the issue, or the next working day


def lapse() -> None:
    """End the deliveries whose 30 days are over."""
    one_by_one(_ids(Issuance.deadline <= clock.now()), service.lapse)


def remind() -> None:
    """Remind key contacts who have not reported the zip, or whose key is not activated."""
    few = Issuance.reminders < len(REMIND_DAYS)
    due = [row for row in _underway(few, Issuance.deadline > clock.now()) if _passed(row) > row.reminders]
    one_by_one([row.id for row in due], _remind)


def remind_letters() -> None:
    """Mail all relatiebeheerders of letters that wait 2 and 5 working days to be printed, or to be posted."""
    few = Letter.reminders < len(REMIND_WORKING_DAYS)
    one_by_one([row.id for row in letters_at_duo(few) if _waited(row) > row.reminders], _remind_letter)


TIMERS: tuple[Callable[[], object], ...] = (
    lapse,
    remind,
    remind_letters,
    *wave_timers.TIMERS,
    *overlap.TIMERS,
    *key_timers.TIMERS,
    *succession.TIMERS,
)


def _underway(*where: ColumnElement[bool]) -> Sequence[Issuance]:
    return db.session.scalars(select(Issuance).where(Issuance.ended_at.is_(None), *where)).all()


def _ids(*where: ColumnElement[bool]) -> list[UUID]:
    return [row.id for row in _underway(*where)]


def _passed(issuance: Issuance) -> int:
    """Return how many moments of reminding have passed."""
    today, issued = clock.local_date(clock.now()), clock.local_date(issuance.issued_at)
    return sum(clock.working_day_on_or_after(issued + timedelta(days=day)) <= today for day in REMIND_DAYS)


def _due(issuance: Issuance) -> Reminder:
    """Return what an issuance waits for."""
    if issuance.password_sent_at is not None:
        return Reminder.ACTIVATION
    return Reminder.PASSWORD if issuance.handed_over else Reminder.RECEIPT


def _remind(issuance_id: UUID) -> None:
    with transaction() as session:
        issuance = session.get_one(Issuance, issuance_id, populate_existing=True)
        seen, passed = issuance.reminders, _passed(issuance)
        where = (Issuance.id == issuance_id, Issuance.reminders == seen, Issuance.ended_at.is_(None))
        if passed <= seen or not execute_count(update(Issuance).where(*where).values(reminders=passed)):
            return
        # After a pause of the worker one mail is enough: that of the last moment that passed.
        day = REMIND_DAYS[passed - 1]
        enqueue(messages.reminder(_due(issuance), issuance, day))
        steps.record(events.REMINDED, WORKER, issuance, day=day)


def _waited(letter: Letter) -> int:
    """Return how many moments of reminding of a letter have passed."""
    return clock.reminders_passed(letter.status_since, REMIND_WORKING_DAYS)


def _remind_letter(letter_id: UUID) -> None:
    with transaction() as session:
        letter = session.get_one(Letter, letter_id, populate_existing=True)
        # The delivery first, as every act on it does.
        issuance = session.get_one(Issuance, letter.subject, with_for_update=True, populate_existing=True)
        session.refresh(letter, with_for_update=True)
        passed = _waited(letter)
        if issuance.ended_at is not None or letter.status not in AT_DUO or passed <= letter.reminders:
            return
        letter.reminders = passed
        for reader in holders(Role.RELATIEBEHEERDER):
            enqueue(messages.letter_waits(letter, issuance, reader, passed))
        audit.record(
            events.LETTER_REMINDED,
            WORKER,
            dossier=issuance.aanvraag_id,
            subject=letter_id,
            gemeente=issuance.aanvraag.gemeente,
            reminder=passed,
        )

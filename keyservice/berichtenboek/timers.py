"""What time does to copies: a new version is told, relatiebeheerders are reminded, and what nobody uses ends.

The worker calls each of `TIMERS` every tick. Each row has its own transaction, in which it is looked at again: two
workers, or a repeat after a crash, tell nobody twice.
"""

from collections.abc import Callable

from keyservice.aanvragen.workflow import REMIND_WORKING_DAYS
from keyservice.berichtenboek import queries, service
from keyservice.berichtenboek.editions import CURRENT
from keyservice.database import one_by_one
from keyservice.kernel import clock


def announce() -> None:
    """Tell every holder of the newest version who was told of an older one."""
    one_by_one(queries.to_announce(CURRENT.number), service.announce)


def remind() -> None:
    """Remind the relatiebeheerders after 2 and 5 working days of who waits."""
    due = {
        copy_id: passed
        for copy_id, since, reminders in queries.asked(len(REMIND_WORKING_DAYS))
        if (passed := clock.reminders_passed(since, REMIND_WORKING_DAYS)) > reminders
    }
    one_by_one(due, lambda copy_id: service.remind(copy_id, due[copy_id]))


def lapse() -> None:
    """End what waits for 60 days, and what no link opens for a year."""
    one_by_one(queries.to_lapse(), service.lapse)


TIMERS: tuple[Callable[[], object], ...] = (announce, remind, lapse)

"""What the auditor's search shows, as a table for a spreadsheet. Taking it out of the house is an event itself."""

from collections.abc import Iterator
from dataclasses import asdict

from keyservice import audit
from keyservice.audit.events import SEARCH_EXPORTED
from keyservice.audit.queries import EventView, Wanted, count_some, newest_row
from keyservice.database import db, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.overview.auditor import Found, found
from keyservice.overview.event_words import for_whom, on_what, through
from keyservice.overview.words import RESULT, facts, who
from keyservice.web.dates import getal

# More rows than this no spreadsheet handles well; who needs them takes shorter periods.
MOST = 50_000
_AT_ONCE = 500
HEADINGS = (
    *("Tijd in Nederland", "Tijd in UTC", "Gebeurtenis", "Code", "Resultaat", "Wie", "Account", "Gemeente", "Op wat"),
    *("Dossier", "Nummer in het dossier", "Onderwerp", "Herkomst", "Gegevens", "Id van de gebeurtenis"),
)


def take(actor: Actor, wanted: Wanted) -> Iterator[list[str]]:
    """Record that an auditor takes what a search finds, and return its rows; a last row says so when there are more.

    The rows are read page by page while they are sent: no transaction waits for a slow reader. What happens meanwhile,
    this event included, is not among them. Raises Refused.
    """
    actor.require(Role.AUDITOR)
    told = [f"{name}={value}" for name, value in asdict(wanted).items() if value is not None]
    with transaction():
        newest = newest_row()
        count = count_some(wanted, MOST + 1, newest)
        audit.record(SEARCH_EXPORTED, actor, filter=told, count=min(count, MOST), cut=count > MOST)
    return _rows(wanted, newest)


def _rows(wanted: Wanted, newest: int) -> Iterator[list[str]]:
    before, sent = None, 0
    while sent < MOST:
        # A page of a form is a writer on SQLite, and would keep all others waiting.
        db.session.connection(execution_options={"sqlite_begin": "DEFERRED"})
        page = found(wanted, before, min(_AT_ONCE, MOST - sent), newest)
        db.session.rollback()
        yield from (_row(event, page) for event in page.events)
        before, sent = page.next, sent + len(page.events)
        if before is None:
            return
    yield [f"Dit is niet alles: in een bestand passen {getal(MOST)} gebeurtenissen. Kies een kortere periode."]


def _row(event: EventView, page: Found) -> list[str]:
    values = "; ".join(f"{name}: {value}" for name, value, _is_code in facts(event))
    return [
        f"{clock.local(event.at):%Y-%m-%d %H:%M:%S}",
        f"{event.at:%Y-%m-%d %H:%M:%S.%f}",
        event.sentence,
        event.code,
        RESULT[event.result][0],
        who(event, page.names),
        str(event.person or ""),
        for_whom(event, page.gemeenten),
        on_what(event, page.numbers, page.names),
        str(event.dossier or ""),
        str(event.number or ""),
        str(event.subject or ""),
        through(event),
        values,
        str(event.id),
    ]

"""The page of messages: those that wait for a person, with what can be done, and those that are tried again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from keyservice.kernel import clock
from keyservice.kernel.errors import NotFound
from keyservice.outbox.models import Delivery, OutboxMessage
from keyservice.outbox.queries import Cursor, count_retrying, counts, failed, retrying
from keyservice.outbox.service import can_be_read
from keyservice.overview import queries
from keyservice.overview.causes import cause
from keyservice.overview.keyset import YEARS
from keyservice.overview.remedies import RECENT, Remedy, for_duo

PAGE = 25


@dataclass(frozen=True)
class Post:
    """A message that failed; `issuance` is the newest of its aanvraag, for the buttons of the remedy."""

    message: OutboxMessage
    cause: str
    remedy: Remedy
    issuance: UUID | None
    may_retry: bool


@dataclass(frozen=True)
class Posts:
    """What the page shows; `after` is where the next page of failed messages begins."""

    counts: Mapping[Delivery, int]
    failed: Sequence[Post]
    retrying: Sequence[tuple[OutboxMessage, str]]
    retrying_count: int
    numbers: Mapping[UUID, str]
    after: str | None


def read(person: UUID, after: str | None) -> Posts:
    """Return the page of a relatiebeheerder. Raises NotFound for a cursor that is none."""
    found = failed(clock.now() - RECENT, _cursor(after), PAGE + 1)
    shown, waiting = found[:PAGE], [] if after else retrying(PAGE)
    issuances = queries.newest_issuances(message.dossier for message in shown if message.dossier)
    posts = []
    for message in shown:
        issuance = issuances.get(message.dossier) if message.dossier else None
        posts.append(
            Post(
                message,
                cause(message),
                for_duo(message, issuance, person),
                issuance.id if issuance else None,
                message.status is Delivery.DEAD and can_be_read(message),
            )
        )
    last = shown[-1] if len(found) > PAGE else None
    return Posts(
        counts(),
        posts,
        [(message, cause(message)) for message in waiting],
        count_retrying(),
        queries.numbers(message.dossier for message in (*shown, *waiting)),
        f"{last.created_at.isoformat()}_{last.id}" if last else None,
    )


def _cursor(text: str | None) -> Cursor | None:
    if text is None:
        return None
    moment, _, row_id = text.partition("_")
    try:
        at, last = datetime.fromisoformat(moment), UUID(row_id)
    except ValueError as error:
        raise NotFound("page") from error
    if at.tzinfo is None or at.year not in YEARS:
        raise NotFound("page")
    return at, last

"""The worker's half of the queue: claim with a lease, make the final bytes once, send, mark (`design.md` 6).

A crash between sending and marking repeats the message byte for byte with the same Message-ID; nothing is lost. No
transaction is open while a server is talked to.
"""

import random
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import timedelta
from itertools import groupby
from operator import attrgetter
from types import MappingProxyType
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import bindparam, or_, select, update

from keyservice import audit, settings
from keyservice.audit.sealer import TrailBroken, seal
from keyservice.database import db, exclusive, execute_count, table_of, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER
from keyservice.kernel.ids import new_id
from keyservice.kernel.seal import Place, SealBroken
from keyservice.outbox import events
from keyservice.outbox.channels.base import ConnectionLost, PermanentFailure, Provider, Sender, TemporaryFailure
from keyservice.outbox.channels.letter import LetterProvider
from keyservice.outbox.channels.mail import MailProvider
from keyservice.outbox.channels.sms import SmsChannel
from keyservice.outbox.message import decode
from keyservice.outbox.models import Channel, Delivery, OutboxMessage
from keyservice.outbox.service import RING, TABLE

log = structlog.get_logger()
BATCH = 50
LEASE = timedelta(minutes=5)
SKEW = timedelta(minutes=1)  # by which the clocks of two machines may differ
# After 1, 2, 4 … minutes, at most 8 hours apart: the last attempt is 96 hours after the first. Attempts are counted and
# not hours, so that days on which no worker ran, or a retry by a person, cost a message nothing.
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=8)
MOST_ATTEMPTS = 21
# A message on which the server hangs up may cost a batch its connection this often.
MOST_CONNECTIONS = 3
PROVIDERS: Mapping[Channel, Callable[[], Provider]] = MappingProxyType(
    {Channel.MAIL: MailProvider, Channel.SMS: SmsChannel, Channel.LETTER: LetterProvider}
)
_OURS = update(table_of(OutboxMessage)).where(
    OutboxMessage.id == bindparam("row"),
    OutboxMessage.owner == bindparam("us"),
    OutboxMessage.status == Delivery.SENDING,
)


def provider(channel: Channel) -> Provider:
    """Return the provider of a channel."""
    return PROVIDERS[channel]()


def _always() -> bool:
    return True


def deliver_due(limit: int = BATCH, go_on: Callable[[], bool] = _always) -> int:
    """Send what is due and return how many messages were claimed.

    `go_on` is asked before each message; when it says no, those that were not tried are given back.
    """
    owner = new_id()
    rows = sorted(claim(owner, limit), key=attrgetter("channel"))
    try:
        control_line = _control_line(rows)
    except TrailBroken as broken:
        # A message that tells of an act must carry proof of it; until people have looked, none is written.
        log.error("audit trail broken", cause=str(broken))  # noqa: TRY400 - the cause says it all
        for row in rows:
            _postpone(row, "audit trail broken")
        return len(rows)
    for channel, batch in groupby(rows, key=attrgetter("channel")):
        _send_batch(channel, list(batch), control_line, go_on)
    return len(rows)


def _control_line(rows: Sequence[OutboxMessage]) -> str:
    """Return the control line of a checkpoint that covers the acts of these messages, made now if there is none yet.

    A message and the events of its act are one transaction: who claimed the one sees the others. Raises TrailBroken.
    """
    if all(row.final for row in rows):
        return ""
    checkpoint = seal()
    return checkpoint.control_line if checkpoint else ""


def claim(owner: UUID, limit: int) -> list[OutboxMessage]:
    """Lease due messages to one worker, also those whose lease ran out, and return them detached."""
    with transaction() as session:
        now = clock.now()
        # What comes from the future is from before the clock was put back: it does not wait until time is there again.
        due = or_(OutboxMessage.due_at <= now, OutboxMessage.created_at > now + SKEW)
        ended = or_(OutboxMessage.lease_until < now, OutboxMessage.lease_until > now + LEASE + SKEW)
        free = (OutboxMessage.status == Delivery.WAITING) & due
        lapsed = (OutboxMessage.status == Delivery.SENDING) & ended
        query = select(OutboxMessage).where(or_(free, lapsed)).order_by(OutboxMessage.due_at).limit(limit)
        # SKIP LOCKED lets several workers claim at once; SQLite has one writer at a time and leaves it out.
        rows = list(session.scalars(query.with_for_update(skip_locked=True)))
        session.expunge_all()
        if rows:
            leased = {"status": Delivery.SENDING, "owner": owner, "lease_until": now + LEASE}
            statement = update(table_of(OutboxMessage)).where(OutboxMessage.id.in_([row.id for row in rows]))
            session.execute(statement.values(**leased, attempts=OutboxMessage.attempts + 1))
    for row in rows:
        row.status, row.owner, row.lease_until = Delivery.SENDING, owner, now + LEASE
        row.attempts += 1
    return rows


def _send_batch(channel: Channel, rows: list[OutboxMessage], control_line: str, go_on: Callable[[], bool]) -> None:
    way, left = provider(channel), deque(rows)
    cause = "connection lost"
    try:
        for _ in range(MOST_CONNECTIONS):
            if not left or not go_on():
                break
            with way.open() as sender:
                while left and go_on() and _send_one(way, sender, left.popleft(), control_line):
                    pass
    except TemporaryFailure as failure:
        cause = str(failure)
    except Exception as error:  # noqa: BLE001 - else the batch would hang until its lease ends, over and over
        cause = type(error).__name__
        log.error("channel failed", channel=channel, error=cause)  # noqa: TRY400 - as above
        db.session.rollback()
    stopped = not go_on()
    for row in left:
        if stopped:
            _give_back(row)
        else:
            _postpone(row, cause)


def _send_one(way: Provider, sender: Sender, row: OutboxMessage, control_line: str) -> bool:
    """Try one message; return whether the connection can take another."""
    try:
        content = decode(_unseal(row, "content"))
        final = _unseal(row, "final") if row.final else way.render(row, content, control_line)
        if _hold(row, final):
            sender.send(row, content, final)
            _mark_sent(row)
    except TemporaryFailure as failure:
        _postpone(row, str(failure))
        return not isinstance(failure, ConnectionLost)
    except PermanentFailure as failure:
        _bury(row, str(failure))
    except SealBroken:
        _bury(row, "seal broken or its ring key destroyed")
    except Exception as error:  # noqa: BLE001 - one poison message must never block the others
        # Without a traceback: its values may hold the content.
        log.error("message failed", message=str(row.id), kind=row.kind, error=type(error).__name__)  # noqa: TRY400 - a traceback may hold secrets
        db.session.rollback()
        _postpone(row, type(error).__name__)
    return True


def _unseal(row: OutboxMessage, column: str) -> bytes:
    return settings.rings().unseal(RING, getattr(row, column), Place(TABLE, column, row.id))


def _hold(row: OutboxMessage, final: bytes) -> int:
    """Store the final bytes and begin the lease anew, right before an attempt; 0 when the claim was lost meanwhile."""
    sealed = row.final or settings.rings().seal(RING, final, Place(TABLE, "final", row.id))
    return _update(row, final=sealed, lease_until=clock.now() + LEASE)


def _mark_sent(row: OutboxMessage) -> None:
    with _alone_in_dossier(row):
        now = clock.now()
        if _update(row, status=Delivery.SENT, sent_at=now, content=None, final=None, owner=None, lease_until=None):
            _record(events.OFFERED, row)


def _give_back(row: OutboxMessage) -> None:
    """Let another worker have a message that was claimed and not tried."""
    _update(row, status=Delivery.WAITING, attempts=row.attempts - 1, owner=None, lease_until=None)


def _postpone(row: OutboxMessage, cause: str) -> None:
    if row.attempts >= MOST_ATTEMPTS:
        _bury(row, cause)
        return
    wait = min(FIRST_WAIT * 2 ** (row.attempts - 1), LONGEST_WAIT)
    due_at = clock.now() + wait * random.uniform(0.8, 1.2)  # noqa: S311 - spreads load, protects nothing
    _update(row, status=Delivery.WAITING, due_at=due_at, last_error=cause, owner=None, lease_until=None)


def _bury(row: OutboxMessage, cause: str) -> None:
    with _alone_in_dossier(row):
        if _update(row, status=Delivery.DEAD, last_error=cause, owner=None, lease_until=None):
            _record(events.DEAD, row, cause=cause)


@contextmanager
def _alone_in_dossier(row: OutboxMessage) -> Iterator[None]:
    """Open a transaction that has the lock of the dossier's events first.

    An act that takes messages back has it before it comes to them; in another order the two would wait for each other.
    """
    with transaction():
        if row.dossier:
            exclusive(str(row.dossier))
        yield


def _record(event: audit.EventType, row: OutboxMessage, **more: Any) -> None:
    more |= {"kind": row.kind, "channel": row.channel}
    audit.record(event, WORKER, dossier=row.dossier, subject=row.id, attempts=row.attempts, **more)


def _update(row: OutboxMessage, **values: object) -> int:
    """Change a message while its lease is ours; a lost lease changes nothing."""
    with transaction():
        return execute_count(_OURS, {"row": row.id, "us": row.owner, **values})

"""The worker's half of the queue: claim with a lease, make the final bytes once, send, mark (ADR 2).

A crash between sending and marking repeats the message byte for byte with the same Message-ID; nothing is lost. No
transaction is open while a server is talked to.
"""

import random
from collections import deque
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
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
from keyservice.kernel.telling import told
from keyservice.outbox import events
from keyservice.outbox.channels.base import ConnectionLost, PermanentFailure, Provider, Sender, TemporaryFailure
from keyservice.outbox.channels.letter import LetterProvider
from keyservice.outbox.channels.mail import MailProvider
from keyservice.outbox.channels.sms import SmsChannel
from keyservice.outbox.message import Content, decode
from keyservice.outbox.models import Channel, Delivery, OutboxMessage
from keyservice.outbox.service import RING, TABLE, wake

log = structlog.get_logger()
BATCH = 50
LEASE = timedelta(minutes=5)
SKEW = timedelta(minutes=1)  # by which the clocks of two machines may differ
# After 1, 2, 4 … minutes, at most an hour apart: the last attempt is 96 hours after the first. Attempts are counted and
# not hours, so that days on which no worker ran, or a retry by a person, cost a message nothing.
FIRST_WAIT = timedelta(minutes=1)
LONGEST_WAIT = timedelta(hours=1)
MOST_ATTEMPTS = 102
# A message on which the server hangs up may cost a batch its connection this often.
MOST_CONNECTIONS = 3
PROVIDERS: Mapping[Channel, Callable[[], Provider]] = MappingProxyType(
    {Channel.MAIL: MailProvider, Channel.SMS: SmsChannel, Channel.LETTER: LetterProvider}
)
_CLAIM = (
    OutboxMessage.id == bindparam("row"),
    OutboxMessage.owner == bindparam("us"),
    OutboxMessage.status == Delivery.SENDING,
)
# What comes from the future is from before the clock was put back: it does not wait until time is there again.
_DUE = or_(OutboxMessage.due_at <= bindparam("now"), OutboxMessage.created_at > bindparam("future"))
_ENDED = or_(OutboxMessage.lease_until < bindparam("now"), OutboxMessage.lease_until > bindparam("too_long"))
_CLAIMABLE = (
    select(OutboxMessage)
    .where(((OutboxMessage.status == Delivery.WAITING) & _DUE) | ((OutboxMessage.status == Delivery.SENDING) & _ENDED))
    .order_by(OutboxMessage.due_at)
    .limit(bindparam("most"))
    # SKIP LOCKED lets several workers claim at once; SQLite has one writer at a time and leaves it out.
    .with_for_update(skip_locked=True)
)
_OURS, _IS_OURS = update(table_of(OutboxMessage)).where(*_CLAIM), select(OutboxMessage.id).where(*_CLAIM)


@dataclass(frozen=True)
class Ready:
    """A claimed message with the bytes that go out."""

    row: OutboxMessage
    content: Content
    final: bytes = field(repr=False)


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
    for over in {(row.channel, row.last_error) for row in rows if row.sent_at and row.last_error}:
        wake(*over)
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
        moments = {"now": now, "future": now + SKEW, "too_long": now + LEASE + SKEW}
        rows = list(session.scalars(_CLAIMABLE, {**moments, "most": limit}))
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
    way, left, ready = provider(channel), deque(rows), deque[Ready]()
    cause = "connection lost"
    try:
        while left and go_on():
            ready.extend(_made_ready(way, left.popleft(), control_line))
        ready = _hold(ready)
        _send_ready(way, ready, go_on)
    except TemporaryFailure as failure:
        cause = str(failure)
        log.warning("channel away", channel=channel, cause=cause, messages=len(left) + len(ready))
    except Exception as error:  # noqa: BLE001 - else the batch would hang until its lease ends, over and over
        cause = type(error).__name__
        log.error("channel failed", channel=channel, **told(error))  # noqa: TRY400 - as above
        db.session.rollback()
    stopped = not go_on()
    for row in (*left, *(one.row for one in ready)):
        if stopped:
            _give_back(row)
        else:
            _postpone(row, cause)


def _send_ready(way: Provider, ready: deque[Ready], go_on: Callable[[], bool]) -> None:
    for _ in range(MOST_CONNECTIONS):
        if not ready or not go_on():
            break
        with way.open() as sender:
            while ready and go_on() and _send_one(sender, ready.popleft()):
                pass


def _made_ready(way: Provider, row: OutboxMessage, control_line: str) -> Iterator[Ready]:
    """Give a message with its final bytes; nothing when it cannot be opened or rendered, which is settled here."""
    try:
        content = decode(_unseal(row, "content"))
        yield Ready(row, content, _unseal(row, "final") if row.final else way.render(row, content, control_line))
    except Exception as error:  # noqa: BLE001 - one poison message must never block the others
        _fail(row, error)


def _send_one(sender: Sender, one: Ready) -> bool:
    """Try one message; return whether the connection can take another."""
    try:
        if _still_ours(one.row):
            sender.send(one.row, one.content, one.final)
            _mark_sent(one.row)
    except Exception as error:  # noqa: BLE001 - as above
        _fail(one.row, error)
        return not isinstance(error, ConnectionLost)
    return True


def _fail(row: OutboxMessage, error: Exception) -> None:
    """Let a message that did not go wait for its next attempt, or for a person."""
    if isinstance(error, TemporaryFailure):
        _postpone(row, str(error))
    elif isinstance(error, PermanentFailure):
        _bury(row, str(error))
    elif isinstance(error, SealBroken):
        _bury(row, "seal broken or its ring key destroyed")
    else:
        log.error("message failed", message=str(row.id), kind=row.kind, **told(error))
        db.session.rollback()
        _postpone(row, type(error).__name__)


def _unseal(row: OutboxMessage, column: str) -> bytes:
    return settings.rings().unseal(RING, getattr(row, column), Place(TABLE, column, row.id))


def _hold(ready: Collection[Ready]) -> deque[Ready]:
    """Store the final bytes of a batch and begin its leases anew, before the first attempt; return what is still ours.

    What another transaction has in hand is given back: to wait for it with the rest locked could block for good an act
    that takes several messages back.
    """
    if not ready:
        return deque()
    owner, lease_until = next(iter(ready)).row.owner, clock.now() + LEASE
    with transaction() as session:
        query = select(OutboxMessage.id).where(OutboxMessage.owner == owner, OutboxMessage.status == Delivery.SENDING)
        free = set(session.scalars(query.with_for_update(skip_locked=True)))
        ours = deque(one for one in ready if one.row.id in free)
        if ours:
            kept = [{"row": one.row.id, "us": owner, "final": _sealed(one), "lease_until": lease_until} for one in ours]
            session.connection().execute(_OURS, kept)
    for one in ready:
        if one.row.id in free:
            one.row.lease_until = lease_until
        else:
            _give_back(one.row)
    return ours


def _sealed(one: Ready) -> bytes:
    return one.row.final or settings.rings().seal(RING, one.final, Place(TABLE, "final", one.row.id))


def _still_ours(row: OutboxMessage) -> bool:
    """Tell, right before an attempt, whether nobody took a message back or over; a lease that ages begins anew."""
    now = clock.now()
    if row.lease_until and timedelta(0) <= now + LEASE - row.lease_until < LEASE / 5:
        found = db.session.scalar(_IS_OURS, {"row": row.id, "us": row.owner})
        db.session.rollback()  # no transaction stays open while the server is talked to
        return found is not None
    return bool(_update(row, lease_until=now + LEASE))


def _mark_sent(row: OutboxMessage) -> None:
    with _alone_in_dossier(row):
        now = clock.now()
        if _update(row, status=Delivery.SENT, sent_at=now, content=None, final=None, owner=None, lease_until=None):
            _record(events.OFFERED, row)
            row.sent_at = now


def _give_back(row: OutboxMessage) -> None:
    """Let another worker have a message that was claimed and not tried."""
    _update(row, status=Delivery.WAITING, attempts=row.attempts - 1, owner=None, lease_until=None)


def _postpone(row: OutboxMessage, cause: str) -> None:
    if row.attempts >= MOST_ATTEMPTS:
        _bury(row, cause)
        return
    wait = min(FIRST_WAIT * 2 ** min(row.attempts - 1, 6), LONGEST_WAIT)
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

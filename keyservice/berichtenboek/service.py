"""Asking for the berichtenboek, handing it out, and opening it.

A gemeente asks for itself and for its suppliers; each is a copy of its own, so that DUO can judge each by itself.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from keyservice import audit
from keyservice.berichtenboek import events, messages, queries
from keyservice.berichtenboek.editions import CURRENT
from keyservice.berichtenboek.models import Copy, Supplier
from keyservice.berichtenboek.workflow import LINK_LIVES, MOST_SUPPLIERS, TABLE, Status, Step
from keyservice.database import db, swap, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER, Actor, Role
from keyservice.kernel.errors import Conflict, Refused
from keyservice.kernel.ids import link_token, new_id, token_digest
from keyservice.outbox.service import cancel, enqueue

# Who opens again within this time is not written down again: a link must not fill the trail.
OPENED_LATELY = timedelta(hours=1)


def ask(actor: Actor, receivers: Sequence[Supplier | None]) -> None:
    """Ask for a copy for each receiver; None is the gemeente itself. The relatiebeheerders are told.

    Raises Refused, or Conflict when a receiver has one or is waiting for one, or there are too many.
    """
    actor.require(Role.AANVRAGER, Role.GEMEENTEBEHEERDER)
    gemeente = actor.gemeente or ""
    with transaction():
        copies = [_ask(actor, gemeente, receiver) for receiver in receivers]
        for message in messages.asked(copies):
            enqueue(message)


def _ask(actor: Actor, gemeente: str, receiver: Supplier | None) -> Copy:
    _require_new(gemeente, receiver)
    now = clock.now()
    copy = Copy(id=new_id(), gemeente=gemeente, asked_by=actor.person, asked_at=now, status=Status.ASKED)
    copy.status_since = now
    if receiver:
        copy.leverancier, copy.name, copy.mailbox = receiver.leverancier, receiver.name, receiver.mailbox
    db.session.add(copy)
    db.session.flush()
    audit.record(
        events.ASKED,
        actor,
        subject=copy.id,
        receiver="leverancier" if receiver else "gemeente",
        leverancier=copy.leverancier,
        name=copy.name,
        mailbox=copy.mailbox,
    )
    return copy


def _require_new(gemeente: str, receiver: Supplier | None) -> None:
    there = queries.open_for(gemeente, receiver.mailbox) if receiver else queries.own(gemeente)
    if there:
        raise Conflict("berichtenboek-asked-already")
    if receiver and queries.count_suppliers(gemeente) >= MOST_SUPPLIERS:
        raise Conflict("berichtenboek-too-many", most=MOST_SUPPLIERS)


def hand_out(actor: Actor, copy_id: UUID) -> None:
    """Give a copy: the receiver gets a mail with where to read it. Raises NotFound, Refused or Conflict."""
    with transaction():
        copy = _of_duo(actor, copy_id)
        token, link = _new_link(copy)
        _move(copy, Step.HAND_OUT, decided_by=actor.person, told_version=CURRENT.number, **link)
        _record(events.HANDED_OUT, actor, copy, version=CURRENT.number, until=copy.link_until)
        for message in messages.handed_out(copy, token):
            enqueue(message)


def refuse(actor: Actor, copy_id: UUID, reason: str) -> None:
    """Say no, with a reason that the gemeente reads. Raises NotFound, Refused or Conflict."""
    with transaction():
        copy = _of_duo(actor, copy_id)
        _move(copy, Step.REFUSE, decided_by=actor.person, refusal=reason)
        _record(events.REFUSED, actor, copy, reason=reason)
        for message in messages.refused(copy):
            enqueue(message)


def renew_link(actor: Actor, copy_id: UUID) -> None:
    """Send a supplier a new link; the old one ends. Raises NotFound, Refused or Conflict."""
    with transaction():
        copy = _of_duo(actor, copy_id)
        if copy.leverancier is None or copy.status is not Status.HELD:
            raise Conflict("berichtenboek-not-now", status=copy.status)
        token, link = _new_link(copy)
        cancel(messages.link_prefix(copy))
        _change(copy, **link)
        _record(events.LINK_RENEWED, actor, copy, until=copy.link_until)
        enqueue(messages.link(copy, token))


def stop(actor: Actor, copy_id: UUID) -> None:
    """Take a copy back; a gemeente also what it asked for. A link works no more at once.

    Raises NotFound, Refused or Conflict.
    """
    with transaction():
        actor.require(Role.AANVRAGER, Role.GEMEENTEBEHEERDER, Role.RELATIEBEHEERDER)
        copy, by_duo = queries.copy_for(actor, copy_id), actor.has(Role.RELATIEBEHEERDER)
        withdraws = copy.status is Status.ASKED and not by_duo
        _move(copy, Step.WITHDRAW if withdraws else Step.END, token_digest=None, link_until=None)
        cancel(messages.link_prefix(copy))
        _record(events.WITHDRAWN if withdraws else events.ENDED, actor, copy)
        if by_duo:
            for message in messages.ended(copy):
                enqueue(message)


def open_own(actor: Actor) -> None:
    """Note that somebody of a gemeente opens the newest version. Raises Refused when the gemeente has no copy."""
    with transaction():
        _open(actor, own_copy(actor))


def open_by_link(actor: Actor, token: str) -> None:
    """Note that a supplier opens the newest version. Raises NotFound for a link that does not work (now)."""
    with transaction():
        _open(actor, queries.by_link(token))


def own_copy(actor: Actor) -> Copy:
    """Return the copy that the gemeente acted for holds itself. Raises Refused."""
    actor.require(Role.AANVRAGER, Role.GEMEENTEBEHEERDER)
    copy = queries.own(actor.gemeente or "", Status.HELD)
    if copy is None:
        raise Refused("berichtenboek-not-held")
    return copy


def announce(copy_id: UUID) -> None:
    """Tell a holder of the newest version, once; a supplier gets a new link with it."""
    with transaction():
        copy = db.session.get(Copy, copy_id)
        if copy is None or copy.status is not Status.HELD or (copy.told_version or 0) >= CURRENT.number:
            return
        told, (token, link) = copy.told_version or 0, _new_link(copy)
        if not swap(copy, Copy.status == Status.HELD, Copy.told_version == told, told_version=CURRENT.number, **link):
            return  # another worker was faster
        cancel(messages.link_prefix(copy))
        _record(events.ANNOUNCED, WORKER, copy, version=CURRENT.number, until=copy.link_until)
        for message in messages.announced(copy, told, token):
            enqueue(message)


def remind(copy_id: UUID, reminder: int) -> None:
    """Tell all relatiebeheerders for the `reminder`-th time that somebody waits."""
    with transaction():
        copy = db.session.get(Copy, copy_id)
        waits = (Copy.status == Status.ASKED, Copy.reminders < reminder)
        if copy is None or not swap(copy, *waits, reminders=reminder):
            return
        _record(events.REMINDED, WORKER, copy, reminder=reminder)
        for message in messages.waits(copy, reminder):
            enqueue(message)


def lapse(copy_id: UUID) -> None:
    """End a copy with which nothing happened for long; the gemeente is told. Does nothing when it is not so (now)."""
    with transaction():
        copy = db.session.get(Copy, copy_id)
        if copy is None or not queries.is_to_lapse(copy):
            return
        _move(copy, Step.LAPSE, token_digest=None, link_until=None)
        _record(events.LAPSED, WORKER, copy)
        for message in messages.ended(copy):
            enqueue(message)


def _of_duo(actor: Actor, copy_id: UUID) -> Copy:
    actor.require(Role.RELATIEBEHEERDER)
    return queries.copy_for(actor, copy_id)


def _move(copy: Copy, step: Step, **values: Any) -> None:
    status = TABLE.get((copy.status, step))
    if status is None:
        raise Conflict("berichtenboek-not-now", status=copy.status)
    _change(copy, status=status, status_since=clock.now(), **values)


def _change(copy: Copy, **values: Any) -> None:
    # Also the link: who gets a new one at this moment must not lose it to a timer.
    seen = (Copy.status == copy.status, Copy.link_until.is_not_distinct_from(copy.link_until))
    if not swap(copy, *seen, **values):
        raise Conflict("changed-meanwhile")


def _open(actor: Actor, copy: Copy) -> None:
    now, last = clock.now(), copy.opened_at
    if copy.opened_version == CURRENT.number and last and now - last < OPENED_LATELY:
        return
    _change(copy, opened_version=CURRENT.number, opened_at=now)
    _record(events.OPENED, actor, copy, version=CURRENT.number)


def _new_link(copy: Copy) -> tuple[str, dict[str, bytes | datetime]]:
    """Return a token for the link of a supplier, and the columns that make it work; a gemeente logs in."""
    if copy.leverancier is None:
        return "", {}
    token = link_token()
    return token, {"token_digest": token_digest(token), "link_until": clock.now() + LINK_LIVES}


def _record(event: audit.EventType, actor: Actor, copy: Copy, **values: Any) -> None:
    audit.record(event, actor, subject=copy.id, gemeente=copy.gemeente, **values)

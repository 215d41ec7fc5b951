"""What time does: roles end by themselves, what nobody takes up lapses, and a late yearly review is told."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import func, select

from keyservice import audit
from keyservice.accounts import events, people_messages
from keyservice.accounts.models import FactorReset, Grant, Invitation
from keyservice.accounts.queries import holders, holds
from keyservice.database import db, transaction
from keyservice.gemeenten.queries import names
from keyservice.kernel import clock
from keyservice.kernel.actor import WORKER, Role
from keyservice.outbox.queries import by_key
from keyservice.outbox.service import enqueue

# BIO2 5.18.02: access rights are reviewed at least once a year.
REVIEW_EVERY = timedelta(days=365)
LAPSE_AFTER = timedelta(days=30)


def remind_of_review() -> None:
    """Mail the beheerders of a gemeente, and of DUO, once a month while a role was not looked at for a year."""
    late = func.coalesce(Grant.reviewed_at, Grant.valid_from) < clock.now() - REVIEW_EVERY
    for gemeente in db.session.scalars(select(Grant.gemeente).where(late, holds()).distinct()).all():
        _remind(gemeente)


def _remind(gemeente: str | None) -> None:
    month = f"{clock.local(clock.now()):%Y-%m}"
    readers = holders(Role.GEMEENTEBEHEERDER, gemeente) if gemeente else holders(Role.BEHEERDER)
    keys = {f"grant-review:{gemeente}:{month}:{reader.id}": reader for reader in readers}
    # Looking first keeps a tick that has nothing to do from taking the one writer's place that SQLite has.
    new = {key: reader for key, reader in keys.items() if by_key(key) is None}
    if not new:
        return
    where = f"gemeente {names([gemeente]).get(gemeente, gemeente)}" if gemeente else "DUO"
    with transaction():
        queued = [
            enqueue(people_messages.review_reminder(key, reader, where, duo=gemeente is None))
            for key, reader in new.items()
        ]
        # Another worker may have been a moment faster: then there is nothing to tell of.
        if any(queued):
            audit.record(events.REVIEW_REMINDED, WORKER, gemeente=gemeente)


def lapse() -> None:
    """End invitations that nobody accepted and proposals that nobody confirmed for 30 days."""
    before = clock.now() - LAPSE_AFTER
    stale = select(Invitation.id).where(
        Invitation.used_at.is_(None),
        Invitation.ended_at.is_(None),
        func.coalesce(Invitation.expires_at, Invitation.invited_at) < before,
    )
    for invitation_id in db.session.scalars(stale).all():
        _end_invitation(invitation_id)
    waiting = (FactorReset.confirmed_by.is_(None), FactorReset.ended_at.is_(None))
    for reset_id in db.session.scalars(select(FactorReset.id).where(*waiting, FactorReset.proposed_at < before)).all():
        _end_reset(reset_id)


def _end_invitation(invitation_id: UUID) -> None:
    with transaction() as session:
        row = session.get_one(Invitation, invitation_id, with_for_update=True, populate_existing=True)
        if row.used_at is None and row.ended_at is None:
            row.ended_at, row.token_digest, row.code_mac = clock.now(), None, None
            audit.record(events.INVITATION_LAPSED, WORKER, subject=row.id, gemeente=row.gemeente, role=row.role)


def _end_reset(reset_id: UUID) -> None:
    with transaction() as session:
        row = session.get_one(FactorReset, reset_id, with_for_update=True, populate_existing=True)
        if row.confirmed_by is None and row.ended_at is None:
            row.ended_at = clock.now()
            audit.record(events.RESET_LAPSED, WORKER, subject=row.id, account=row.account_id)


TIMERS: tuple[Callable[[], object], ...] = (remind_of_review, lapse)

"""Mails that came back: a report marks its message and warns people. It ends no key and sends no secret anywhere."""

from enum import StrEnum
from urllib.parse import urlsplit
from uuid import UUID

from sqlalchemy import select, update

from keyservice import audit, settings
from keyservice.database import execute_count, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import CLI
from keyservice.outbox import events
from keyservice.outbox.models import Channel, Delivery, OutboxMessage
from keyservice.outbox.reports import Action, Report, read_report


class Taken(StrEnum):
    """What was done with a report."""

    BOUNCED = "The message did not arrive. It is marked as bounced."
    DELAYED = "The message is delayed. That is noted; it may still arrive."
    NOTHING_NEW = "Nothing new: this was known already, or the message was not sent by now."
    LATER = "The message is being sent at this moment. Offer the report again."
    NO_REPORT = "This is not a delivery status notification (RFC 3464) about a mail of this service."
    UNKNOWN = "There is no such message."


def take_in(raw: bytes) -> Taken:
    """Read a mail that came back, and mark the message that it is about; a second time changes nothing."""
    report = read_report(raw, urlsplit(settings.current().base_url).hostname or "")
    return _mark(report) if report else Taken.NO_REPORT


def _mark(report: Report) -> Taken:
    with transaction() as session:
        row = session.scalar(
            select(OutboxMessage).where(OutboxMessage.id == report.message, OutboxMessage.channel == Channel.MAIL)
        )
        if row is None:
            return Taken.UNKNOWN
        if row.status is Delivery.SENDING:
            return Taken.LATER
        event = events.BOUNCED if report.action is Action.FAILED else events.DELAYED
        kind, dossier = row.kind, row.dossier
        if not _swap(row.id, report):
            return Taken.NOTHING_NEW
        audit.record(event, CLI, dossier=dossier, subject=report.message, kind=kind, status=report.status)
    return Taken.BOUNCED if report.action is Action.FAILED else Taken.DELAYED


def _swap(message: UUID, report: Report) -> int:
    """Write what became of a message that was sent; a delay counts once, however many reports tell of it."""
    sent = update(OutboxMessage).where(OutboxMessage.id == message, OutboxMessage.status == Delivery.SENT)
    if report.action is Action.DELAYED:
        first = OutboxMessage.bounce_status.is_(None)
        return execute_count(sent.where(first).values(bounce_status=report.status))
    values = {"status": Delivery.BOUNCED, "bounced_at": clock.now(), "bounce_status": report.status}
    return execute_count(sent.values(**values))

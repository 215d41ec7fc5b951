"""What did not arrive at a gemeente is told: to its gemeentebeheerders, and when that fails too, to DUO (timer).

A mail to DUO that does not arrive is told to nobody: pages show it. So the chain ends after two steps.
"""

from collections.abc import Sequence
from uuid import UUID

from keyservice import audit
from keyservice.aanvragen import messages
from keyservice.aanvragen.models import Aanvraag
from keyservice.accounts.models import Account
from keyservice.accounts.queries import holders, responsible
from keyservice.database import one_by_one, transaction
from keyservice.kernel.actor import WORKER, Role
from keyservice.outbox.events import ESCALATED
from keyservice.outbox.models import OutboxMessage
from keyservice.outbox.queries import to_escalate
from keyservice.outbox.service import enqueue, mark_escalated


def tell_undelivered() -> None:
    """Tell of each message about an aanvraag that its gemeente did not get, once."""
    one_by_one(to_escalate(), _tell)


def _tell(message_id: UUID) -> None:
    with transaction() as session:
        if not mark_escalated(message_id):
            return
        message = session.get_one(OutboxMessage, message_id, populate_existing=True)
        aanvraag = session.get(Aanvraag, message.dossier)
        # Of a draft only its maker knows, and sees it on its page.
        if aanvraag is None or aanvraag.number is None:
            return
        role, readers = _readers(message, aanvraag.gemeente)
        for reader in readers:
            enqueue(messages.undelivered(aanvraag, reader, message))
        audit.record(
            ESCALATED,
            WORKER,
            dossier=aanvraag.id,
            subject=message_id,
            gemeente=aanvraag.gemeente,
            kind=message.kind,
            channel=message.channel,
            readers=role,
        )


def _readers(message: OutboxMessage, gemeente: str) -> tuple[Role, Sequence[Account]]:
    """Return who hears of it, and in which role."""
    own = holders(Role.GEMEENTEBEHEERDER, gemeente)
    if own and message.kind != messages.UNDELIVERED:
        return Role.GEMEENTEBEHEERDER, own
    return Role.RELATIEBEHEERDER, responsible(gemeente)

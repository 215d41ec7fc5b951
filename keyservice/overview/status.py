"""How one aanvraag stands, for its gemeente: what to do now, what happened, what is yet to come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.workflow import Status, Step, allowed
from keyservice.accounts.queries import names
from keyservice.audit.queries import of_dossier
from keyservice.contacts.queries import missing
from keyservice.issuance.messages import zip_prefix
from keyservice.issuance.models import Issuance
from keyservice.issuance.queries import of_aanvraag
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.outbox.queries import of_dossier as messages_of_dossier
from keyservice.overview.timeline import Handover, Moment, happened, to_come
from keyservice.overview.todo import Act, Todo, todo
from keyservice.sleutels.life import State, state

_OF_AANVRAGER = frozenset({Act.EDIT, Act.RESUBMIT, Act.START})


@dataclass(frozen=True)
class StatusView:
    """What the status page shows. `lacking` are codes of `contacts.queries.missing`."""

    todo: Todo
    acts: tuple[Act, ...]
    moments: Sequence[Moment]
    lacking: tuple[str, ...]
    issuance: Issuance | None
    zip_sent_at: datetime | None
    may_withdraw: bool
    may_discard: bool
    may_cancel: bool


def read(actor: Actor, aanvraag: Aanvraag) -> StatusView:
    """Return how an aanvraag stands for somebody of its gemeente."""
    issuance = next(iter(reversed(of_aanvraag(aanvraag.id))), None)
    handover = handover_of(issuance)
    box = todo_of(aanvraag, issuance)
    events = of_dossier(aanvraag.id)
    people = names(event.person for event in events)
    aanvrager = actor.has(Role.AANVRAGER)
    return StatusView(
        todo=box,
        acts=tuple(act for act in box.acts if aanvrager or act not in _OF_AANVRAGER),
        moments=happened(events, aanvraag.gemeente, people) + to_come(aanvraag.status, handover),
        lacking=lacking(aanvraag),
        issuance=issuance,
        zip_sent_at=_zip_sent_at(issuance),
        may_withdraw=allowed(aanvraag.standing, Step.WITHDRAW, actor),
        may_discard=aanvrager and aanvraag.status is Status.DRAFT,
        may_cancel=aanvrager and issuance is not None and issuance.ended_at is None,
    )


def todo_of(aanvraag: Aanvraag, issuance: Issuance | None) -> Todo:
    """Return what is asked of the gemeente now."""
    return todo(
        aanvraag.status,
        missing=lacking(aanvraag),
        question=aanvraag.question,
        rejection=aanvraag.rejection,
        handover=handover_of(issuance),
    )


def lacking(aanvraag: Aanvraag) -> tuple[str, ...]:
    """Return the codes of what the contacts still lack, as long as that matters."""
    if aanvraag.status not in {Status.SUBMITTED, Status.IN_REVIEW, Status.INFO_REQUESTED, Status.APPROVED}:
        return ()
    return missing(aanvraag.key_contact, aanvraag.password_contact, clock.now())


def handover_of(issuance: Issuance | None) -> Handover | None:
    """Return how far an issuance is."""
    if issuance is None:
        return None
    received = issuance.received_at is not None or issuance.released_at is not None
    old_works = issuance.renews is not None and state(issuance.renews.facts, clock.now()) is State.ACTIVE
    return Handover(received, issuance.password_sent_at is not None, issuance.end_reason, old_works)


def _zip_sent_at(issuance: Issuance | None) -> datetime | None:
    """Return when the mail with the zip was last taken by the mail server."""
    if issuance is None:
        return None
    mails = (m for m in messages_of_dossier(issuance.aanvraag_id) if m.dedup_key.startswith(zip_prefix(issuance)))
    return max((mail.sent_at for mail in mails if mail.sent_at), default=None)

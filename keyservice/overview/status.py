"""How one aanvraag stands, for its gemeente: what to do now, what happened, what is yet to come."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from keyservice.aanvragen import review
from keyservice.aanvragen.models import Aanvraag
from keyservice.aanvragen.queries import replacement_of
from keyservice.aanvragen.workflow import OPEN, Status, Step, allowed
from keyservice.accounts.queries import names
from keyservice.audit.queries import of_dossier
from keyservice.contacts.models import BY_LOGIN, Part, Via
from keyservice.issuance import overlap
from keyservice.issuance.leaver_queries import Leaver, keys_of_leavers
from keyservice.issuance.messages import recipients_of, zip_prefix
from keyservice.issuance.models import End, Issuance
from keyservice.issuance.queries import followers, letters_of, of_aanvraag, underway, waiting_for
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor, Role
from keyservice.outbox.models import Letter, OutboxMessage
from keyservice.outbox.queries import of_dossier as messages_of_dossier
from keyservice.overview.key_buttons import KeyActs, key_acts
from keyservice.overview.remedies import for_gemeente, undelivered
from keyservice.overview.timeline import Handover, KeyNow, Moment, happened, or_erased, to_come
from keyservice.overview.todo import Act, Todo, todo
from keyservice.sleutels.life import REPLACED, State, standing, state
from keyservice.sleutels.service import LEAKED
from keyservice.web.dates import datum

_OF_AANVRAGER = frozenset({Act.EDIT, Act.RESUBMIT, Act.START})


@dataclass(frozen=True)
class StatusView:
    """What the status page shows. `lacking` are codes of `contacts.queries.missing`.

    `for_you` is what waits for this person to log in for it. `undelivered` are messages that did not arrive, each with
    what the gemeente can do. `older` are keys before the newest that still live, with what can be done about them and
    when they stop because of the newest.
    """

    todo: Todo
    acts: tuple[Act, ...]
    moments: Sequence[Moment]
    lacking: tuple[str, ...]
    for_you: Sequence[tuple[Issuance, Part]]
    issuance: Issuance | None
    letter: Letter | None
    zip_sent_at: datetime | None
    undelivered: Sequence[tuple[OutboxMessage, str]]
    may_withdraw: bool
    may_discard: bool
    may_cancel: bool
    may_replace: bool
    replacement: Aanvraag | None
    old_delivery: Issuance | None
    may_stop_old: bool
    key: KeyActs
    ends_at: datetime | None
    older: Sequence[tuple[Issuance, KeyActs, datetime | None]]
    leavers: Sequence[Leaver]


def read(actor: Actor, aanvraag: Aanvraag) -> StatusView:
    """Return how an aanvraag stands for somebody of its gemeente."""
    issuances = of_aanvraag(aanvraag.id)
    issuance = issuances[-1] if issuances else None
    messages = messages_of_dossier(aanvraag.id)
    handover = handover_of(issuance)
    box = todo_of(aanvraag, issuance)
    events = of_dossier(aanvraag.id)
    people = names(event.person for event in events)
    aanvrager, replacement = actor.has(Role.AANVRAGER), replacement_of(aanvraag.id)
    return StatusView(
        todo=box,
        acts=tuple(act for act in box.acts if _may(act, actor, replaced=replacement is not None)),
        moments=happened(events, aanvraag.gemeente, people) + to_come(aanvraag.status, handover),
        lacking=lacking(aanvraag, issuance),
        for_you=[(one, part) for one, part in waiting_for(actor) if one.aanvraag_id == aanvraag.id],
        issuance=issuance,
        letter=letters_of([issuance.id]).get(issuance.id) if issuance else None,
        zip_sent_at=_zip_sent_at(issuance, messages),
        undelivered=[(message, for_gemeente(message, issuance)) for message in undelivered(messages, clock.now())],
        may_withdraw=allowed(aanvraag.standing, Step.WITHDRAW, actor),
        may_discard=aanvrager and aanvraag.status is Status.DRAFT,
        may_cancel=aanvrager and issuance is not None and issuance.ended_at is None,
        may_replace=aanvraag.status is Status.ISSUED and aanvraag.erased_at is None and Act.REPLACE not in box.acts,
        replacement=replacement,
        old_delivery=underway(aanvraag.replaces_id) if aanvraag.replaces_id else None,
        may_stop_old=aanvrager,
        key=key_acts(actor, issuance, clock.now()),
        ends_at=overlap.ends_of([issuance.sleutel_id]).get(issuance.sleutel_id) if issuance else None,
        older=_older(actor, issuances),
        leavers=keys_of_leavers(aanvraag=aanvraag.id),
    )


def _may(act: Act, actor: Actor, *, replaced: bool) -> bool:
    if act is Act.REPLACE:
        return not replaced
    return act not in _OF_AANVRAGER or actor.has(Role.AANVRAGER)


def todo_of(aanvraag: Aanvraag, issuance: Issuance | None) -> Todo:
    """Return what is asked of the gemeente now."""
    return todo(
        aanvraag.status,
        missing=lacking(aanvraag, issuance),
        question=aanvraag.question,
        rejection=or_erased(aanvraag.rejection),
        handover=handover_of(issuance),
    )


def lacking(aanvraag: Aanvraag, newest: Issuance | None) -> tuple[str, ...]:
    """Return the codes of what the contacts still lack, as long as that matters.

    After the issue it matters when the newest delivery stopped: a new one takes contacts that are checked.
    """
    if aanvraag.erased_at is not None:
        return ()
    stopped = newest is not None and newest.end_reason in {End.LAPSED, End.CANCELLED}
    return review.lacking(aanvraag) if aanvraag.status in OPEN or stopped else ()


def handover_of(issuance: Issuance | None) -> Handover | None:
    """Return how far an issuance is."""
    if issuance is None:
        return None
    to = recipients_of(issuance)
    return Handover(
        issuance.handed_over,
        issuance.password_sent_at is not None,
        issuance.end_reason,
        by_letter=to.password.via is Via.LETTER,
        zip_by_login=to.key.via in BY_LOGIN,
        password_by_login=to.password.via in BY_LOGIN,
        old_works=issuance.renews is not None and state(issuance.renews.facts, clock.now()) is State.ACTIVE,
        leaked=issuance.sleutel.reason == LEAKED,
        key=_key_now(issuance) if issuance.end_reason is End.DONE else None,
    )


def _key_now(issuance: Issuance) -> KeyNow:
    """Return how a delivered key stands, with the one that follows it."""
    sleutel, now = issuance.sleutel, clock.now()
    follower = followers([sleutel.id]).get(sleutel.id)
    used = follower is not None and follower.first_used_at is not None
    stands = standing(sleutel.facts, now, overlap.old_until(follower) if follower and used else None)
    works = follower is not None and state(follower.sleutel.facts, now) is State.ACTIVE
    over = stands.state in {State.REVOKED, State.EXPIRED}
    replaced = sleutel.reason == REPLACED or (works and (used or over))
    return KeyNow(stands, datum(stands.next_at), replaced)


def _older(actor: Actor, issuances: Sequence[Issuance]) -> list[tuple[Issuance, KeyActs, datetime | None]]:
    """Return the keys before the newest that still live: somebody may have to block or revoke them."""
    acts = [(issuance, key_acts(actor, issuance, clock.now())) for issuance in issuances[:-1]]
    ends = overlap.ends_of([issuance.sleutel_id for issuance, found in acts if found.any])
    return [(issuance, found, ends.get(issuance.sleutel_id)) for issuance, found in acts if found.any]


def _zip_sent_at(issuance: Issuance | None, messages: Sequence[OutboxMessage]) -> datetime | None:
    """Return when the mail with the zip was last taken by the mail server."""
    if issuance is None:
        return None
    mails = (m for m in messages if m.dedup_key.startswith(zip_prefix(issuance)))
    return max((mail.sent_at for mail in mails if mail.sent_at), default=None)

"""The replay (I12): per event what it did to which row. Pure: takes events, gives what must be stored.

An event that is neither here nor in `WITHOUT_FACTS` has not been thought about: a test tells.
"""

from collections.abc import Iterable

from keyservice.aanvragen import events as aanvragen
from keyservice.aanvragen.review import EFFECTS
from keyservice.aanvragen.workflow import TABLE, Status, Step
from keyservice.audit import EventType
from keyservice.audit import events as trail
from keyservice.audit.catalogue import ACT_REFUSED, ANONYMOUS_REFUSED
from keyservice.integrity import events as integrity
from keyservice.integrity import (
    replay_berichtenboek,
    replay_contacts,
    replay_keys,
    replay_people,
    replay_portaal,
    replay_retention,
)
from keyservice.integrity.facts import About, Expected, Handlers, Told, plain_id, text
from keyservice.outbox import events as outbox

STEPS = {
    **{effect.event: step for step, effect in EFFECTS.items()},
    aanvragen.SUBMITTED: Step.SUBMIT,
    aanvragen.RESUBMITTED: Step.RESUBMIT,
    aanvragen.APPROVED: Step.APPROVE,
    aanvragen.RETURNED: Step.RETURN,
    aanvragen.ISSUED: Step.ISSUE,
    aanvragen.WITHDRAWN: Step.WITHDRAW,
    aanvragen.LAPSED: Step.LAPSE,
}


def replay(events: Iterable[Told]) -> Expected:
    """Return the rows that the events, in their order, led to."""
    expected = Expected()
    for told in events:
        if handler := _BY_CODE.get(told.code):
            handler(expected, told)
    return expected


def _started(to: Expected, told: Told) -> None:
    to.make(
        "aanvraag",
        told.dossier,
        status=Status.DRAFT,
        gemeente=told.gemeente,
        created_by=told.person,
        created_at=About(told.at),
        status_since=About(told.at),
        revision=0,
        number=None,
        submitted_by=None,
        submitted_at=None,
        claimed_by=None,
        key_contact_id=None,
        password_contact_id=None,
        erased_at=None,
    )


def _started_again(to: Expected, told: Told) -> None:
    _started(to, told)
    row = to.table("aanvraag")[told.dossier]
    row["replaces_id"] = plain_id(told.fields["replaces"])
    # Those of the earlier aanvraag, or who came in their place: the event does not say.
    del row["key_contact_id"], row["password_contact_id"]


def _contact_chosen(to: Expected, told: Told) -> None:
    to.change("aanvraag", told.dossier, **{f"{told.fields['part']}_contact_id": plain_id(told.fields["contact"])})


def _contact_replaced(to: Expected, told: Told) -> None:
    _contact_chosen(to, told)
    if row := to.table("aanvraag").get(told.dossier):
        row["revision"] += 1


def _saved(to: Expected, told: Told) -> None:
    to.change("aanvraag", told.dossier, revision=told.fields["revision"])


def _moved(to: Expected, told: Told) -> None:
    step, row = STEPS_BY_CODE[told.code], to.table("aanvraag").get(told.dossier)
    if row is None:
        return
    # A step that the table does not have moves nothing; then the row shows another status than is explained.
    status = TABLE.get((row["status"], step), row["status"])
    if status is not row["status"]:
        row.update(status=status, status_since=About(told.at))
    effect = EFFECTS.get(step)
    if effect and (effect.claims or effect.frees):
        row["claimed_by"] = told.person if effect.claims else None
    if step is Step.SUBMIT:
        row.update(number=told.fields["number"], submitted_by=told.person, submitted_at=About(told.at))
    if step is Step.APPROVE:
        _approved(to, told)
    if step in {Step.RETRACT, Step.RETURN}:
        to.change("approval", plain_id(told.fields["approval"]), retracted_at=About(told.at))


def _approved(to: Expected, told: Told) -> None:
    aanvraag = to.table("aanvraag")[told.dossier]
    to.make(
        "approval",
        plain_id(told.fields["approval"]),
        aanvraag_id=told.dossier,
        requested_by=aanvraag["submitted_by"],
        created_by=aanvraag["created_by"],
        approved_by=told.person,
        approved_at=About(told.at),
        four_eyes=told.fields["four_eyes"],
        content_hash=bytes.fromhex(told.fields["content_hash"]),
        motivation=text(told, "motivation"),
        retracted_at=None,
    )


def _discarded(to: Expected, told: Told) -> None:
    to.table("aanvraag").pop(told.dossier, None)


def _offered(to: Expected, told: Told) -> None:
    to.make("outbox_message", told.subject, sent_at=About(told.at))


HANDLERS: Handlers = {
    aanvragen.STARTED: _started,
    aanvragen.STARTED_AGAIN: _started_again,
    aanvragen.CONTACT_CHOSEN: _contact_chosen,
    aanvragen.CONTACT_REPLACED: _contact_replaced,
    aanvragen.SAVED: _saved,
    aanvragen.DISCARDED: _discarded,
    **dict.fromkeys(STEPS, _moved),
    outbox.OFFERED: _offered,
    **replay_berichtenboek.HANDLERS,
    **replay_contacts.HANDLERS,
    **replay_keys.HANDLERS,
    **replay_people.HANDLERS,
    **replay_portaal.HANDLERS,
    **replay_retention.HANDLERS,
}
# What happened without changing a fact that is stored, or one that the event does not tell.
WITHOUT_FACTS: tuple[EventType, ...] = (
    ACT_REFUSED,
    ANONYMOUS_REFUSED,
    aanvragen.NOTED,
    aanvragen.REMINDED,
    outbox.DEAD,
    outbox.RETRIED,
    outbox.BOUNCED,
    outbox.DELAYED,
    outbox.ESCALATED,
    outbox.EXPIRED,
    integrity.MISMATCH,
    trail.VERIFIED,
    trail.EXPORTED,
    trail.SEARCH_EXPORTED,
    trail.BUNDLE_TAKEN,
    trail.RESTORE_PROPOSED,
    trail.RESTORE_ACCEPTED,
    *replay_berichtenboek.WITHOUT_FACTS,
    *replay_contacts.WITHOUT_FACTS,
    *replay_keys.WITHOUT_FACTS,
    *replay_people.WITHOUT_FACTS,
    *replay_portaal.WITHOUT_FACTS,
    *replay_retention.WITHOUT_FACTS,
)
_BY_CODE = {event.code: handler for event, handler in HANDLERS.items()}
STEPS_BY_CODE = {event.code: step for event, step in STEPS.items()}

"""The replay of the berichtenboek: who asked for it, who holds it, in which version (see `replay`)."""

from typing import Any

from keyservice.audit import EventType
from keyservice.berichtenboek import events
from keyservice.berichtenboek.workflow import Status
from keyservice.integrity.facts import About, Expected, Handlers, Present, Told, exactly, text

TABLE = "berichtenboek_copy"
_ENDS = {events.WITHDRAWN: Status.WITHDRAWN, events.ENDED: Status.ENDED, events.LAPSED: Status.LAPSED}
_NO_LINK = {"token_digest": None, "link_until": None}


def _asked(to: Expected, told: Told) -> None:
    to.make(
        TABLE,
        told.subject,
        gemeente=told.gemeente,
        asked_by=told.person,
        asked_at=About(told.at),
        status=Status.ASKED,
        status_since=About(told.at),
        **dict.fromkeys(("decided_by", "refusal", "told_version", "opened_version", "opened_at")),
        **_NO_LINK,
        **{name: text(told, name) for name in ("leverancier", "name", "mailbox")},
    )


def _link(told: Told) -> dict[str, Any]:
    until = told.fields["until"]
    return {"token_digest": Present(), "link_until": exactly(until)} if until else {}


def _handed_out(to: Expected, told: Told) -> None:
    moved = {"status": Status.HELD, "status_since": About(told.at), "decided_by": told.person}
    to.change(TABLE, told.subject, **moved, told_version=told.fields["version"], **_link(told))


def _refused(to: Expected, told: Told) -> None:
    moved = {"status": Status.REFUSED, "status_since": About(told.at), "decided_by": told.person}
    to.change(TABLE, told.subject, **moved, refusal=text(told, "reason"))


def _renewed(to: Expected, told: Told) -> None:
    to.change(TABLE, told.subject, **_link(told))


def _announced(to: Expected, told: Told) -> None:
    to.change(TABLE, told.subject, told_version=told.fields["version"], **_link(told))


def _opened(to: Expected, told: Told) -> None:
    to.change(TABLE, told.subject, opened_version=told.fields["version"], opened_at=About(told.at))


def _stopped(to: Expected, told: Told) -> None:
    to.change(TABLE, told.subject, status=_STATUS_BY_CODE[told.code], status_since=About(told.at), **_NO_LINK)


HANDLERS: Handlers = {
    events.ASKED: _asked,
    events.HANDED_OUT: _handed_out,
    events.REFUSED: _refused,
    events.LINK_RENEWED: _renewed,
    events.ANNOUNCED: _announced,
    events.OPENED: _opened,
    **dict.fromkeys(_ENDS, _stopped),
}
WITHOUT_FACTS: tuple[EventType, ...] = (events.REMINDED,)
_STATUS_BY_CODE = {event.code: status for event, status in _ENDS.items()}

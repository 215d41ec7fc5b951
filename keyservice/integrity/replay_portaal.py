"""The replay of what is registered about inburgeraars (see `replay`). What it says, the MAC of the row covers."""

from keyservice.audit import EventType
from keyservice.integrity.facts import About, Expected, Handlers, Told, plain_id, text
from keyservice.portaal import events
from keyservice.portaal.models import Kind

_KINDS = {
    events.REGISTERED.code: Kind.REGISTER,
    events.CORRECTED.code: Kind.CORRECT,
    events.WITHDRAWN.code: Kind.WITHDRAW,
}


def _versioned(to: Expected, told: Told) -> None:
    kind, sleutel = _KINDS[told.code], plain_id(told.fields["sleutel"]) or None
    to.make(
        "registration",
        plain_id(told.fields["registration"]),
        inburgeraar_id=told.subject,
        number=told.fields["number"],
        kind=kind,
        gemeente=told.gemeente,
        at=About(told.at),
        by_person=None if sleutel else told.person,
        by_sleutel=sleutel,
        correction=None if kind is Kind.REGISTER else text(told, "reason"),
        event=told.id,
    )


HANDLERS: Handlers = dict.fromkeys((events.REGISTERED, events.CORRECTED, events.WITHDRAWN), _versioned)
WITHOUT_FACTS: tuple[EventType, ...] = (events.LOADED, events.BSN_SHOWN, events.EXPORTED)

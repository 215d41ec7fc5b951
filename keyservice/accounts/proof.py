"""The fresh proof of who one is: an event, and its moment in the session. An act that gives asks for it."""

from datetime import UTC, datetime

from flask import session

from keyservice import audit
from keyservice.accounts import events
from keyservice.database import transaction
from keyservice.kernel import clock
from keyservice.web import access

_PROVED_AT = "fs_paa"  # where Flask-Security keeps it, which sets it at each login


def tried(factor: str, *, right: bool, at: datetime | None = None) -> None:
    """Record that the person logged in gave a proof, `at` a moment (default: now); a right one counts as fresh."""
    actor = access.actor()
    event, result = (
        (events.CONFIRMED_IDENTITY, audit.Result.OK) if right else (events.STEP_UP_REFUSED, audit.Result.REFUSED)
    )
    with transaction():
        audit.record(event, actor, result=result, subject=actor.person, factor=factor)
    if right:
        keep(at or clock.now())


def keep(moment: datetime | None) -> None:
    """Keep when the person proved to be himself; None when nobody can say: then it counts for no act that gives."""
    if moment:
        session[_PROVED_AT] = min(moment, clock.now()).timestamp()
    else:
        session.pop(_PROVED_AT, None)


def given_at() -> datetime | None:
    """Return when the person of this session last proved to be himself."""
    moment = session.get(_PROVED_AT)
    return datetime.fromtimestamp(moment, UTC) if moment else None

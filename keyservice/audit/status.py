"""How the trail stands, for pages, for the start and for the log: cheap, a look at the newest checkpoints only."""

from dataclasses import dataclass
from datetime import datetime

import structlog

from keyservice.audit import sealer
from keyservice.audit.checkpoint import control_line
from keyservice.audit.events import VERIFIED
from keyservice.audit.queries import search

log = structlog.get_logger()


@dataclass(frozen=True)
class Verified:
    """A full verify: when, by whom (a user of the machine; None when that was erased), and what it found.

    `state` tells whether stored rows were compared with the events too; `first` is the first of the faults.
    """

    at: datetime
    by: str | None
    size: int
    state: bool
    faults: int
    first: str | None


@dataclass(frozen=True)
class Status:
    """The newest checkpoint (None when nothing was ever sealed), the last full verify, and why it is broken, if so."""

    size: int | None
    sealed_at: datetime | None
    control_line: str | None
    verified: Verified | None
    broken: str | None


def status() -> Status:
    """Return how the trail stands."""
    newest, verified = sealer.newest(), _last_verify()
    found = verified.first if verified and verified.faults else None
    return Status(
        size=newest.size if newest else None,
        sealed_at=newest.at if newest else None,
        control_line=control_line(newest.size, newest.root) if newest else None,
        verified=verified,
        broken=_broken() or found,
    )


def tell_broken() -> None:
    """Say in the log, for whoever watches over the machine, when the trail is broken: then nothing is sealed."""
    if cause := _broken():
        log.error("audit trail broken: nothing is sealed", cause=cause)


def _broken() -> str | None:
    try:
        sealer.check()
    except sealer.TrailBroken as error:
        return str(error)
    return None


def _last_verify() -> Verified | None:
    found = search(code=VERIFIED.code, limit=1)
    if not found:
        return None
    event, fields = found[0], found[0].fields
    by = event.private.get("source")
    return Verified(event.at, by, fields["size"], fields["state"], fields["faults"], fields["first"])

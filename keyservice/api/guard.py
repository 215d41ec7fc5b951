"""Who calls the API: the key or credential in the header Authorization, and nothing else, says it."""

import re
from urllib.parse import unquote_plus
from uuid import UUID

from flask import g, request

from keyservice.api import problems
from keyservice.api.answers import stop
from keyservice.kernel.actor import Actor
from keyservice.kernel.errors import TooOften
from keyservice.kernel.text import holds_secret
from keyservice.portaal import bsn_text
from keyservice.sleutels import asking, verification
from keyservice.sleutels.life import State
from keyservice.web import machine

# Nine digits within one are chance.
_UUID = re.compile("[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_NOT_USABLE = {
    State.EXPIRED: problems.EXPIRED,
    State.REVOKED: problems.REVOKED,
    State.SUSPENDED: problems.SUSPENDED,
    State.SLEEPING: problems.SLEEPING,
}


def refuse_secret_in_address() -> None:
    """Refuse a request that carries a key or a BSN in its address, whatever it asks: addresses end up in logs."""
    if not machine.asks():
        return
    if holds_secret(request.full_path):
        stop(problems.SECRET_IN_ADDRESS)
    query = unquote_plus(request.query_string.decode("latin-1"))
    if any(bsn_text.stands_in(part) for part in _UUID.split(f"{request.path}?{query}")):
        stop(problems.BSN_IN_ADDRESS)


def by_sleutel() -> Actor:
    """Return the actor that the key of this request is, and keep the key as `g.sleutel`. Ends the request if it fails.

    Why a key does not work, only who has the whole key hears; all else gets one answer.
    """
    try:
        checked = verification.admit(_bearer(), request.remote_addr)
    except TooOften as error:  # no refusal is recorded: that would cost more than the request
        stop(problems.TOO_OFTEN, headers={"Retry-After": str(error.data["seconds"])})
    except verification.Unknown:
        stop(problems.NO_KEY)
    except verification.NotUsable as error:
        stop(_NOT_USABLE[error.checked.state], sleutel=error.checked.number)
    g.sleutel = checked
    return _actor(checked.gemeente, checked.id)


def by_system() -> Actor:
    """Return the actor that an asking system is: nobody's, of no gemeente. Ends the request when it is unknown."""
    try:
        asking.admit(_bearer(), request.remote_addr)
    except TooOften as error:
        stop(problems.TOO_OFTEN, headers={"Retry-After": str(error.data["seconds"])})
    except asking.Unknown:
        stop(problems.NO_SYSTEM)
    return _actor()


def _actor(gemeente: str | None = None, sleutel: UUID | None = None) -> Actor:
    source, trace = request.remote_addr, request.headers.get("traceparent")
    return Actor(None, frozenset(), gemeente, "api", source=source, sleutel=sleutel, trace=trace)


def _bearer() -> str:
    """Return the token of the header Authorization (RFC 6750, 2.1), or an empty text."""
    given = request.authorization
    return given.token or "" if given and given.type == "bearer" else ""

"""Who calls the API: the key in the header Authorization, and nothing else, says it."""

from flask import g, request

from keyservice.api import problems
from keyservice.api.answers import stop
from keyservice.kernel.actor import Actor
from keyservice.kernel.errors import TooOften
from keyservice.kernel.text import holds_secret
from keyservice.sleutels.life import State
from keyservice.sleutels.verification import NotUsable, Unknown, admit
from keyservice.web import access, machine

_NOT_USABLE = {
    State.EXPIRED: problems.EXPIRED,
    State.REVOKED: problems.REVOKED,
    State.SUSPENDED: problems.SUSPENDED,
    State.SLEEPING: problems.SLEEPING,
}


def refuse_secret_in_address() -> None:
    """Refuse a request that carries a key in its address, whatever it asks: addresses end up in logs."""
    if machine.asks() and holds_secret(request.full_path):
        stop(problems.SECRET_IN_ADDRESS)


def by_sleutel() -> Actor:
    """Return the actor that the key of this request is. Ends the request when the key does not work.

    Why a key does not work, only who has the whole key hears; all else gets one answer (`design.md` 5).
    """
    visitor = access.actor()
    try:
        g.sleutel = checked = admit(bearer(), visitor.source)
    except Unknown:
        stop(problems.NO_KEY)
    except NotUsable as refused:
        stop(_NOT_USABLE[refused.state])
    except TooOften as early:  # answered here: that of pages writes each time, and a flood must not
        stop(problems.TOO_OFTEN, headers={"Retry-After": str(early.data["seconds"])})
    return Actor(None, frozenset(), checked.gemeente, "api", source=visitor.source, sleutel=checked.id)


def bearer() -> str:
    """Return the token of the header Authorization (RFC 6750, 2.1), or an empty text."""
    given = request.authorization
    return given.token or "" if given and given.type == "bearer" else ""

"""The browsers a person has used before, and the notices to the owner of an account.

A known browser carries a lasting cookie with a random token, of which the database holds the SHA-256. It gives no
access. Guesses from it are counted apart from its network, so that a guesser in the same office delays nobody.
"""

import re
from datetime import timedelta
from uuid import UUID

from flask import Response, after_this_request, request
from sqlalchemy import delete, select

from keyservice import audit, settings
from keyservice.accounts import device_messages, events, guessing
from keyservice.accounts.browsers import browser_name
from keyservice.accounts.models import Account, KnownDevice, LoginCounter
from keyservice.database import db, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.kernel.ids import link_token, token_digest
from keyservice.kernel.text import clean
from keyservice.outbox.service import enqueue

# The longest that browsers keep a cookie (RFC 6265bis 5.5).
KEPT = timedelta(days=400)
MANY_FAILURES = 10
_TOKEN_LENGTH = len(link_token())


def cookie_name() -> str:
    """Return the name of the lasting cookie."""
    return "__Host-apparaat" if settings.current().secure else "apparaat"


def source_for(account_id: UUID | None, source: str | None) -> str | None:
    """Return what counts as the source of a guess at an account: the browser when it is a known one, else `source`."""
    token = _token()
    if token is None or account_id is None or db.session.get(KnownDevice, (account_id, token_digest(token))) is None:
        return source
    return f"device:{token_digest(token).hex()}"


def logged_in(actor: Actor, account_id: UUID) -> None:
    """Remember the browser of this request; a new one beside others is told to the owner."""
    token, now = _token() or link_token(), clock.now()
    key = (account_id, token_digest(token))
    with transaction() as session:
        if (known := session.get(KnownDevice, key)) is not None:
            known.last_at = now
        else:
            others = session.scalar(select(KnownDevice.digest).where(KnownDevice.account_id == account_id).limit(1))
            session.add(KnownDevice(account_id=account_id, digest=key[1], first_at=now, last_at=now))
            event = audit.record(events.NEW_DEVICE, actor, subject=account_id)
            if others:
                account = session.get_one(Account, account_id)
                browser = browser_name(clean(request.user_agent.string))
                enqueue(device_messages.new_device(account, event, now, browser))

    @after_this_request
    def _remember(response: Response) -> Response:
        response.set_cookie(
            cookie_name(),
            token,
            max_age=KEPT,
            path="/",
            httponly=True,
            secure=settings.current().secure,
            samesite="Lax",
        )
        return response


def _token() -> str | None:
    token = request.cookies.get(cookie_name(), "")
    return token if len(token) == _TOKEN_LENGTH and re.fullmatch(r"[\w-]+", token, re.ASCII) else None


def tell_many_failures() -> None:
    """Mail the owner of each account at which was guessed wrong ten times in an hour, at most once a day (timer).

    Not done at the tenth guess itself: its answer would take longer for an account that exists.
    """
    kinds = (guessing.Kind.LOGIN, guessing.Kind.STEP_UP, guessing.Kind.FACTOR)
    now = clock.now()
    recent = (LoginCounter.failures >= MANY_FAILURES, LoginCounter.since > now - guessing.HOUR)
    many = set(db.session.scalars(select(LoginCounter.subject).where(*recent)))
    if not many:
        return
    with transaction() as session:
        for account in session.scalars(select(Account).where(Account.active)):
            if not many.isdisjoint(guessing.everywhere_key(kind, account.email) for kind in kinds):
                enqueue(device_messages.many_failures(account, clock.local_date(now)))


def forget_unused() -> None:
    """Forget the browsers whose cookie is over (timer)."""
    with transaction() as session:
        session.execute(delete(KnownDevice).where(KnownDevice.last_at < clock.now() - KEPT))

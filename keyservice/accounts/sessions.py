"""Server-side sessions: the cookie holds a random token, the database its SHA-256 and the content.

A session ends after 30 minutes without a request and after 10 hours in any case (ADR 10). Logging in or out,
its first step too, and opening an invitation change the token, so that one planted before is worth nothing. The row of
a login that ended by itself stays for a day, so that the login page can say why.
"""

import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any
from uuid import UUID

from flask import Flask, Request, Response, has_request_context, request
from flask import session as current
from flask.sessions import SessionInterface, SessionMixin
from sqlalchemy import delete, insert, or_, select, update
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.datastructures import CallbackDict

from keyservice import audit, settings
from keyservice.accounts import events
from keyservice.accounts.browsers import browser_name
from keyservice.accounts.models import Account, Session
from keyservice.database import AWAY, db, execute_count, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.kernel.ids import link_token, token_digest
from keyservice.kernel.text import clean
from keyservice.web import machine

IDLE = timedelta(minutes=30)
LONGEST = timedelta(hours=10)
# A page writes at most once a minute that somebody is still there.
SEEN_EVERY = timedelta(minutes=1)
REMEMBERED = timedelta(days=1)
# What a person proved in a session: who is logged in, whose password was right, which invitation's code was.
_OPENS = ("_user_id", "tf_user_id", "invitation")


class Over(StrEnum):
    """Why a session ended by itself."""

    IDLE = "idle"
    LONGEST = "longest"


class BrowserSession(CallbackDict[str, Any], SessionMixin):
    """The content of one session, and where it came from."""

    def __init__(self, content: dict[str, Any], token: str | None = None, row: Session | None = None) -> None:
        """Take the content; `token` and `row` are None for a session that is not stored yet."""

        def changed(session: "BrowserSession") -> None:
            session.modified = True

        super().__init__(content, changed)
        self.modified = False
        self.token = token
        self.owner = content.get("_user_id")
        self.opens = self._opens()
        self.seen_at = row.seen_at if row else None
        self.began_at = row.created_at if row and self.owner else None
        # Why the login that the cookie names is over, for the login page.
        self.over: Over | None = None
        # Why the database could not tell what the cookie is worth.
        self.fault: SQLAlchemyError | None = None

    def _opens(self) -> tuple[object, ...]:
        return tuple(self.get(key) for key in _OPENS)

    @property
    def opens_more(self) -> bool:
        """Tell whether this request proved something: then a token planted before must be worth nothing."""
        return self._opens() != self.opens

    @property
    def idle_seconds(self) -> int:
        """Return after how many seconds without another page the session ends."""
        now = clock.now()
        seen = now if self.seen_at is None or now - self.seen_at > SEEN_EVERY else self.seen_at
        return int((seen + IDLE - now).total_seconds())

    @property
    def longest_seconds(self) -> int:
        """Return after how many seconds the session ends in any case."""
        now = clock.now()
        return int(((self.began_at or now) + LONGEST - now).total_seconds())


class DatabaseSessions(SessionInterface):
    """Keeps sessions in the table `login_session`."""

    def get_cookie_name(self, app: Flask) -> str:  # noqa: ARG002 - Flask asks with it
        """Return the name: with the `__Host-` guard on https, plain in the demo over http on one's own machine."""
        return "__Host-sessie" if settings.current().secure else "sessie"

    def open_session(self, app: Flask, request: Request) -> BrowserSession | None:
        """Find the session of a request, or begin an empty one; a machine has none, whatever cookie it sends."""
        if machine.asks(request):
            return None
        with app.app_context():
            token = request.cookies.get(self.get_cookie_name(app))
            try:
                row = db.session.get(Session, token_digest(token)) if token else None
            except AWAY as error:  # Flask could not make a page of it: there is no session yet
                away = BrowserSession({})
                away.fault = error
                return away
            if row is None:
                return BrowserSession({})
            if over := over_at(row, clock.now()):
                ended = BrowserSession({})
                ended.over = over if row.account_id else None
                return ended
            return BrowserSession(json.loads(row.data), token, row)

    def save_session(self, app: Flask, session: SessionMixin, response: Response) -> None:
        """Store what changed, and send the cookie when the token is new."""
        if not isinstance(session, BrowserSession) or session.fault:
            return
        if not (session.modified or self._must_touch(session)):
            return
        if not session:
            self._drop(session)
            response.delete_cookie(self.get_cookie_name(app), path="/")
            return
        fresh = session.token is None or session.opens_more
        if fresh:
            self._drop(session)
            session.token = link_token()
        self._store(session, fresh=fresh)
        if fresh:
            response.set_cookie(
                self.get_cookie_name(app),
                str(session.token),
                path="/",
                httponly=True,
                secure=settings.current().secure,
                samesite="Lax",
            )

    @staticmethod
    def _must_touch(session: BrowserSession) -> bool:
        return session.seen_at is not None and clock.now() - session.seen_at > SEEN_EVERY

    @staticmethod
    def _drop(session: BrowserSession) -> None:
        if session.token:
            with transaction() as database:
                database.execute(delete(Session).where(Session.digest == token_digest(session.token)))

    @staticmethod
    def _store(session: BrowserSession, *, fresh: bool) -> None:
        now, key = clock.now(), token_digest(str(session.token))
        content = {"account_id": _account(session), "data": json.dumps(dict(session)), "seen_at": now}
        with transaction() as database:
            if fresh:
                # A new token for somebody who was logged in already does not begin the ten hours again.
                began, browser = session.began_at or now, browser_name(clean(request.user_agent.string))
                database.execute(insert(Session).values(digest=key, created_at=began, browser=browser, **content))
            else:
                # Changed only where it still is: a slow page must not bring back a session that was ended meanwhile.
                database.execute(update(Session).where(Session.digest == key).values(**content))


def register(app: Flask) -> None:
    """Let the application keep its sessions in the database; to be called before anything that reads one."""
    app.session_interface = DatabaseSessions()
    app.before_request(_check_opened)


def _check_opened() -> None:
    if fault := getattr(current, "fault", None):
        raise fault


def end_sessions(account_id: UUID, except_token: str | None = None) -> None:
    """End all sessions of a person, in the transaction of the change that asks for it: password, factor or grant.

    The name that sessions call the person by changes too, so that a login that was under way at that moment, half
    done or waiting for its second factor, comes to nothing. `except_token` spares the session of this request, which
    gets a new token.
    """
    uniquifier = link_token()
    with transaction() as database:
        gone = delete(Session).where(Session.account_id == account_id)
        if except_token:
            gone = gone.where(Session.digest != token_digest(except_token))
        database.execute(gone)
        database.execute(update(Account).where(Account.id == account_id).values(fs_uniquifier=uniquifier))
    if except_token and has_request_context() and getattr(current, "token", None) == except_token:
        current["_user_id"] = uniquifier


def over_at(row: Session, now: datetime) -> Over | None:
    """Tell whether a session is over, and why."""
    if now - row.created_at > LONGEST:
        return Over.LONGEST
    return Over.IDLE if now - row.seen_at > IDLE else None


def own(account_id: UUID) -> Sequence[Session]:
    """Return the sessions in which a person is logged in now, the one used last first."""
    now = clock.now()
    rows = db.session.scalars(select(Session).where(Session.account_id == account_id).order_by(Session.seen_at.desc()))
    return [row for row in rows if not over_at(row, now) and "_user_id" in json.loads(row.data)]


def end_own(actor: Actor, account_id: UUID, key: bytes) -> None:
    """End one of one's own sessions, by the digest of its token; one that is over already stays so."""
    with transaction():
        if execute_count(delete(Session).where(Session.account_id == account_id, Session.digest == key)):
            audit.record(events.SESSION_ENDED, actor, subject=account_id, others=False)


def end_others(actor: Actor, account_id: UUID, token: str | None) -> None:
    """End all of one's own sessions but the one of this request."""
    with transaction():
        end_sessions(account_id, except_token=token)
        audit.record(events.SESSION_ENDED, actor, subject=account_id, others=True)


def delete_expired() -> None:
    """Delete the sessions that are over (timer): of visitors at once, of people after a day."""
    now = clock.now()
    over = or_(Session.seen_at < now - IDLE, Session.created_at < now - LONGEST)
    with transaction() as database:
        database.execute(
            delete(Session).where(over, or_(Session.account_id.is_(None), Session.seen_at < now - REMEMBERED))
        )


def _account(session: BrowserSession) -> UUID | None:
    # Half logged in, waiting for the second factor: that comes to nothing too when the password changes meanwhile.
    uniquifier = session.get("_user_id") or session.get("tf_user_id")
    if not uniquifier:
        return None
    return db.session.scalar(select(Account.id).where(Account.fs_uniquifier == uniquifier))

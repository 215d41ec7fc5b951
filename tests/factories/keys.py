"""Keys as a machine shows them: made and woken by the use cases, and the queries that a block sends."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import psycopg
from sqlalchemy import event, func, select

from keyservice.database import db
from keyservice.kernel.ids import new_id
from keyservice.sleutels import service
from keyservice.sleutels.format import Omgeving
from keyservice.sleutels.life import State
from keyservice.sleutels.models import SleutelUse
from tests.factories.aanvragen import actor

DOSSIER = new_id()


def asleep(omgeving: Omgeving = Omgeving.PRODUCTIE) -> tuple[UUID, str]:
    """Return a key that is not activated yet."""
    sleutel_id, key = service.make(actor("rosa"), gemeente="9998", omgeving=omgeving, dossier=DOSSIER)
    return sleutel_id, key.reveal()


def awake(omgeving: Omgeving = Omgeving.PRODUCTIE) -> tuple[UUID, str]:
    """Return a key that works."""
    sleutel_id, key = asleep(omgeving)
    service.activate(actor("anna"), sleutel_id, dossier=DOSSIER)
    return sleutel_id, key


def mistyped(key: str) -> str:
    """Return a key with another last character."""
    return key[:-1] + ("0" if key[-1] != "0" else "1")


def tries(sleutel_id: UUID) -> int:
    """Return how often a key was shown while it did not work."""
    shown = select(func.sum(SleutelUse.count)).where(
        SleutelUse.sleutel_id == sleutel_id, SleutelUse.state != State.ACTIVE
    )
    return db.session.scalar(shown) or 0


@contextmanager
def queries() -> Iterator[list[str]]:
    """Give the list of what is sent to the database within the block, by SQLAlchemy or past it.

    Many rows in one statement count as one, and so does what triggers do for it. An end of a transaction is left out.
    """
    db.session.rollback()
    sent: list[str] = []
    within: list[bool] = []  # filled while SQLAlchemy executes: then the driver tells nothing new

    def begins(*args: object) -> None:
        sent.append(str(args[2]))
        within.append(True)

    def ends(*_args: object) -> None:
        within.clear()

    def at_driver(statement: str) -> None:
        if not within and statement not in {"COMMIT", "ROLLBACK"}:
            sent.append(statement)

    def lend(connection: Any, *_rest: object) -> None:
        within.clear()
        _watch(connection, at_driver)

    watched: dict[str, Callable[..., Any]]
    watched = {"before_cursor_execute": begins, "after_cursor_execute": ends, "checkout": lend, "checkin": _unwatch}
    for name, listener in watched.items():
        event.listen(db.engine, name, listener)
    try:
        yield sent
    finally:
        db.session.rollback()  # gives its connection back, so that nobody watches it any more
        for name, listener in watched.items():
            event.remove(db.engine, name, listener)


def _watch(connection: Any, tell: Callable[[str], None]) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.set_trace_callback(tell)
        return

    class Cursor(psycopg.Cursor[Any]):
        def execute(self, query: Any, *args: Any, **more: Any) -> "Cursor":
            tell(str(query))
            return super().execute(query, *args, **more)

    connection.cursor_factory = Cursor


def _unwatch(connection: Any, *_rest: object) -> None:
    if isinstance(connection, sqlite3.Connection):
        connection.set_trace_callback(None)
    elif connection is not None:  # a broken one is not given back
        connection.cursor_factory = psycopg.Cursor

"""Keys as a machine shows them: made and woken by the use cases, and the queries that a block sends."""

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

from sqlalchemy import event

from keyservice.database import db
from keyservice.kernel.ids import new_id
from keyservice.sleutels import service
from keyservice.sleutels.format import Omgeving
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


@contextmanager
def queries() -> Iterator[list[str]]:
    """Give the list of what is sent to the database within the block."""
    db.session.rollback()
    sent: list[str] = []

    def listener(*args: object) -> None:
        sent.append(str(args[2]))

    event.listen(db.engine, "before_cursor_execute", listener)
    try:
        yield sent
    finally:
        event.remove(db.engine, "before_cursor_execute", listener)

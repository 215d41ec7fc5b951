"""A message kind of the tests' own, and the queue's rows as a test sees them."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from flask import Flask
from jinja2 import BaseLoader, ChoiceLoader, DictLoader, TemplateError
from sqlalchemy import select, update

from keyservice import settings
from keyservice.database import db, transaction
from keyservice.kernel.seal import Place, SealBroken
from keyservice.kernel.secret import Secret
from keyservice.outbox import delivery
from keyservice.outbox.channels.base import PermanentFailure
from keyservice.outbox.message import Attachment, Message, decode
from keyservice.outbox.models import Channel, Delivery, OutboxMessage
from keyservice.outbox.service import RING, TABLE, enqueue
from keyservice.settings import MailSecurity

TEMPLATES = {
    "post/test/subject.txt": "Bericht voor {{ name }}\n",
    "post/test/body.txt": "Beste {{ name }},\n\nHet woord is: {{ word }}.\n.\nEen punt op een regel.\n",
    "post/test/body.html": "<!DOCTYPE html><html lang=nl><title>t</title><p>Beste {{ name }}, {{ word }}</p></html>",
    "post/test/sms.txt": "Code {{ word }} voor {{ name }}",
}
LINE = "7-abcdefghij234567abcd"
"""A control line, of no checkpoint."""
ZIP = Attachment("sleutel.zip", "application/zip", bytes(range(256)) * 20)


@contextmanager
def app_for_post(app: Flask, port: int, **changed: object) -> Iterator[Flask]:
    """Let the application know the test's message kind and send its mails to a port of this machine."""
    conf = app.extensions["keyservice.settings"]
    values: dict[str, Any] = {"mail_server": "127.0.0.1", "mail_port": port, "mail_security": MailSecurity.NONE}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(app.extensions, "keyservice.settings", replace(conf, **values | changed))
        loaders: list[BaseLoader] = [DictLoader(TEMPLATES)]
        if app.jinja_env.loader:
            loaders.append(app.jinja_env.loader)
        patch.setattr(app.jinja_env, "loader", ChoiceLoader(loaders))
        with app.app_context():
            yield app


def queue(
    key: str = "test:1",
    to: str = "anna@voorbeeldstad.example",
    *,
    channel: Channel = Channel.MAIL,
    values: Mapping[str, str] | None = None,
    dossier: UUID | None = None,
    attachment: Attachment | None = None,
) -> None:
    """Put a message of the test's kind into the queue."""
    filled: dict[str, str | Secret] = {"name": "Anna", "word": Secret("GEHEIM-WOORD"), **(values or {})}
    message = Message(
        kind="test", channel=channel, key=key, to=to, values=filled, dossier=dossier, attachment=attachment
    )
    with transaction():
        enqueue(message)


def make_due() -> None:
    """Let every message be tried now."""
    with transaction() as session:
        session.execute(update(OutboxMessage).values(due_at=datetime(2020, 1, 1, tzinfo=UTC)))


def row(key: str = "test:1") -> OutboxMessage:
    """Return a message of the queue as it stands in the database now."""
    db.session.rollback()
    return db.session.scalars(select(OutboxMessage).where(OutboxMessage.dedup_key == key)).one()


def statuses() -> dict[str, str]:
    """Return where each message stands, by key."""
    db.session.rollback()
    return {
        key: str(status) for key, status in db.session.execute(select(OutboxMessage.dedup_key, OutboxMessage.status))
    }


def ids() -> dict[str, UUID]:
    """Return the id of each message, by key."""
    return dict(db.session.execute(select(OutboxMessage.dedup_key, OutboxMessage.id)).all())


def unwritable() -> list[str]:
    """Return the mails and sms that wait and whose template is not there, or asks what they do not hold."""
    faults = []
    waiting = OutboxMessage.status == Delivery.WAITING, OutboxMessage.channel != Channel.LETTER
    ours = OutboxMessage.kind.in_(["test", "nothing"]) | OutboxMessage.dedup_key.startswith("test:")
    for message in db.session.scalars(select(OutboxMessage).where(*waiting, ~ours)):
        try:
            content = decode(settings.rings().unseal(RING, message.content or b"", Place(TABLE, "content", message.id)))
            delivery.provider(message.channel).render(message, content, LINE)
        except TemplateError as error:
            faults.append(f"{message.kind}: {error!r}")
        except (SealBroken, PermanentFailure):
            continue  # what the test was about
    return faults

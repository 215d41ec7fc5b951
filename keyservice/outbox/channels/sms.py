"""Sms through a provider; the embedded one writes files, for the demo and the tests."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from flask import render_template

from keyservice import settings
from keyservice.kernel.text import clean
from keyservice.outbox.channels.base import PermanentFailure, TemporaryFailure
from keyservice.outbox.message import Content
from keyservice.outbox.models import OutboxMessage

# GSM 03.38: a single sms takes 160 characters of the basic alphabet; ours keep to its ASCII part.
LONGEST = 160
SMS_FOLDER = "sms"


class FileSmsProvider:
    """Writes each sms as a text file into `instance/postvak/sms`; refused in production by the settings."""

    def render(self, row: OutboxMessage, content: Content) -> bytes:
        """Return the text of the sms. Raises PermanentFailure when it would not fit into one."""
        text = clean(render_template(f"post/{row.kind}/sms.txt", **content.values))
        if len(text) > LONGEST or not text.isascii():
            raise PermanentFailure(f"sms of {len(text)} characters")
        return text.encode()

    @contextlib.contextmanager
    def open(self) -> Iterator["FileSmsProvider"]:
        """Nothing to connect to. Raises TemporaryFailure when the settings name another provider."""
        if settings.current().sms_provider != "file":
            # What the sms hands over must never land in a file of a real service.
            raise TemporaryFailure("no such sms provider")
        yield self

    def send(self, row: OutboxMessage, content: Content, final: bytes) -> None:
        """Write one file, named after the message: a repeat after a crash writes the same file again."""
        folder: Path = settings.current().instance / "postvak" / SMS_FOLDER
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{row.created_at:%Y%m%dT%H%M%S}-{row.id}.txt").write_text(f"Aan: {content.to}\n\n{final.decode()}\n")

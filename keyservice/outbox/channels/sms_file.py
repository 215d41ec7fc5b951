"""The embedded provider of sms: it writes files, for the demo and the tests; production refuses it at the start."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from keyservice.outbox.message import Content
from keyservice.outbox.models import OutboxMessage
from keyservice.settings import Settings

SMS_FOLDER = "sms"


class FileSender:
    """A folder that takes sms."""

    def __init__(self, folder: Path) -> None:
        """Take the folder; it is made when it is needed."""
        self.folder = folder

    def send(self, row: OutboxMessage, content: Content, final: bytes) -> None:
        """Write one file, named after the message: a repeat after a crash writes the same file again."""
        self.folder.mkdir(parents=True, exist_ok=True)
        file = self.folder / f"{row.created_at:%Y%m%dT%H%M%S}-{row.id}.txt"
        file.write_text(f"Aan: {content.to}\n\n{final.decode()}\n")


@contextlib.contextmanager
def open_folder(conf: Settings) -> Iterator[FileSender]:
    """Give the folder `postvak/sms` of the instance."""
    yield FileSender(conf.instance / "postvak" / SMS_FOLDER)

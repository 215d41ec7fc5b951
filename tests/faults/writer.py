"""A program that writes without end and says after each act that it was done: to be killed while it does."""

import os
import sys
from itertools import count
from threading import Thread
from uuid import UUID

from flask import Flask

from keyservice.aanvragen import review
from keyservice.app import create_app
from keyservice.kernel.actor import Actor
from keyservice.settings import Settings
from tests.factories.aanvragen import actor

WRITERS = 4


def write(app: Flask, rik: Actor, aanvraag_id: UUID, name: str) -> None:
    """Add notes to an aanvraag, and say each that is stored."""
    for number in count():
        note = f"{name}-{number}"
        with app.app_context():
            review.add_note(rik, aanvraag_id, note)
        os.write(1, f"{note}\n".encode())


def main(aanvraag: str) -> None:
    """Let some threads write at the same time, until the process dies."""
    app = create_app(Settings.from_environ(os.environ))
    with app.app_context():
        rik = actor("rik")
    for thread in range(WRITERS):
        Thread(target=write, args=(app, rik, UUID(aanvraag), f"{os.getpid()}-{thread}")).start()


if __name__ == "__main__":
    main(sys.argv[1])

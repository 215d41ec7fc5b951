"""Letters: rendered by typst, and "sent" by keeping them, sealed, for a person who prints and posts them."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from flask import current_app
from typst import TypstError

from keyservice.kernel.pdf import compile_pdf
from keyservice.outbox import letters
from keyservice.outbox.channels.base import PermanentFailure
from keyservice.outbox.message import Content
from keyservice.outbox.models import OutboxMessage
from keyservice.web.dates import datum

TEMPLATE = "brief.typ"
# What the letter shows of its message, beside address and date; the other values say what it belongs to.
SHOWN = ("name", "number", "password")


class LetterProvider:
    """The channel for letters."""

    def render(self, row: OutboxMessage, content: Content, control_line: str) -> bytes:
        """Return the PDF. Raises PermanentFailure when it needs a second page or a character that no font has."""
        folder = Path(str(current_app.template_folder)) / "post" / row.kind
        try:
            return compile_pdf(folder / TEMPLATE, json.dumps(shown(row, content, control_line)))
        except TypstError:
            # Its text may repeat what stands in the letter.
            raise PermanentFailure("letter too long for one page, or a character that cannot be printed") from None

    @contextlib.contextmanager
    def open(self) -> Iterator["LetterProvider"]:
        """Nothing to connect to."""
        yield self

    def send(self, row: OutboxMessage, content: Content, final: bytes) -> None:
        """Keep the letter for printing."""
        values = content.values
        belongs = {name: UUID(values[name]) for name in ("subject", "maker")}
        letters.store(row.id, number=values["number"], pdf=final, **belongs)


def shown(row: OutboxMessage, content: Content, control_line: str) -> dict[str, object]:
    """Return everything that differs per letter: values for the template, never markup."""
    values = content.values
    return {
        "address": [values["organisation"], f"T.a.v. {values['name']}", *content.to.splitlines()],
        "date": datum(row.created_at),
        "control_line": control_line,
        **{name: values[name] for name in SHOWN},
    }

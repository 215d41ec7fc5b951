"""Reading a delivery status notification (RFC 3464), which anybody can write: what is not certain is not used. Pure.

Only two things are taken from it: that it knows the Message-ID of a mail of ours (122 random bits), and the code of how
it went. The addresses and texts in it are not looked at: each of our mails has one recipient.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, message_from_string
from email.message import Message
from enum import StrEnum
from uuid import UUID

# The report and the headers of the mail that it returns stand in front; of a long mail the rest is not needed.
MOST_BYTES = 256 * 1024
_STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
_ORIGINAL_TYPES = frozenset({"message/rfc822", "message/global"})
_HEADERS_TYPES = frozenset({"text/rfc822-headers", "message/global-headers"})
_STATUS = re.compile(r"\s*([245]\.\d{1,3}\.\d{1,3})\b", re.ASCII)  # RFC 3463 2
_BLANK_LINES = re.compile(r"\n(?:[ \t]*\r?\n)+")  # begins at a line end only: what anybody wrote may be all spaces


class Action(StrEnum):
    """How it went (RFC 3464 2.3.3): a delay is no failure yet; what else there is says that it goes on."""

    FAILED = "failed"
    DELAYED = "delayed"


_UNKNOWN_STATUS = {Action.FAILED: "5.0.0", Action.DELAYED: "4.0.0"}


@dataclass(frozen=True)
class Report:
    """What a mail server tells of one of our mails; `status` is a code such as `5.1.1`."""

    message: UUID
    action: Action
    status: str


def read_report(raw: bytes, host: str) -> Report | None:
    """Return what a notification tells of a mail with a Message-ID at `host`; None for everything else."""
    try:
        mail = message_from_bytes(raw[:MOST_BYTES])
        if mail.get_content_type() != "multipart/report" or not mail.is_multipart():
            return None
        message, outcome = _our_message(mail, host), _outcome(mail)
    except (RecursionError, LookupError, ValueError, TypeError, AttributeError):
        return None  # malformed or nested so deeply that the parser gives up
    return Report(message, *outcome) if message and outcome else None


def _parts(mail: Message) -> list[Message]:
    parts = mail.get_payload()
    return [part for part in parts if isinstance(part, Message)] if isinstance(parts, list) else []


def _outcome(mail: Message) -> tuple[Action, str] | None:
    """Return the worst of what is told of the recipients: a mail that was forwarded can have several."""
    found: dict[Action, str] = {}
    for block in _blocks(mail):
        status = _STATUS.match(_text(block, "Status"))
        words = _text(block, "Action").lower().split()
        for action in Action:
            if words[:1] == [action]:
                found.setdefault(action, status[1] if status else _UNKNOWN_STATUS[action])
    return next(((action, found[action]) for action in Action if action in found), None)


def _blocks(mail: Message) -> Iterator[Message]:
    """Yield the groups of fields of the report: one about the mail, then one for each recipient."""
    for part in _parts(mail):
        if part.get_content_type() in _STATUS_TYPES:
            _head, _blank, body = part.as_string().partition("\n\n")
            yield from (message_from_string(block) for block in _BLANK_LINES.split(body))


def _our_message(mail: Message, host: str) -> UUID | None:
    """Return the id in the Message-ID of the mail that came back, or of the one that the report answers."""
    ours = re.compile(rf"<([0-9a-f]{{8}}(?:-[0-9a-f]{{4}}){{3}}-[0-9a-f]{{12}})@{re.escape(host)}>", re.IGNORECASE)
    returned = [_text(headers, "Message-ID") for headers in _returned(mail)]
    for text in (*returned, _text(mail, "In-Reply-To"), _text(mail, "References")):
        found = ours.search(text)
        if found:
            return UUID(found[1])
    return None


def _returned(mail: Message) -> Iterator[Message]:
    """Yield the headers of the mail that came back: whole, or its headers only."""
    for part in _parts(mail):
        kind = part.get_content_type()
        if kind in _ORIGINAL_TYPES:
            yield from _parts(part)[:1]
        elif kind in _HEADERS_TYPES:
            yield from _parts(part)[:1]
            payload = part.get_payload(decode=True)
            if isinstance(payload, bytes):
                yield message_from_bytes(payload)


def _text(headers: Message, name: str) -> str:
    return str(headers.get(name, ""))

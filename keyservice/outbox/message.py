"""What a use case says that must be told, as a value; nothing here is sent or stored."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from uuid import UUID

from keyservice.kernel.secret import Secret
from keyservice.outbox.models import Channel


@dataclass(frozen=True)
class Attachment:
    """A file of a mail; its name must be plain ASCII."""

    name: str
    content_type: str
    data: bytes


@dataclass(frozen=True)
class Message:
    """One message to one recipient.

    `kind` is a folder of `templates/post/`; `key` makes it unique (a second enqueue with the same key does nothing);
    `to` a mailbox, E.164 number or the lines of a postal address; `values` fill the templates; `dossier` is the
    aanvraag it belongs to; `for_duo` tells that the recipient works at DUO.
    """

    kind: str
    channel: Channel
    key: str
    to: str
    values: Mapping[str, str | Secret]
    dossier: UUID | None = None
    for_duo: bool = False
    attachment: Attachment | None = None


def encode(message: Message) -> bytes:
    """Return recipient, values and attachment as the bytes that are sealed into the queue."""
    attachment = message.attachment
    return json.dumps(
        {
            "to": message.to,
            "values": {k: v.reveal() if isinstance(v, Secret) else v for k, v in message.values.items()},
            "attachment": attachment
            and [attachment.name, attachment.content_type, base64.b64encode(attachment.data).decode()],
        }
    ).encode()


@dataclass(frozen=True)
class Content:
    """What `encode` packed, unpacked for rendering."""

    to: str
    values: Mapping[str, str]
    attachment: Attachment | None


def decode(packed: bytes) -> Content:
    """Return the content that `encode` packed."""
    parts = json.loads(packed)
    attachment = parts["attachment"]
    return Content(
        parts["to"],
        parts["values"],
        attachment and Attachment(attachment[0], attachment[1], base64.b64decode(attachment[2])),
    )


def masked(recipient: str) -> str:
    """Return a recipient as a page of DUO may show it: `a…@voorbeeld.example`, `06…78`, or where a letter goes."""
    if "\n" in recipient:
        return recipient.splitlines()[-1]  # the address of a gemeente is public
    local, at, domain = recipient.partition("@")
    return f"{local[:1]}…@{domain}" if at else f"{recipient[:4]}…{recipient[-2:]}"

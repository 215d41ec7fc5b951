"""Sms through any gateway that takes one JSON request per sms; `docs/operations.md` has the exact request."""

import contextlib
import json
import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any

import requests

from keyservice.outbox.channels.base import TemporaryFailure
from keyservice.outbox.channels.sms_session import NOT_UNDERSTOOD, Session, lost, refusal
from keyservice.outbox.message import Content
from keyservice.outbox.models import OutboxMessage
from keyservice.settings import Settings

_PLACE = re.compile(r"\{(to|digits|text|reference)\}")
# What a gateway answers about the message itself, and not about us (RFC 9110 15.5.1 and 15.5.21).
ABOUT_THE_MESSAGE = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNPROCESSABLE_ENTITY})


class GatewaySender:
    """A session with a gateway, for one batch."""

    def __init__(self, session: Session, url: str, body: str) -> None:
        """Take the session, the address, and the JSON in whose texts `{to}`, `{digits}` and so on are filled in."""
        self.session, self.url, self.body = session, url, json.loads(body)

    def send(self, row: OutboxMessage, content: Content, final: bytes) -> None:
        """Post one sms; any answer of 2xx is a yes, save a page for people (of a proxy, or of a gateway under repair).

        The id of the message is its reference and its Idempotency-Key, also when it is repeated after a crash. Raises
        TemporaryFailure, or PermanentFailure for 400 and 422.
        """
        number = {"to": content.to, "digits": content.to.removeprefix("+")}
        values = number | {"text": final.decode(), "reference": str(row.id)}
        try:
            answer = self.session.post(
                self.url, json=_filled(self.body, values), headers={"Idempotency-Key": values["reference"]}
            )
        except requests.TooManyRedirects as error:
            raise refusal(error.response.status_code if error.response is not None else 0) from None
        except requests.RequestException as error:
            raise lost(error) from None
        if not HTTPStatus.OK <= answer.status_code < HTTPStatus.MULTIPLE_CHOICES:
            raise refusal(answer.status_code, permanent=answer.status_code in ABOUT_THE_MESSAGE)
        if answer.headers.get("Content-Type", "").lower().startswith("text/html"):
            raise TemporaryFailure(NOT_UNDERSTOOD)


def _filled(part: Any, values: Mapping[str, str]) -> Any:
    """Return a piece of JSON with the values filled in, in its texts only: no value can add a field."""
    if isinstance(part, str):
        return _PLACE.sub(lambda place: values[place[1]], part)
    if isinstance(part, list):
        return [_filled(inner, values) for inner in part]
    if isinstance(part, dict):
        return {name: _filled(inner, values) for name, inner in part.items()}
    return part


def _header(secret: str) -> dict[str, str]:
    """Return the header that proves who we are: the secret is a whole header, or else a bearer token."""
    name, colon, value = secret.partition(":")
    return {name: value.strip()} if colon else {"Authorization": f"Bearer {secret}"}


@contextlib.contextmanager
def open_gateway(conf: Settings) -> Iterator[GatewaySender]:
    """Make a session for one batch; it connects with the first sms."""
    with Session(conf.sms.ca_file) as session:
        session.headers.update(_header(conf.sms.secret.reveal()) if conf.sms.secret else {})
        yield GatewaySender(session, conf.sms.url, conf.sms.body)

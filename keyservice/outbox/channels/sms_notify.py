"""Sms through NotifyNL, by the client of GOV.UK Notify, of which it is a fork (ADR 19)."""

import contextlib
import logging
from collections.abc import Iterator
from http import HTTPStatus
from typing import Any

import requests
import structlog
from notifications_python_client.errors import HTTPError, InvalidResponse
from notifications_python_client.notifications import NotificationsAPIClient

from keyservice.outbox.channels.base import PermanentFailure, TemporaryFailure
from keyservice.outbox.channels.sms_session import NOT_UNDERSTOOD, TIMEOUT_SECONDS, Session, lost, refusal
from keyservice.outbox.message import Content
from keyservice.outbox.models import OutboxMessage
from keyservice.settings import Settings

log = structlog.get_logger()
# The kinds of error that NotifyNL publishes; any other word of an answer is not repeated.
KINDS = (
    "AuthError",
    "BadRequestError",
    "ValidationError",
    "InvalidPhoneError",
    "RateLimitError",
    "TooManyRequestsError",
)
# The client logs the text of an error, in which NotifyNL may repeat what it was sent.
logging.getLogger("notifications_python_client.base").addFilter(lambda _record: False)


class NotifySender:
    """A client of NotifyNL, for one batch: it is not thread-safe."""

    def __init__(self, client: NotificationsAPIClient, template: str) -> None:
        """Take the client, and the id of the template whose whole content is `((text))`."""
        self.client, self.template = client, template

    def send(self, row: OutboxMessage, content: Content, final: bytes) -> None:
        """Hand one sms over; its reference is the id of the message, also when it is repeated after a crash.

        Raises TemporaryFailure, or PermanentFailure for a number that is refused or a template without the text.
        """
        text = final.decode()
        try:
            answer = self.client.send_sms_notification(  # type: ignore[no-untyped-call]  # the client has no types
                content.to, self.template, {"text": text}, str(row.id)
            )
        # `from None`: the text of these errors may repeat number and text.
        except InvalidResponse:
            raise TemporaryFailure(NOT_UNDERSTOOD) from None
        except HTTPError as error:
            raise _failure(error) from None
        if _bare(text) not in _bare(_body(answer)):
            log.error("sms template of NotifyNL lacks the text", template=self.template)
            raise PermanentFailure("the template of NotifyNL lacks ((text))")


def _body(answer: Any) -> str:
    """Return the text that NotifyNL says it sends. Raises TemporaryFailure when the answer is not one of NotifyNL."""
    try:
        return str(answer["content"]["body"])
    except (TypeError, KeyError):
        raise TemporaryFailure(NOT_UNDERSTOOD) from None


def _bare(text: str) -> str:
    # NotifyNL tidies the spaces of an sms and may put the name of the service before it.
    return "".join(text.split())


def _failure(error: HTTPError) -> TemporaryFailure | PermanentFailure:
    if error.response is None:  # the client makes a 503 of it
        return lost(error.__cause__ or error)
    errors = _errors(error.response)
    kind = next((kind for kind, _message in errors if kind in KINDS), "")
    if kind == "AuthError" and any("system clock" in message for _kind, message in errors):
        kind += ", the clock of this machine is off"
    number = any(kind == "InvalidPhoneError" or message.startswith("phone_number ") for kind, message in errors)
    status = error.response.status_code
    return refusal(status, kind=kind, permanent=number and status == HTTPStatus.BAD_REQUEST)


def _errors(response: requests.Response) -> list[tuple[str, str]]:
    """Return kind and message of each error in an answer."""
    try:
        return [(str(error["error"]), str(error["message"])) for error in response.json()["errors"]]
    except (ValueError, TypeError, KeyError):
        return []


@contextlib.contextmanager
def open_notifynl(conf: Settings) -> Iterator[NotifySender]:
    """Make a client for one batch; it connects with the first sms."""
    key = conf.sms.secret.reveal() if conf.sms.secret else ""
    client = NotificationsAPIClient(  # type: ignore[no-untyped-call]  # the client has no types
        key, base_url=conf.sms.url, timeout=TIMEOUT_SECONDS
    )
    with Session(conf.sms.ca_file) as client.request_session:
        yield NotifySender(client, conf.sms.template)

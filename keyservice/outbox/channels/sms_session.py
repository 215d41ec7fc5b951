"""What the providers over HTTP share: a session that gives nothing away, and what an answer means for a message."""

import math
import ssl
from http import HTTPStatus
from pathlib import Path
from time import monotonic
from typing import Any

import requests
import structlog
from requests.adapters import HTTPAdapter

from keyservice.outbox.channels.base import ConnectionLost, PermanentFailure, TemporaryFailure

log = structlog.get_logger()
# For each step (connecting, a piece of the answer), and for a whole answer.
TIMEOUT_SECONDS = 20
LONGEST_ANSWER_SECONDS = 60
# What passes by itself: the provider is busy, still at it, or asks for patience. A Retry-After is not read: the queue's
# own waits grow from a minute, which is the longest window of NotifyNL.
BUSY = frozenset({408, 409, 425, 429})
NOT_UNDERSTOOD = "answer not understood"


class _Socket(ssl.SSLSocket):
    """A connection on which an answer takes a while at most: a server that drips byte by byte passes every time-out."""

    until = math.inf

    def sendall(self, *args: Any) -> None:
        self.until = monotonic() + LONGEST_ANSWER_SECONDS
        super().sendall(*args)

    def recv_into(self, *args: Any) -> int:
        left = self.until - monotonic()
        if left <= 0:
            raise TimeoutError
        self.settimeout(min(left, TIMEOUT_SECONDS))
        return super().recv_into(*args)


class Session(requests.Session):
    """A session with verified TLS, without redirects, and with no login but the one that a request carries itself."""

    def __init__(self, ca_file: Path | None) -> None:
        """Take the certificate authority of the provider; None: those that requests knows."""
        super().__init__()
        self.verify = str(ca_file) if ca_file else True
        self.auth = _as_it_is
        # A followed redirect would carry number and text to somebody else.
        self.max_redirects = 0
        self.mount("https://", _Adapter())

    def request(self, method: str, url: str | bytes, *args: Any, **kwargs: Any) -> requests.Response:
        """Ask, with our own authority even where REQUESTS_CA_BUNDLE is set. Raises RequestException."""
        return super().request(method, url, *args, **{"timeout": TIMEOUT_SECONDS, "verify": self.verify, **kwargs})


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=tls_context(), **kwargs)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        return super().proxy_manager_for(*args, ssl_context=tls_context(), **kwargs)


def tls_context() -> ssl.SSLContext:
    """Return the TLS side of a client that trusts nobody yet: requests adds the authorities of `verify`."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.sslsocket_class = _Socket
    return context


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    # An `auth` of any kind keeps requests from replacing the Authorization header by what stands in ~/.netrc.
    return request


def lost(error: BaseException) -> ConnectionLost:
    """Return the failure for a request without an answer; its text names the kind of error and no content."""
    cause: BaseException | None = error
    while cause:
        if isinstance(cause, ssl.SSLCertVerificationError):
            return ConnectionLost(f"certificate: {cause.verify_message}")
        cause = cause.__cause__ or cause.__context__
    return ConnectionLost(type(error).__name__)


def refusal(status: int, *, kind: str = "", permanent: bool = False) -> TemporaryFailure | PermanentFailure:
    """Return the failure for an answer that is no success. `kind` may add a word of ours, never one of the provider's.

    Only what is wrong with this one message is permanent. A wrong token, address or template is the operator's to mend:
    it shows in the log, and costs no message more than the wait.
    """
    text = f"HTTP {status} {kind}".strip()
    if permanent:
        return PermanentFailure(text)
    if status < HTTPStatus.INTERNAL_SERVER_ERROR and status not in BUSY:
        log.error("sms provider refuses us", cause=text)
    return TemporaryFailure(text)

"""Sms providers on a loopback socket: NotifyNL as it publishes its API, and a plain gateway; both fail as a test asks.

NotifyNL: docs.notifynl.nl, "Send a text message", as far as the program uses it.
"""

import json
import re
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from typing import Any, ClassVar
from uuid import UUID, uuid4

import jwt

SERVICE, KEY_SECRET = "26785a09-ab16-4eb0-8407-a37497a57506", "3d844edf-8d35-48ac-975b-e847b4f122b0"
API_KEY = f"sleuteluitgifte-{SERVICE}-{KEY_SECRET}"
TEMPLATE = "f33517ff-2a88-4f6e-b855-c550268ce08a"
TOKEN = "CANARY-token-van-de-gateway"
LEEWAY = 30
Answer = tuple[int, Any]


@dataclass(frozen=True)
class Taken:
    """One sms that a provider accepted."""

    to: str
    text: str
    reference: str


@dataclass
class Provider:
    """What a provider took, and what goes wrong: in turn, or for one number.

    A fault is a status, or `drop`, `hang`, `drip`, `garbage` (not HTTP), `page` (a web page that says 200), `redirect`.
    """

    taken: list[Taken] = field(default_factory=list)
    asked: list[Mapping[str, Any]] = field(default_factory=list)
    headers: list[Mapping[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    connections: int = 0
    faults: list[int | str] = field(default_factory=list)
    fault_of: dict[str, int | str] = field(default_factory=dict)
    limit: int = 3000
    path: ClassVar[str]
    port: int = 0
    stopped: Event = field(default_factory=Event)

    def number_of(self, _body: Mapping[str, Any]) -> str:
        """Return the number in a request."""
        raise NotImplementedError

    def accept(self, path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Answer:
        """Check a request as the provider does, take the sms, and answer."""
        raise NotImplementedError

    def refuse(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        """Answer a refusal that repeats all it was sent: no provider should, and some do."""
        raise NotImplementedError


class NotifyNl(Provider):
    """NotifyNL with one service, one live key and one template."""

    path = "/v2/notifications/sms"
    content = "((text))"
    seconds_ahead = 0

    def number_of(self, body: Mapping[str, Any]) -> str:
        """Return the number in a request."""
        return str(body.get("phone_number"))

    def accept(self, path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Answer:
        """Check path, token, shape and limits in the order of NotifyNL; answer 201 with the sms as it will be sent."""
        if path != self.path:
            return 404, {"message": "The requested URL was not found on the server.", "result": "error"}
        refusal = self._auth(headers.get("Authorization", "")) or self._shape(body) or self._limits()
        if refusal:
            return refusal
        filled = re.sub(r"\(\(text\)\)", lambda _: body["personalisation"]["text"], self.content)
        text = re.sub(r"[ \t]+([,.])", r"\1", filled).strip()
        self.taken.append(Taken(body["phone_number"], text, str(body.get("reference"))))
        number = str(uuid4())
        template = {"id": TEMPLATE, "version": 1, "uri": f"https://api.notifynl.nl/v2/template/{TEMPLATE}"}
        return 201, {
            "id": number,
            "reference": body.get("reference"),
            "content": {"body": text, "from_number": "DUO"},
            "uri": f"https://api.notifynl.nl/v2/notifications/{number}",
            "template": template,
            "scheduled_for": None,
        }

    def _auth(self, header: str) -> Answer | None:
        if not header.startswith("Bearer "):
            return _errors(401, "AuthError", "Unauthorized: authentication bearer scheme must be used")
        token = header.removeprefix("Bearer ")
        try:
            claims = jwt.decode(token, options={"verify_signature": False}, algorithms=["HS256"])
            if claims.get("iss") != SERVICE:
                return _errors(403, "AuthError", "Invalid token: service not found")
            # The moment is checked below, against the clock of this provider.
            jwt.decode(token, KEY_SECRET, algorithms=["HS256"], options={"verify_iat": False, "require": ["iat"]})
        except jwt.InvalidTokenError:
            return _errors(403, "AuthError", "Invalid token: API key not found")
        if abs(time.time() + self.seconds_ahead - claims["iat"]) > LEEWAY:
            return _errors(403, "AuthError", "Error: Your system clock must be accurate to within 30 seconds")
        return None

    def _shape(self, body: Mapping[str, Any]) -> Answer | None:
        for name in set(body) - {"phone_number", "template_id", "personalisation", "reference", "sms_sender_id"}:
            message = f"Additional properties are not allowed ({name} was unexpected)"
            return _errors(400, "ValidationError", message)
        if not re.fullmatch(r"\+\d{7,14}", self.number_of(body)):
            return _errors(400, "ValidationError", f"phone_number {self.number_of(body)} is not a mobile number")
        try:
            UUID(str(body.get("template_id")))
        except ValueError:
            return _errors(400, "ValidationError", "template_id is not a valid UUID")
        if body["template_id"] != TEMPLATE:
            return _errors(400, "BadRequestError", "Template not found")
        if "((text))" in self.content and "text" not in body.get("personalisation", {}):
            return _errors(400, "BadRequestError", "Missing personalisation: text")
        return None

    def _limits(self) -> Answer | None:
        if len(self.taken) >= self.limit:
            message = f"Exceeded rate limit for key type LIVE of {self.limit} requests per 60 seconds"
            return _errors(429, "RateLimitError", message)
        return None

    def refuse(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        """Answer with the kind of error that belongs to a status."""
        kinds = {400: "ValidationError", 401: "AuthError", 403: "AuthError", 429: "TooManyRequestsError"}
        told = f"{self.number_of(body)} {body} {headers}"
        message = f"phone_number {told}" if status == 400 else f"Exceeded send limits or worse, {told}"
        return _errors(status, kinds.get(status, "Exception"), message)


class Gateway(Provider):
    """A gateway that wants a bearer token and the plain body."""

    path = "/sms/v1/send"
    header, value = "Authorization", f"Bearer {TOKEN}"

    def number_of(self, body: Mapping[str, Any]) -> str:
        """Return the number in a request."""
        return str(body.get("to"))

    def accept(self, path: str, headers: Mapping[str, str], body: Mapping[str, Any]) -> Answer:
        """Check token and number; answer 202 without a body."""
        if path != self.path:
            return 404, {}
        if headers.get(self.header) != self.value or headers.get("Content-Type") != "application/json":
            return 401, {"error": "who are you"}
        if len(self.taken) >= self.limit:
            return 429, {"error": "slow down"}
        self.taken.append(Taken(body["to"], body["text"], headers["Idempotency-Key"]))
        return 202, None

    def refuse(self, status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> Answer:
        """Answer a status, and repeat everything."""
        return status, {"error": "no", "you_sent": body, "with": dict(headers)}


def _errors(status: int, kind: str, message: str) -> Answer:
    return status, {"errors": [{"error": kind, "message": message}], "status_code": status}


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, provider: Provider) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.provider = provider

    def handle_error(self, *_: object) -> None:
        """Say nothing of a client that went away."""


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        self.server.provider.connections += 1
        super().setup()

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_POST(self) -> None:
        provider = self.server.provider
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        headers = dict(self.headers.items())
        provider.asked.append(body)
        provider.headers.append(headers)
        provider.paths.append(self.path)
        fault = provider.fault_of.get(provider.number_of(body)) or (provider.faults.pop(0) if provider.faults else None)
        if isinstance(fault, str):
            getattr(self, f"_{fault}")()
            return
        answer = provider.refuse(fault, body, headers) if fault else provider.accept(self.path, headers, body)
        self._answer(*answer)

    do_GET = do_POST  # noqa: N815 - http.server's name

    def _answer(self, status: int, found: Any, **more: str) -> None:
        raw = b"" if found is None else found if isinstance(found, bytes) else json.dumps(found).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Retry-After": "1", **more}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)

    def _drop(self) -> None:
        self.close_connection = True

    def _hang(self) -> None:
        self.server.provider.stopped.wait(30)
        self.close_connection = True

    def _drip(self) -> None:
        """Answer byte by byte: each comes well within any time-out, and there is no end to them."""
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 201 CREATED\r\nX-Long: ")
        while not self.server.provider.stopped.wait(0.1):
            self.wfile.write(b"a")

    def _garbage(self) -> None:
        self.wfile.write(b"\x16\x03\x01 this is not HTTP\r\n\r\n" * 10)
        self.close_connection = True

    def _page(self) -> None:
        self._answer(200, b"<!DOCTYPE html><title>Log in at the hotel</title>", **{"Content-Type": "text/html"})

    def _redirect(self) -> None:
        self._answer(307, None, Location=f"http://127.0.0.1:{self.server.provider.port}/elders")


@contextmanager
def running(provider: Provider, tls: ssl.SSLContext | None = None) -> Iterator[int]:
    """Run a provider and give its port; what is changed in it works at once."""
    with _Server(provider) as server:
        if tls:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        provider.port = server.server_port
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield provider.port
        finally:
            provider.stopped.set()
            server.shutdown()
            thread.join()

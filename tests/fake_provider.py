"""An OpenID Connect provider on a loopback socket that lies as a test asks; oidc-provider-mock behaves well."""

import base64
import hashlib
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import ECKey, OctKey

CLIENT_ID, CLIENT_SECRET, ACR = "sleuteluitgifte", "een-geheim-van-de-test", "urn:voorbeeld:twee-stappen"


@dataclass
class Provider:
    """What the provider says. `claims` replace those of the ID token; a claim that is None is left out."""

    issuer: str = ""
    subject: str = "anna-bij-de-inlogdienst"
    claims: dict[str, Any] = field(default_factory=dict)
    discovery: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    refuses: str = ""
    seconds: float = 0
    forged_with: str = ""
    signing_key: ECKey = field(default_factory=lambda: ECKey.generate_key("P-256"))
    published_key: ECKey | None = None
    asked: list[dict[str, str]] = field(default_factory=list)
    codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def configuration(self) -> dict[str, Any]:
        """Return the discovery document."""
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
            **self.discovery,
        }

    def keys(self) -> dict[str, Any]:
        """Return the published keys."""
        return {"keys": [dict((self.published_key or self.signing_key).as_dict(private=False))]}

    def authorize(self, question: dict[str, str]) -> str:
        """Return where the browser goes after logging in, or after breaking off."""
        self.asked.append(question)
        if self.refuses:
            return f"{question['redirect_uri']}?{urlencode({'error': self.refuses, 'state': question['state']})}"
        code = f"code-{len(self.asked)}"
        self.codes[code] = question
        return f"{question['redirect_uri']}?{urlencode({'code': code, 'state': question['state']})}"

    def token(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Trade a code, once, for an ID token; checks the secret, the address to return to and PKCE."""
        question = self.codes.pop(form.get("code", ""), None)
        if question is None:
            return 400, {"error": "invalid_grant"}
        assert base64.b64decode(authorization.removeprefix("Basic ")).decode() == f"{CLIENT_ID}:{CLIENT_SECRET}"
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form["code_verifier"].encode()).digest()).rstrip(b"=")
        assert (question["code_challenge"], question["code_challenge_method"]) == (challenge.decode(), "S256")
        assert question["redirect_uri"] == form["redirect_uri"]
        return 200, {"access_token": "toegang", "token_type": "Bearer", "id_token": self.id_token(question)}

    def id_token(self, question: dict[str, str]) -> str:
        """Return the signed ID token of a question."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "sub": self.subject,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": question["nonce"],
            "acr": ACR,
            "auth_time": now,
            **self.claims,
        }
        told = {name: value for name, value in claims.items() if value is not None}
        if self.forged_with == "none":
            parts = ({"alg": "none"}, told)
            return ".".join(base64.urlsafe_b64encode(json.dumps(part).encode()).decode() for part in parts) + "."
        if self.forged_with:
            return jwt.encode({"alg": self.forged_with}, told, OctKey.import_key(CLIENT_SECRET))
        return jwt.encode({"alg": "ES256"}, told, self.signing_key)


class _Server(ThreadingHTTPServer):
    def __init__(self, provider: Provider) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.provider = provider

    def handle_error(self, *_: object) -> None:
        """Say nothing of a program that waited no longer.

        To print a traceback Python 3.11 parses its lines, and two threads that parse at once can both fail over it
        (CPython issue 106905): the other one is making an application.
        """


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _answer(self, status: int, body: bytes, location: str = "") -> None:
        self.send_response(status)
        if location:
            self.send_header("Location", location)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        provider, parts = self.server.provider, urlsplit(self.path)
        time.sleep(provider.seconds)
        if parts.path in provider.answers:
            self._answer(*provider.answers[parts.path])
        elif parts.path == "/authorize":
            question = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self._answer(302, b"", provider.authorize(question))
        else:
            found = provider.keys() if parts.path == "/keys" else provider.configuration()
            self._answer(200, json.dumps(found).encode())

    def do_POST(self) -> None:
        provider = self.server.provider
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if "/token" in provider.answers:
            self._answer(*provider.answers["/token"])
            return
        form = {name: values[0] for name, values in parse_qs(body).items()}
        status, found = provider.token(form, self.headers["Authorization"])
        self._answer(status, json.dumps(found).encode())


@contextmanager
def running() -> Iterator[Provider]:
    """Run a provider; what is changed in it works at once."""
    provider = Provider()
    with _Server(provider) as server:
        provider.issuer = f"http://127.0.0.1:{server.server_port}"
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield provider
        finally:
            server.shutdown()
            thread.join()

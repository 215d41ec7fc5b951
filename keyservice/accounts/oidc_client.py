"""The protocol side of logging in through a provider: OpenID Connect Core 1.0 with PKCE, by Authlib.

Nothing of a provider is kept between requests: its addresses and keys are asked anew at each round trip, so that a
change there works at once and a broken answer is never remembered.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

import requests
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.base_client.errors import MismatchingStateError
from authlib.integrations.flask_client import FlaskIntegration, FlaskOAuth2App
from flask import current_app, request, session
from joserfc.errors import ExpiredTokenError, JoseError

from keyservice.kernel import clock
from keyservice.settings_oidc import OidcProvider

SECONDS_TO_ANSWER = 5
SKEW = timedelta(seconds=30)
LONGEST_SUBJECT = 255  # OpenID Connect Core 1.0, 2
# Signatures that only the provider can make: never `none`, never one made with our own client secret.
ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"})
ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
# A malformed answer makes the libraries fail each in its own way; all of it is the provider's fault.
MALFORMED = (ValueError, TypeError, KeyError, AttributeError, RuntimeError, OverflowError)


class OidcFailed(Exception):
    """The round trip did not end with somebody we may let in; `code` chooses the text of the page."""

    def __init__(self, code: str, account: UUID | None = None) -> None:
        """Take a stable code (lower case with dashes), and whose account was meant, when that is known."""
        super().__init__(code)
        self.code, self.account = code, account


@dataclass(frozen=True)
class Identity:
    """Who somebody is to a provider, and when (if it says so) it last asked for his factors."""

    issuer: str
    subject: str
    auth_time: datetime | None


def begin(provider: OidcProvider, return_url: str, kept: Mapping[str, str], *, anew: bool = False) -> str:
    """Return the provider's address to send the browser to, and keep what belongs to this round trip in the session.

    `kept` comes back from `finish`; `anew` asks the provider to ask for the factors again, whoever is logged in there.
    Raises OidcFailed.
    """
    options = {"prompt": "login", "max_age": "0"} if anew else {}
    try:
        client = _client(provider)
        started = client.create_authorization_url(return_url, acr_values=" ".join(provider.acr), **options)
    except (requests.RequestException, AuthlibBaseError, *MALFORMED) as error:
        raise _failure("provider", error) from error
    url = str(started.pop("url"))
    client.save_authorize_data(redirect_uri=return_url, kept=dict(kept), **started)
    return url


def kept_for_return(provider: OidcProvider) -> dict[str, str]:
    """Return what `begin` kept for the state in this request. Raises OidcFailed when this browser did not begin it."""
    state = request.args.get("state", "")
    data = FlaskIntegration(provider.audience).get_state_data(session, state)
    if not data:
        raise OidcFailed("state")
    kept: dict[str, str] = data["kept"]
    return kept


def finish(provider: OidcProvider) -> Identity:
    """Trade the code in this request for a checked identity; a state works once. Raises OidcFailed."""
    integration = FlaskIntegration(provider.audience)
    state = request.args.get("state", "")
    try:
        if request.args.get("error"):
            raise OidcFailed("denied")
        client = _client(provider)
        token = client.authorize_access_token(claims_options=_expected(provider), leeway=SKEW.total_seconds())
        return _identity(provider, token["userinfo"])
    except MismatchingStateError as error:
        raise _failure("state", error) from error
    except ExpiredTokenError as error:
        raise _failure("expired", error) from error
    except (AuthlibBaseError, JoseError) as error:
        raise _failure("token", error) from error
    except (requests.RequestException, *MALFORMED) as error:
        raise _failure("provider", error) from error
    finally:
        integration.clear_state_data(session, state)


def _client(provider: OidcProvider) -> FlaskOAuth2App:
    """Return a client for what the provider says of itself now (OpenID Connect Discovery 1.0, 4.3)."""
    url = f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration"
    answer = requests.get(url, timeout=SECONDS_TO_ANSWER, allow_redirects=False)
    answer.raise_for_status()
    found = answer.json()
    if found["issuer"] != provider.issuer:
        raise ValueError("the provider names another issuer")
    secure = urlsplit(provider.issuer).scheme == "https"
    for name in ENDPOINTS:
        if urlsplit(found[name]).scheme not in ({"https"} if secure else {"https", "http"}):
            raise ValueError(f"{name} is no https address")
    secret = provider.client_secret
    return FlaskOAuth2App(
        FlaskIntegration(provider.audience),
        provider.audience,
        client_id=provider.client_id,
        client_secret=secret.reveal() if secret else None,
        authorize_url=found["authorization_endpoint"],
        access_token_url=found["token_endpoint"],
        client_kwargs={
            "scope": "openid",
            "code_challenge_method": "S256",
            "default_timeout": SECONDS_TO_ANSWER,
            "max_redirects": 0,
        },
        issuer=found["issuer"],
        jwks_uri=found["jwks_uri"],
        id_token_signing_alg_values_supported=sorted(
            ALGORITHMS.intersection(found["id_token_signing_alg_values_supported"])
        ),
    )


def _expected(provider: OidcProvider) -> dict[str, dict[str, object]]:
    return {
        "iss": {"essential": True, "value": provider.issuer},
        "aud": {"essential": True, "value": provider.client_id},
        "sub": {"essential": True},
        "exp": {"essential": True},
        "iat": {"essential": True},
        "nonce": {"essential": True},
    }


def _identity(provider: OidcProvider, claims: Mapping[str, object]) -> Identity:
    """Check what the library does not: the level, the shape of the subject, a moment that has yet to come."""
    subject, auth_time = claims["sub"], claims.get("auth_time")
    if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT:
        raise OidcFailed("token")
    if claims.get("acr") not in provider.acr:
        raise OidcFailed("acr")
    if not isinstance(auth_time, int | float):
        return Identity(provider.issuer, subject, None)
    proved = datetime.fromtimestamp(auth_time, UTC)
    if proved > clock.now() + SKEW:
        raise OidcFailed("auth-time")
    return Identity(provider.issuer, subject, proved)


def _failure(code: str, error: Exception) -> OidcFailed:
    # The message of the error may hold the code or the token.
    current_app.logger.warning("logging in through the provider failed: %s, %s", code, type(error).__name__)
    return OidcFailed(code)

"""Codes from an authenticator app (TOTP, RFC 6238): six digits, a new one every 30 seconds, each good for one login.

The shared secret is sealed by the ring `totp` and bound to its account, so that a copy in another row does not open.
"""

import base64
from datetime import datetime
from typing import Any
from uuid import UUID

from passlib.totp import TOTP, TokenError
from qrcode.main import QRCode
from sqlalchemy import or_, update

from keyservice import audit, settings
from keyservice.accounts import events, factor_messages
from keyservice.accounts.models import Account
from keyservice.accounts.sessions import end_sessions
from keyservice.database import execute_count, transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import Actor
from keyservice.kernel.errors import Conflict
from keyservice.kernel.seal import Place
from keyservice.kernel.secret import Secret
from keyservice.outbox.service import enqueue

ISSUER = "Sleuteluitgifte"
METHOD = "authenticator"  # as Flask-Security calls it
RING = "totp"
STEP = 30
# One step before and one after: clocks of phones differ (RFC 6238 5.2 advises one).
WINDOW = STEP
_App = TOTP.using(issuer=ISSUER)


def new_secret(account_id: UUID) -> str:
    """Return a fresh secret of 160 bits (RFC 4226 4), sealed for an account; nothing is stored."""
    return seal(account_id, Secret(_App.new().base32_key))


def seal(account_id: UUID, secret: Secret) -> str:
    """Return a base32 secret as the account's row keeps it."""
    blob = settings.rings().seal(RING, secret.reveal().encode(), _place(account_id))
    return base64.b64encode(blob).decode()


def reveal(account_id: UUID, sealed: str) -> Secret:
    """Return the base32 secret that was sealed for an account. Raises SealBroken."""
    return Secret(settings.rings().unseal(RING, base64.b64decode(sealed), _place(account_id)).decode())


def _place(account_id: UUID) -> Place:
    return Place(Account.__tablename__, "tf_totp_secret", account_id)


def _app(account_id: UUID, sealed: str) -> TOTP:
    app: TOTP = _App(reveal(account_id, sealed).reveal())
    return app


def grouped(account_id: UUID, sealed: str) -> str:
    """Return the secret in groups of four, for who cannot scan the picture."""
    return str(_app(account_id, sealed).pretty_key())


def picture(account_id: UUID, sealed: str, label: str) -> tuple[int, str]:
    """Return the QR code of a secret: the length of its side in blocks, and an SVG path that fills the dark ones."""
    code: QRCode[Any] = QRCode()
    code.add_data(_app(account_id, sealed).to_uri(label))
    rows = code.get_matrix()
    dark = (f"M{x} {y}h1v1h-1z" for y, row in enumerate(rows) for x, filled in enumerate(row) if filled)
    return len(rows), "".join(dark)


def counter_at(moment: datetime) -> int:
    """Return the number of the 30-second step of a moment (RFC 6238 4.2)."""
    return int(moment.timestamp()) // STEP


def code(account_id: UUID, sealed: str, counter: int) -> str:
    """Return the code of a step, as an app shows it."""
    return str(_app(account_id, sealed).generate(time=counter * STEP).token)


def enrol(actor: Actor, sealed: str, typed: str, *, keep_session: str | None = None) -> bool:
    """Make a secret the account's own, when the typed code proves that an app holds it; else return False.

    An earlier app stops working, and all other sessions end.
    """
    with transaction() as session:
        account = session.get_one(Account, actor.person)
        counter = _matching(account.id, sealed, typed, None)
        if counter is None:
            return False
        account.tf_primary_method, account.tf_totp_secret, account.tf_last_counter = METHOD, sealed, counter
        audit.record(events.FACTOR_ADDED, actor, subject=account.id, account=account.id, factor="totp", name=None)
        enqueue(factor_messages.told(account, factor_messages.Told.APP_ADDED))
        end_sessions(account.id, keep_session)
    return True


def verify(account_id: UUID, typed: str) -> bool:
    """Tell whether a code is right, and use it up: the same code, or an older one, never counts again."""
    with transaction() as session:
        account = session.get_one(Account, account_id)
        if not account.tf_totp_secret:
            return False
        counter = _matching(account_id, account.tf_totp_secret, typed, account.tf_last_counter)
        if counter is None:
            return False
        # Compare-and-swap: of two requests with the same code at the same moment one wins.
        unused = or_(Account.tf_last_counter.is_(None), Account.tf_last_counter < counter)
        swap = update(Account).where(Account.id == account_id, unused).values(tf_last_counter=counter)
        return execute_count(swap) == 1


def remove(actor: Actor, *, keep_session: str | None = None) -> None:
    """Take the app away. Raises Conflict when it is the only second factor, or not there."""
    with transaction() as session:
        account = session.get_one(Account, actor.person, with_for_update=True)
        if not account.tf_totp_secret:
            raise Conflict("factor-gone")
        if not account.webauthn:
            raise Conflict("last-factor")
        account.tf_primary_method = account.tf_totp_secret = account.tf_last_counter = None
        audit.record(events.FACTOR_REMOVED, actor, subject=account.id, account=account.id, factor="totp", name=None)
        enqueue(factor_messages.told(account, factor_messages.Told.APP_REMOVED))
        end_sessions(account.id, keep_session)


def _matching(account_id: UUID, sealed: str, typed: str, last: int | None) -> int | None:
    try:
        match = _app(account_id, sealed).match(typed, time=clock.now(), window=WINDOW, last_counter=last)
    except TokenError:
        return None
    return int(match.counter)

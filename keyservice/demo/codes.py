"""The codes that the fictive people of the demo would read from the app on their phone."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from keyservice import settings
from keyservice.accounts import totp
from keyservice.accounts.models import Account
from keyservice.database import db
from keyservice.kernel import clock
from keyservice.kernel.errors import Refused


@dataclass(frozen=True)
class Login:
    """How a fictive person logs in; `code` is None while the codes that would do are used."""

    name: str
    email: str
    code: str | None


def logins() -> list[Login]:
    """Return all fictive people with an app. Raises Refused outside the demo."""
    if not settings.current().demo:
        raise Refused("codes-outside-the-demo")
    people = db.session.scalars(select(Account).where(Account.fictive, Account.tf_totp_secret.is_not(None)))
    now = clock.now()
    return [Login(one.name, one.email, usable_code(one, now)) for one in people]


def usable_code(account: Account, now: datetime) -> str | None:
    """Return the code of this moment, or the next one when this one is used: the login takes that already."""
    present, last = totp.counter_at(now), account.tf_last_counter
    counter = present if last is None else max(present, last + 1)
    if account.tf_totp_secret is None or counter > present + 1:
        return None
    return totp.code(account.id, account.tf_totp_secret, counter)

"""Mails to the owner of an account about what happens with it."""

from datetime import date, datetime
from uuid import UUID

from keyservice import settings
from keyservice.accounts.models import Account
from keyservice.outbox.message import Message
from keyservice.outbox.models import Channel
from keyservice.web.dates import datumtijd


def new_device(account: Account, event: UUID, at: datetime, browser: str) -> Message:
    """Return the mail about a login with a browser that this person never used before."""
    values = {"when": datumtijd(at), "browser": browser}
    return _mail("account-new-device", account, str(event), **values)


def many_failures(account: Account, day: date) -> Message:
    """Return the mail about many wrong guesses, at most one a day."""
    return _mail("account-many-failures", account, day.isoformat())


def password_changed(account: Account, event: UUID) -> Message:
    """Return the mail that the password is another one."""
    return _mail("account-password-changed", account, str(event))


def _mail(kind: str, account: Account, once: str, **values: str) -> Message:
    base = settings.current().base_url
    return Message(
        kind=kind,
        channel=Channel.MAIL,
        key=f"{kind}:{account.id}:{once}",
        to=account.email,
        values={"name": account.name, "url": f"{base}/mijn-account/sessies", "contact": f"{base}/contact", **values},
    )

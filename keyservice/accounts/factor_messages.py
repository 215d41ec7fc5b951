"""Mails to the owner of an account about its second factors."""

from enum import StrEnum

from keyservice import settings
from keyservice.accounts.models import Account
from keyservice.kernel import clock
from keyservice.kernel.ids import new_id
from keyservice.outbox.message import Message
from keyservice.outbox.models import Channel
from keyservice.web.dates import datumtijd

KIND = "account-factor"


class Told(StrEnum):
    """What happened, as the mail says it."""

    APP_ADDED = "Er is een authenticator-app ingesteld."
    APP_REMOVED = "De authenticator-app is verwijderd."
    PASSKEY_ADDED = "Er is een passkey toegevoegd."
    PASSKEY_REMOVED = "Er is een passkey verwijderd."
    RECOVERY_CODES_MADE = "Er zijn nieuwe herstelcodes gemaakt. De oude werken niet meer."
    RECOVERY_CODE_USED = "Er is ingelogd met een herstelcode."


def told(account: Account, what: Told) -> Message:
    """Return the mail that tells the owner what happened just now."""
    return Message(
        kind=KIND,
        channel=Channel.MAIL,
        key=f"factor:{new_id()}",
        to=account.email,
        values={
            "name": account.name,
            "what": str(what),
            "when": datumtijd(clock.now()),
            "url": f"{settings.current().base_url}/mijn-account",
        },
    )

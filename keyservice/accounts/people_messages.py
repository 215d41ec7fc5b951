"""The mails about invitations, roles and lost factors, as values."""

from keyservice import settings
from keyservice.accounts.models import Account, FactorReset, Grant, Invitation
from keyservice.accounts.words import ROLES
from keyservice.kernel.secret import Secret
from keyservice.outbox.message import Message
from keyservice.outbox.models import Channel
from keyservice.web.dates import datumtijd

LINK_PATH = "/uitnodiging/"
REVIEW_PATH = {True: "/personen/controle", False: "/collega-s/controle"}


def invitation_prefix(invitation: Invitation) -> str:
    """Return how the keys of all mails of an invitation start."""
    return f"invitation:{invitation.id}:"


def invitation(invitation: Invitation, link: Secret, gemeente: str | None) -> Message:
    """Return the mail with the link; the code is said aloud and never stands in a mail."""
    return Message(
        kind="account-invitation",
        channel=Channel.MAIL,
        key=f"{invitation_prefix(invitation)}{(invitation.token_digest or b'').hex()}",
        to=invitation.email,
        values={
            "name": invitation.name,
            "role": ROLES[invitation.role],
            "where": f"gemeente {gemeente}" if gemeente else "DUO",
            "until": datumtijd(invitation.expires_at),
            "url": link,
        },
    )


def new_grant(grant: Grant, person: str, gemeente: str, reader: Account) -> Message:
    """Tell a gemeentebeheerder that somebody got a role."""
    return Message(
        kind="account-grant",
        channel=Channel.MAIL,
        key=f"grant-told:{grant.id}:{reader.id}",
        to=reader.email,
        values={
            "name": reader.name,
            "person": person,
            "role": ROLES[grant.role],
            "gemeente": gemeente,
            "url": f"{settings.current().base_url}/collega-s",
        },
    )


def factors_gone(reset: FactorReset, person: Account) -> Message:
    """Tell a person that the second factors of the account were taken away."""
    return Message(
        kind="account-factors-gone",
        channel=Channel.MAIL,
        key=f"factors-gone:{reset.id}",
        to=person.email,
        values={"name": person.name, "url": f"{settings.current().base_url}/inloggen"},
    )


def review_reminder(key: str, reader: Account, where: str, *, duo: bool) -> Message:
    """Remind a beheerder that the roles were not looked at for a year."""
    return Message(
        kind="account-review",
        channel=Channel.MAIL,
        key=key,
        to=reader.email,
        values={"name": reader.name, "where": where, "url": f"{settings.current().base_url}{REVIEW_PATH[duo]}"},
    )

"""The replay of what is stored about people: accounts, factors, grants, invitations (see `replay`)."""

from keyservice.accounts import events
from keyservice.audit import EventType
from keyservice.integrity.facts import About, Count, Expected, Handlers, Present, Told, exactly, plain_id, text

RECOVERY_CODES = 10


def _created(to: Expected, told: Told) -> None:
    to.make(
        "account",
        told.subject,
        audience=told.fields["audience"],
        email=text(told, "email"),
        created_at=About(told.at),
        tf_totp_secret=None,
        mf_recovery_codes=Count(0),
    )


def _granted(to: Expected, told: Told) -> None:
    to.make(
        "role_grant",
        told.subject,
        account_id=plain_id(told.fields["account"]),
        role=told.fields["role"],
        gemeente=told.gemeente,
        valid_from=About(told.at),
        valid_until=exactly(told.fields["until"]),
        reviewed_at=None,
    )


def _grant_ended(to: Expected, told: Told) -> None:
    to.change("role_grant", told.subject, valid_until=About(told.at))


def _grant_reviewed(to: Expected, told: Told) -> None:
    to.change("role_grant", told.subject, reviewed_at=About(told.at))


def _factor_added(to: Expected, told: Told) -> None:
    account = plain_id(told.fields["account"])
    if told.fields["factor"] == "passkey":
        to.make("passkey", told.subject, account_id=account)
    else:
        to.change("account", account, tf_totp_secret=Present())


def _factor_removed(to: Expected, told: Told) -> None:
    if told.fields["factor"] == "passkey":
        to.table("passkey").pop(told.subject, None)
    else:
        to.change("account", plain_id(told.fields["account"]), tf_totp_secret=None)


def _factors_reset(to: Expected, told: Told) -> None:
    account = plain_id(told.fields["account"])
    to.change("account", account, tf_totp_secret=None, mf_recovery_codes=Count(0))
    to.delete("passkey", account_id=account)
    to.change("factor_reset", told.subject, confirmed_by=told.person, confirmed_at=About(told.at))


def _reset_proposed(to: Expected, told: Told) -> None:
    account = plain_id(told.fields["account"])
    values = {"account_id": account, "proposed_by": told.person, "proposed_at": About(told.at)}
    to.make("factor_reset", told.subject, **values, confirmed_by=None, confirmed_at=None, ended_at=None)


def _reset_ended(to: Expected, told: Told) -> None:
    to.change("factor_reset", told.subject, ended_at=About(told.at))


def _codes_made(to: Expected, told: Told) -> None:
    to.change("account", told.subject, mf_recovery_codes=Count(RECOVERY_CODES))


def _code_used(to: Expected, told: Told) -> None:
    to.change("account", told.subject, mf_recovery_codes=Count(told.fields["left"]))


def _bound(to: Expected, told: Told) -> None:
    # A person has one subject per issuer: binding another one replaces it.
    key = f"{told.subject} {told.fields['issuer']}"
    to.make("oidc_identity", key, subject=text(told, "identity"), bound_at=About(told.at))


def _invited(to: Expected, told: Told) -> None:
    to.make(
        "invitation",
        told.subject,
        email=text(told, "email"),
        role=told.fields["role"],
        gemeente=told.gemeente,
        grant_until=exactly(told.fields["until"]),
        invited_by=told.person,
        second_needed=told.fields["second_needed"],
        second_by=None,
        used_at=None,
        account_id=None,
        ended_at=None,
    )


def _invitation_sent(to: Expected, told: Told) -> None:
    # The first beheerder of an empty system is invited by nobody.
    if told.subject not in to.table("invitation"):
        values = {"role": told.fields["role"], "gemeente": told.gemeente, "invited_by": None}
        to.make("invitation", told.subject, **values, second_by=None, used_at=None, account_id=None, ended_at=None)


def _invitation_confirmed(to: Expected, told: Told) -> None:
    to.change("invitation", told.subject, second_by=told.person, called_number=told.fields["called"])


def _invitation_accepted(to: Expected, told: Told) -> None:
    to.change("invitation", told.subject, used_at=About(told.at), account_id=plain_id(told.fields["account"]))


def _invitation_ended(to: Expected, told: Told) -> None:
    to.change("invitation", told.subject, ended_at=About(told.at))


HANDLERS: Handlers = {
    events.ACCOUNT_CREATED: _created,
    events.GRANT_GIVEN: _granted,
    events.GRANT_ENDED: _grant_ended,
    events.GRANT_REVIEWED: _grant_reviewed,
    events.FACTOR_ADDED: _factor_added,
    events.FACTOR_REMOVED: _factor_removed,
    events.RESET_PROPOSED: _reset_proposed,
    events.RESET_CONFIRMED: _factors_reset,
    events.RESET_WITHDRAWN: _reset_ended,
    events.RESET_LAPSED: _reset_ended,
    events.RECOVERY_CODES_MADE: _codes_made,
    events.RECOVERY_CODE_USED: _code_used,
    events.OIDC_BOUND: _bound,
    events.INVITED: _invited,
    events.INVITATION_SENT: _invitation_sent,
    events.INVITATION_CONFIRMED: _invitation_confirmed,
    events.INVITATION_ACCEPTED: _invitation_accepted,
    events.INVITATION_WITHDRAWN: _invitation_ended,
    events.INVITATION_LAPSED: _invitation_ended,
}
# Of a session, a portfolio (no wall) or a password nothing is told that a row could be compared with.
WITHOUT_FACTS: tuple[EventType, ...] = (
    events.PORTFOLIO_GIVEN,
    events.PORTFOLIO_ENDED,
    events.PORTFOLIO_HANDED_OVER,
    events.LOGGED_IN,
    events.LOGGED_OUT,
    events.LOGIN_REFUSED,
    events.CONFIRMED_IDENTITY,
    events.STEP_UP_REFUSED,
    events.INVITATION_OPENED,
    events.REVIEW_REMINDED,
    events.FACTOR_REFUSED,
    events.SESSION_ENDED,
    events.NEW_DEVICE,
    events.PASSWORD_CHANGED,
)

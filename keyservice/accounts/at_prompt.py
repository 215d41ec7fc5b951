"""Who types a command: somebody with an account, by password and the code of the app."""

from dataclasses import replace

from keyservice import audit
from keyservice.accounts import events, guessing, passwords, queries, totp
from keyservice.database import transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import CLI, DUO_ROLES, Actor
from keyservice.kernel.errors import Refused


def person(email: str, typed: str, code: str, user: str) -> Actor:
    """Return the person of DUO with this mail address, password and code; `user` is the user of the machine.

    Raises Refused, the same for an unknown person and for a wrong password or code, or TooOften. Who has no password
    or no app cannot be somebody at a prompt.
    """
    visitor = replace(CLI, source=user)
    account = queries.by_mailbox(email)
    account_id, stored = (account.id, account.password) if account and account.active else (None, None)
    guess = guessing.attempt(guessing.Kind.LOGIN, email, user)
    if not (passwords.fits(stored, typed) and account_id and totp.verify(account_id, code)):
        if account_id:
            with transaction():
                audit.record(events.LOGIN_REFUSED, visitor, result=audit.Result.REFUSED, account=account_id)
        else:
            audit.record_refusal(visitor, "prompt", "login")
        raise Refused("not-logged-in")
    guess.right()
    roles = frozenset(grant.role for grant in queries.valid_grants(account_id) if grant.role in DUO_ROLES)
    return replace(visitor, person=account_id, roles=roles, factor_at=clock.now())

"""Making accounts, granting roles. Invitations build on these."""

from datetime import datetime
from uuid import UUID

from keyservice import audit
from keyservice.accounts import events, queries
from keyservice.accounts.models import Account, Audience, Grant
from keyservice.accounts.passwords import hashed
from keyservice.database import transaction
from keyservice.kernel import clock
from keyservice.kernel.actor import DUO_ROLES, Actor, Role
from keyservice.kernel.errors import Conflict, Refused
from keyservice.kernel.ids import link_token, new_id
from keyservice.kernel.secret import Secret

# A person with two of these could check his own work.
EXCLUSIVE = DUO_ROLES


def create_account(
    actor: Actor, *, audience: Audience, name: str, email: str, password: Secret | None, fictive: bool = False
) -> UUID:
    """Make an account without any grant and return its id; without a password one logs in through a provider only."""
    account_id = new_id()
    with transaction() as session:
        session.add(
            Account(
                id=account_id,
                audience=audience,
                name=name,
                email=email.lower(),
                password=hashed(password) if password else "",
                active=True,
                fs_uniquifier=link_token(),
                created_at=clock.now(),
                fictive=fictive,
            )
        )
        audit.record(
            events.ACCOUNT_CREATED,
            actor,
            subject=account_id,
            account=account_id,
            audience=audience,
            name=name,
            email=email.lower(),
        )
    return account_id


def give_role(
    actor: Actor, account_id: UUID, role: Role, *, gemeente: str | None = None, until: datetime | None = None
) -> UUID:
    """Grant a role and return the grant's id. Raises what `add_grant` raises."""
    grant = Grant(
        id=new_id(),
        account_id=account_id,
        role=role,
        gemeente=gemeente,
        valid_from=clock.now(),
        valid_until=until,
        granted_by=actor.person,
    )
    add_grant(actor, grant)
    return grant.id


def add_grant(actor: Actor, grant: Grant) -> None:
    """Store a new grant.

    Raises Refused when it is to oneself, of the other audience, or excluded by a role held, and Conflict when the
    person has it already.
    """
    with transaction() as session:
        # Locked, so that two grants at the same moment see each other.
        account = session.get_one(Account, grant.account_id, with_for_update=True)
        if account.id == grant.granted_by:
            raise Refused("grant-to-oneself")
        if (account.audience is Audience.DUO) != (grant.role in DUO_ROLES):
            raise Refused("grant-other-audience")
        held = {(held.role, held.gemeente) for held in queries.valid_grants(account.id)}
        if grant.role in EXCLUSIVE and {role for role, _ in held} & (EXCLUSIVE - {grant.role}):
            raise Refused("grant-excluded")
        if (grant.role, grant.gemeente) in held:
            raise Conflict("grant-already")
        session.add(grant)
        session.flush()
        audit.record(
            events.GRANT_GIVEN,
            actor,
            subject=grant.id,
            gemeente=grant.gemeente,
            account=account.id,
            role=grant.role,
            until=grant.valid_until,
        )
